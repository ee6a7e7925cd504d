#include "net/datagram_socket.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <string>

#include "net/fd_watch.h"
#include "net/one_shot.h"

namespace hearth::net {
namespace {

using namespace std::chrono_literals;

struct Bound {
  UniqueFd fd;
  sockaddr_in address{};
};

Bound bound_socket(int type) {
  Bound bound{.fd = UniqueFd(::socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)), .address = {}};
  bound.address.sin_family = AF_INET;
  bound.address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(bound.address);
  auto* const raw = reinterpret_cast<sockaddr*>(&bound.address);
  if (::bind(bound.fd.get(), raw, size) != 0 || ::getsockname(bound.fd.get(), raw, &size) != 0) std::abort();
  if (type == SOCK_STREAM && ::listen(bound.fd.get(), 64) != 0) std::abort();
  return bound;
}

UniqueFd connected_socket(int type, const sockaddr_in& address) {
  UniqueFd fd(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) std::abort();
  return fd;
}

// Answers with the packet reversed; "hold" waits until released, "silence" is not answered.
class Reverser : public PacketHandler {
 public:
  explicit Reverser(Loop& loop) : released(loop.executor()) {}
  Task<std::string> answer(std::string packet) override {
    ++asked;
    if (packet == "hold") co_await released.wait();
    if (packet == "silence") co_return std::string();
    std::reverse(packet.begin(), packet.end());
    co_return packet;
  }

  OneShot<int> released;
  int asked = 0;
};

class PacketServerTest : public testing::Test {
 protected:
  // What arrives at `fd` within ten seconds, "<end>" at the end of a stream, "<nothing>" otherwise.
  std::string receive(int fd, std::chrono::milliseconds patience = 10s) {
    std::string received = "<nothing>";
    loop_.spawn(receive_one(loop_, fd, patience, received));
    loop_.run();
    return received;
  }
  static Task<> receive_one(Loop& loop, int fd, std::chrono::milliseconds patience, std::string& received) {
    FdWatch watch(loop, fd);
    const SteadyTime deadline = std::chrono::steady_clock::now() + patience;
    if (co_await watch.readable(deadline) == WatchOutcome::kReady) {
      char bytes[8192];
      const ssize_t count = ::recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
      received = count > 0 ? std::string(bytes, static_cast<std::size_t>(count)) : "<end>";
    }
    loop.stop();
  }
  static void send(int fd, std::string_view bytes) {
    ASSERT_EQ(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL), std::ssize(bytes));
  }
  static std::string framed(const std::string& packet) {
    return std::string{static_cast<char>(packet.size() >> 8U), static_cast<char>(packet.size() & 0xFFU)} + packet;
  }

  SystemClock clock_;
  Loop loop_{clock_};
  std::shared_ptr<Reverser> handler_ = std::make_shared<Reverser>(loop_);
};

TEST_F(PacketServerTest, ADatagramIsAnsweredToItsSender) {
  Bound bound = bound_socket(SOCK_DGRAM);
  const DatagramServer server(loop_, std::move(bound.fd), handler_);
  const UniqueFd client = connected_socket(SOCK_DGRAM, bound.address);
  send(client.get(), "abc");
  EXPECT_EQ(receive(client.get()), "cba");
}

TEST_F(PacketServerTest, ASlowAnswerHoldsUpNobody) {
  Bound bound = bound_socket(SOCK_DGRAM);
  const DatagramServer server(loop_, std::move(bound.fd), handler_);
  const UniqueFd client = connected_socket(SOCK_DGRAM, bound.address);
  send(client.get(), "hold");
  send(client.get(), "silence");
  send(client.get(), "quick");
  EXPECT_EQ(receive(client.get()), "kciuq");
  handler_->released.set(1);
  EXPECT_EQ(receive(client.get()), "dloh");
}

TEST_F(PacketServerTest, TooLongAndTooManyDatagramsAreDropped) {
  Bound bound = bound_socket(SOCK_DGRAM);
  PacketLimits limits;
  limits.max_packet = 8;
  limits.max_in_flight = 1;
  const DatagramServer server(loop_, std::move(bound.fd), handler_, limits);
  const UniqueFd client = connected_socket(SOCK_DGRAM, bound.address);
  send(client.get(), "123456789");
  send(client.get(), "hold");
  send(client.get(), "dropped");
  EXPECT_EQ(receive(client.get(), 20ms), "<nothing>");
  EXPECT_EQ(handler_->asked, 1);
  handler_->released.set(1);
  EXPECT_EQ(receive(client.get()), "dloh");
  send(client.get(), "12345678");
  EXPECT_EQ(receive(client.get()), "87654321");
}

TEST_F(PacketServerTest, ADestroyedServerAnswersNothingMore) {
  Bound bound = bound_socket(SOCK_DGRAM);
  auto server = std::make_unique<DatagramServer>(loop_, std::move(bound.fd), handler_);
  const UniqueFd client = connected_socket(SOCK_DGRAM, bound.address);
  send(client.get(), "hold");
  EXPECT_EQ(receive(client.get(), 20ms), "<nothing>");
  server.reset();
  handler_->released.set(1);
  EXPECT_EQ(receive(client.get(), 20ms), "<nothing>");
}

TEST_F(PacketServerTest, AStreamCarriesSeveralPackets) {
  Bound bound = bound_socket(SOCK_STREAM);
  const StreamServer server(loop_, std::move(bound.fd), handler_);
  const UniqueFd client = connected_socket(SOCK_STREAM, bound.address);
  const std::string packets = framed("first") + framed("second");
  send(client.get(), packets.substr(0, 1));
  EXPECT_EQ(receive(client.get(), 5ms), "<nothing>");
  send(client.get(), packets.substr(1));
  std::string answers = receive(client.get());
  while (answers.size() < packets.size()) answers += receive(client.get());
  EXPECT_EQ(answers, framed("tsrif") + framed("dnoces"));
}

TEST_F(PacketServerTest, AStreamEndsOnNonsenseIdlenessAndTooMany) {
  Bound bound = bound_socket(SOCK_STREAM);
  PacketLimits limits;
  limits.max_packet = 100;
  limits.idle_deadline = 30ms;
  limits.max_connections = 1;
  const StreamServer server(loop_, std::move(bound.fd), handler_, limits);
  const UniqueFd nonsense = connected_socket(SOCK_STREAM, bound.address);
  send(nonsense.get(), framed(std::string(101, 'x')));
  EXPECT_EQ(receive(nonsense.get()), "<end>");
  const UniqueFd idle = connected_socket(SOCK_STREAM, bound.address);
  const UniqueFd one_too_many = connected_socket(SOCK_STREAM, bound.address);
  EXPECT_EQ(receive(one_too_many.get()), "<end>");
  EXPECT_EQ(receive(idle.get()), "<end>");
}

}  // namespace
}  // namespace hearth::net
