// Each program of attacks/ runs in a sandbox of its own and must find every barrier in place.

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <filesystem>
#include <fstream>

#include "harness.h"

namespace hearth::security {
namespace {

class Attack : public testing::Test {
 protected:
  void SetUp() override {
    if (const std::string reason = reason_to_skip(); !reason.empty()) GTEST_SKIP() << reason;
    harness_ = std::make_unique<Harness>();
  }

  void expect_held(std::vector<std::string> arguments) {
    const auto inside = harness_->start(harness_->spec(std::move(arguments)));
    ASSERT_NE(inside, nullptr);
    const std::string output = inside->read_stdout();
    const std::optional<sandbox::Exit> exit = inside->wait_exit();
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->signal, 0) << output;
    EXPECT_EQ(exit->code, 0) << output;
    EXPECT_THAT(output, testing::EndsWith("HELD\n"));
    EXPECT_THAT(output, testing::Not(testing::HasSubstr("BROKEN")));
  }

  std::unique_ptr<Harness> harness_;
};

TEST_F(Attack, CannotReadOtherFunctionsCodeHostFilesOrChangeAnything) {
  const std::filesystem::path other = harness_->source_folder() + "/other_function";
  std::filesystem::create_directories(other);
  std::ofstream(other / "handler.py") << "secret = 1";
  std::ofstream(harness_->source_folder() + "/host_tmp_file") << "secret";
  expect_held({"files", (other / "handler.py").string(), harness_->source_folder() + "/host_tmp_file"});
}

TEST_F(Attack, CannotSeeSignalTraceOrReadHostProcesses) {
  expect_held({"processes", std::to_string(::getpid()), std::to_string(harness_->launcher_pid())});
}

TEST_F(Attack, CannotChangeMounts) { expect_held({"mounts"}); }
TEST_F(Attack, CannotMakeOrJoinNamespaces) { expect_held({"namespaces"}); }
TEST_F(Attack, CannotOpenRawPacketOrExoticSockets) { expect_held({"sockets"}); }

TEST_F(Attack, CannotReachHostLoopbackNeighboursOrTheMetadataAddress) {
  const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_ANY);
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listener.get(), 16), 0);
  socklen_t size = sizeof address;
  ASSERT_EQ(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);

  const UniqueFd abstract(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  ASSERT_EQ(::bind(abstract.get(), reinterpret_cast<sockaddr*>(&name), sizeof(sa_family_t)), 0);
  ASSERT_EQ(::listen(abstract.get(), 16), 0);
  size = sizeof name;
  ASSERT_EQ(::getsockname(abstract.get(), reinterpret_cast<sockaddr*>(&name), &size), 0);
  const std::string abstract_name(name.sun_path + 1, size - offsetof(sockaddr_un, sun_path) - 1);

  std::string host_address;
  ifaddrs* interfaces = nullptr;
  ASSERT_EQ(::getifaddrs(&interfaces), 0);
  for (const ifaddrs* i = interfaces; i != nullptr; i = i->ifa_next) {
    if (i->ifa_addr == nullptr || i->ifa_addr->sa_family != AF_INET) continue;
    char text[INET_ADDRSTRLEN];
    const auto* inet = reinterpret_cast<const sockaddr_in*>(i->ifa_addr);
    ::inet_ntop(AF_INET, &inet->sin_addr, text, sizeof text);
    if (std::string(text) != "127.0.0.1") host_address = text;
  }
  ::freeifaddrs(interfaces);
  expect_held({"network", std::to_string(ntohs(address.sin_port)), host_address, abstract_name});
}

TEST_F(Attack, CannotUseRareKernelDoors) { expect_held({"kernel"}); }
TEST_F(Attack, CannotReachDevices) { expect_held({"devices"}); }
TEST_F(Attack, CannotGainPrivileges) { expect_held({"privileges"}); }
TEST_F(Attack, CannotSeeOrLeaveItsCgroups) { expect_held({"cgroups"}); }
TEST_F(Attack, InheritsNoDescriptors) { expect_held({"descriptors"}); }
TEST_F(Attack, IsAwsUserInsideAndNothingElse) { expect_held({"identity"}); }
TEST_F(Attack, FillingTmpEndsWithNoSpace) { expect_held({"tmp_fill", "16"}); }
TEST_F(Attack, MakingFilesInTmpEndsWithNoSpace) { expect_held({"tmp_inodes", "1024"}); }

}  // namespace
}  // namespace hearth::security
