#include "launcher/relocate.h"

#include <gtest/gtest.h>

namespace hearth::launcher {
namespace {

CreateMessage request() {
  CreateMessage message;
  message.mounts = {
      {"/d/code/abc", "/var/task"}, {"/d/rt/python", "/var/runtime"}, {"/d/sdk", "/var/runtime/node_modules"}};
  message.argv = {"/usr/bin/python3", "/var/runtime/bootstrap.py", "/var/taskforce"};
  message.working_directory = "/var/task";
  return message;
}
const OwnPlaces kPlaces{.tmp = "/d/sandboxes/one", .runtime_api_port = 40'001, .http_port = 40'002};

TEST(Relocate, PathsBecomeThePlacesTheyStandFor) {
  const CreateMessage moved = relocate(request(), kPlaces);
  EXPECT_EQ((std::vector<std::string>{"/usr/bin/python3", "/d/rt/python/bootstrap.py", "/var/taskforce"}), moved.argv);
  EXPECT_EQ("/d/code/abc", moved.working_directory);
}

TEST(Relocate, TheLongestDestinationCounts) {
  CreateMessage message = request();
  message.env = {"NODE_PATH=/opt/nodejs:/var/runtime/node_modules:/var/runtime:/var/task"};
  EXPECT_EQ("NODE_PATH=/opt/nodejs:/d/sdk:/d/rt/python:/d/code/abc", relocate(message, kPlaces).env.front());
}

TEST(Relocate, TheRuntimeApiAndTheEndpointHavePortsOfTheirOwn) {
  CreateMessage message = request();
  message.env = {"AWS_LAMBDA_RUNTIME_API=127.0.0.1:9001", "AWS_ENDPOINT_URL=http://127.0.0.1:80"};
  const CreateMessage moved = relocate(message, kPlaces);
  EXPECT_EQ("AWS_LAMBDA_RUNTIME_API=127.0.0.1:40001", moved.env[0]);
  EXPECT_EQ("AWS_ENDPOINT_URL=http://127.0.0.1:40002", moved.env[1]);
}

TEST(Relocate, AnEndpointTheFunctionChoseStays) {
  CreateMessage message = request();
  message.env = {"AWS_ENDPOINT_URL=https://example.org/var/task"};
  EXPECT_EQ("AWS_ENDPOINT_URL=https://example.org/var/task", relocate(message, kPlaces).env.front());
}

TEST(Relocate, TmpIsAFolderOfItsOwnAndNamedInTmpdirUnlessTheFunctionNamesOne) {
  CreateMessage message = request();
  message.env = {"CACHE=/tmp/cache"};
  EXPECT_EQ((std::vector<std::string>{"CACHE=/d/sandboxes/one/cache", "TMPDIR=/d/sandboxes/one"}),
            relocate(message, kPlaces).env);
  message.env = {"TMPDIR=/tmp/mine"};
  EXPECT_EQ((std::vector<std::string>{"TMPDIR=/d/sandboxes/one/mine"}), relocate(message, kPlaces).env);
}

}  // namespace
}  // namespace hearth::launcher
