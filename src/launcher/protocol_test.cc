#include "launcher/protocol.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

namespace hearth::launcher {
namespace {

CreateMessage full_request() {
  CreateMessage message;
  message.id = 0x0123456789ABCDEF;
  message.name = "env-1";
  message.mounts = {{"/data/code", "/var/task"}, {"/data/layer", "/opt"}};
  message.argv = {"/usr/bin/python3", "-I", std::string("with\0zero", 9)};
  message.env = {"A=1", ""};
  message.working_directory = "/var/task";
  message.memory_bytes = 1ULL << 40U;
  message.tmp_bytes = 512ULL << 20U;
  message.tmp_inodes = 65'536;
  message.cpu_milli = 72;
  message.pids = 1024;
  message.open_files = 1024;
  return message;
}

std::vector<Message> one_of_each() {
  return {full_request(),
          TerminateMessage{7},
          KillMessage{~0ULL},
          HelloMessage{kProtocolVersion, "user", {"a", "b"}, {"c"}},
          SuspendMessage{6, 1},
          CreatedMessage{3, 200'001, 4711, 0xFFFF},
          FailedMessage{4, FailureKind::kNoResources, "no pids"},
          ExitedMessage{5, -1, 9, 1}};
}

TEST(Protocol, EveryMessageSurvivesTheWire) {
  for (const Message& message : one_of_each()) {
    const auto bytes = encode(message);
    ASSERT_TRUE(bytes);
    const auto decoded = decode(*bytes);
    ASSERT_TRUE(decoded) << decoded.error().message();
    EXPECT_TRUE(*decoded == message) << "message type " << message.index();
  }
}

TEST(Protocol, NoTruncatedMessageIsAccepted) {
  for (const Message& message : one_of_each()) {
    const std::string bytes = *encode(message);
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      EXPECT_FALSE(decode(std::string_view(bytes).substr(0, length))) << message.index() << " cut to " << length;
    }
  }
}

TEST(Protocol, NoMessageWithBytesLeftOverIsAccepted) {
  for (const Message& message : one_of_each()) EXPECT_FALSE(decode(*encode(message) + '\0'));
}

TEST(Protocol, CountsBeyondThePacketAreRefusedWithoutAllocatingForThem) {
  std::string bytes = *encode(HelloMessage{});
  bytes.replace(bytes.size() - 8, 4, "\xFF\xFF\xFF\xFF", 4);  // the count of mechanisms
  EXPECT_FALSE(decode(bytes));
}

TEST(Protocol, UnknownTypesAndKindsAreRefused) {
  EXPECT_FALSE(decode("\x77"));
  EXPECT_FALSE(decode(""));
  std::string bytes = *encode(FailedMessage{1, FailureKind::kFailed, ""});
  bytes[9] = 9;
  EXPECT_FALSE(decode(bytes));
}

TEST(Protocol, AMessageThatFitsNoPacketIsNotEncoded) {
  CreateMessage message = full_request();
  message.env.assign(2, std::string(kMaxPacketBytes, 'x'));
  const auto bytes = encode(message);
  ASSERT_FALSE(bytes);
  EXPECT_TRUE(bytes.error().is(ProtocolError::kTooLarge));
}

class Packets : public testing::Test {
 protected:
  void SetUp() override {
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()), 0);
    left_.reset(ends[0]);
    right_.reset(ends[1]);
  }
  UniqueFd left_, right_;
};

TEST_F(Packets, DescriptorsTravelBesideTheBytesAndAreCloseOnExec) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  const std::array<int, 1> fds = {writer.get()};
  ASSERT_TRUE(send_packet(left_.get(), "hello", fds));
  writer.reset();
  auto packet = receive_packet(right_.get());
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->bytes, "hello");
  ASSERT_EQ(packet->fds.size(), 1U);
  EXPECT_EQ(::fcntl(packet->fds[0].get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  EXPECT_EQ(::write(packet->fds[0].get(), "x", 1), 1);
  char byte = 0;
  EXPECT_EQ(::read(reader.get(), &byte, 1), 1);
}

TEST_F(Packets, WithoutRoomForItsDescriptorsAPacketArrivesWithoutThem) {
  const std::array<int, 2> fds = {left_.get(), right_.get()};
  ASSERT_TRUE(send_packet(left_.get(), "hello", fds));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  // The lowest free descriptor is the first that cannot be had.
  const UniqueFd probe(::dup(left_.get()));
  const rlimit room_for_one{.rlim_cur = static_cast<rlim_t>(probe.get()) + 2, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &room_for_one), 0);
  auto packet = receive_packet(right_.get());
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->bytes, "hello");
  EXPECT_TRUE(packet->fds.empty());
}

TEST_F(Packets, AnEmptySocketHasNothingAndAClosedOneSaysSo) {
  EXPECT_TRUE(receive_packet(right_.get()).error().is(ProtocolError::kNothing));
  left_.reset();
  EXPECT_TRUE(receive_packet(right_.get()).error().is(ProtocolError::kClosed));
  EXPECT_TRUE(send_packet(right_.get(), "x", {}).error().is(ProtocolError::kClosed));
}

TEST_F(Packets, AFullSocketSaysTryLater) {
  const std::string bytes(60'000, 'x');
  Status sent;
  for (int i = 0; i < 100 && sent; ++i) sent = send_packet(left_.get(), bytes, {});
  ASSERT_FALSE(sent);
  EXPECT_TRUE(sent.error().is(ProtocolError::kNothing));
}

TEST_F(Packets, AnOversizedPacketIsLostButTheNextArrives) {
  ASSERT_EQ(::send(left_.get(), std::string(kMaxPacketBytes + 2, 'x').data(), kMaxPacketBytes + 2, 0),
            static_cast<ssize_t>(kMaxPacketBytes + 2));
  ASSERT_TRUE(send_packet(left_.get(), "next", {}));
  EXPECT_TRUE(receive_packet(right_.get()).error().is(ProtocolError::kTooLarge));
  EXPECT_EQ(receive_packet(right_.get())->bytes, "next");
}

}  // namespace
}  // namespace hearth::launcher
