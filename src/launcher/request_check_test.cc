#include "launcher/request_check.h"

#include <gtest/gtest.h>

namespace hearth::launcher {
namespace {

CreateMessage good() {
  CreateMessage message;
  message.name = "env_1-a";
  message.mounts = {{"/srv/code", "/var/task"}, {"/srv/ca", "/etc/ssl/certs/ca-certificates.crt"}};
  message.argv = {"/bin/sh"};
  message.env = {"A=b=c"};
  message.working_directory = "/var/task";
  message.memory_bytes = 128U << 20U;
  message.tmp_bytes = 512U << 20U;
  message.tmp_inodes = 1000;
  message.pids = 1024;
  message.open_files = 1024;
  return message;
}

bool refused(auto change) {
  CreateMessage message = good();
  change(message);
  const Status status = check_request(message);
  return !status && status.error().is(FailureKind::kRefused);
}

TEST(RequestCheck, AnOrdinaryRequestPasses) { EXPECT_TRUE(check_request(good())); }

TEST(RequestCheck, NamesThatCouldLeaveTheCgroupFolderAreRefused) {
  for (const char* name : {"", "..", ".", "a/b", "a b", "\xC3\xA4"}) {
    EXPECT_TRUE(refused([&](auto& message) { message.name = name; })) << name;
  }
  EXPECT_TRUE(refused([](auto& message) { message.name = std::string(65, 'a'); }));
}

TEST(RequestCheck, PathsMustBePlain) {
  for (const char* path : {"", "/", "relative", "/a/../b", "/a/./b", "/a//b", "/a/", "/.."}) {
    EXPECT_FALSE(is_plain_absolute_path(path)) << path;
  }
  EXPECT_FALSE(is_plain_absolute_path(std::string_view("/a\0b", 4)));
  EXPECT_FALSE(is_plain_absolute_path("/" + std::string(5000, 'a')));
  EXPECT_TRUE(is_plain_absolute_path("/a/..b/c.d"));
}

TEST(RequestCheck, OnlyAwsPlacesCanBeCovered) {
  for (const char* destination : {"/var/tasks", "/etc/passwd", "/etc/ssl", "/tmp", "/proc", "/optional", "/"}) {
    EXPECT_TRUE(refused([&](auto& message) { message.mounts[0].destination = destination; })) << destination;
  }
  for (const char* destination : {"/opt", "/opt/lib", "/var/runtime", "/var/lang", "/var/task/lib"}) {
    EXPECT_FALSE(refused([&](auto& message) { message.mounts[0].destination = destination; })) << destination;
  }
}

TEST(RequestCheck, ProgramsAndVariablesMustBeWellFormed) {
  EXPECT_TRUE(refused([](auto& message) { message.argv.clear(); }));
  EXPECT_TRUE(refused([](auto& message) { message.argv[0] = "sh"; }));
  EXPECT_TRUE(refused([](auto& message) { message.argv.push_back(std::string("a\0b", 3)); }));
  EXPECT_TRUE(refused([](auto& message) { message.env.push_back("=x"); }));
  EXPECT_TRUE(refused([](auto& message) { message.env.push_back("x"); }));
  EXPECT_TRUE(refused([](auto& message) { message.working_directory = "tmp"; }));
}

TEST(RequestCheck, LimitsMustBeInRange) {
  EXPECT_TRUE(refused([](auto& message) { message.memory_bytes = 0; }));
  EXPECT_TRUE(refused([](auto& message) { message.memory_bytes = ~0ULL; }));
  EXPECT_TRUE(refused([](auto& message) { message.tmp_bytes = 0; }));
  EXPECT_TRUE(refused([](auto& message) { message.tmp_inodes = 0; }));
  EXPECT_TRUE(refused([](auto& message) { message.pids = 0; }));
  EXPECT_TRUE(refused([](auto& message) { message.open_files = 4; }));
}

}  // namespace
}  // namespace hearth::launcher
