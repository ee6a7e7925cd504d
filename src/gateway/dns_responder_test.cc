#include "gateway/dns_responder.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>

#include "gateway/test_support.h"
#include "net/thread_pool.h"

namespace hearth::gateway {
namespace {

using std::string_literals::operator""s;

const std::string kQuestion =
    "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03sts\x09"s + "amazonaws\x03" + "com\x00\x00\x01\x00\x01"s;

UniqueFd bound_socket(int type, sockaddr_in& address) {
  UniqueFd fd(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
  address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
  if (type == SOCK_STREAM) EXPECT_EQ(::listen(fd.get(), 8), 0);
  EXPECT_EQ(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  return fd;
}

// Asks from a pool thread with a blocking socket, as a resolver in a sandbox would.
std::string ask(int type, const sockaddr_in& address, const std::string& message) {
  const UniqueFd fd(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
  const timeval patience{.tv_sec = 5, .tv_usec = 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return "no connection";
  if (::send(fd.get(), message.data(), message.size(), MSG_NOSIGNAL) < 0) return "not sent";
  std::array<char, 2048> buffer;
  std::string reply;
  do {
    const ssize_t got = ::recv(fd.get(), buffer.data(), buffer.size(), 0);
    if (got <= 0) break;
    reply.append(buffer.data(), static_cast<std::size_t>(got));
  } while (type == SOCK_STREAM && reply.size() < 2U + static_cast<unsigned char>(reply[1]));
  return reply;
}

class DnsResponderTest : public testing::Test {
 protected:
  std::string asked(int type, const std::string& message) {
    sockaddr_in address;
    UniqueFd socket = bound_socket(type, address);
    net::Loop loop(clock_);
    net::ThreadPool pool(1);
    std::string reply;
    {
      auto responder = type == SOCK_DGRAM ? std::make_unique<DnsResponder>(loop, std::move(socket), UniqueFd())
                                          : std::make_unique<DnsResponder>(loop, UniqueFd(), std::move(socket));
      loop.spawn(wait_for(&loop, &pool, type, address, message, &reply, &responder));
      loop.run();
    }
    return reply;
  }

  static net::Task<> wait_for(net::Loop* loop, net::ThreadPool* pool, int type, sockaddr_in address,
                              std::string message, std::string* reply, std::unique_ptr<DnsResponder>* responder) {
    auto work = [type, address, message] { return ask(type, address, message); };
    auto asking = pool->run(*loop, std::move(work));
    *reply = co_await std::move(asking);
    responder->reset();  // nothing is left to serve: the loop ends
  }

  SystemClock clock_;
};

TEST_F(DnsResponderTest, AnswersOverUdp) {
  const std::string reply = asked(SOCK_DGRAM, kQuestion);
  EXPECT_TRUE(reply.ends_with("\x00\x04\x7f\x00\x00\x01"s)) << hex_encode(reply);
}

TEST_F(DnsResponderTest, AnswersOverTcp) {
  const std::string frame = "\x00"s + static_cast<char>(kQuestion.size()) + kQuestion;
  const std::string reply = asked(SOCK_STREAM, frame);
  ASSERT_GT(reply.size(), 2U);
  EXPECT_EQ(static_cast<unsigned char>(reply[1]), reply.size() - 2);
  EXPECT_TRUE(reply.ends_with("\x00\x04\x7f\x00\x00\x01"s)) << hex_encode(reply);
}

TEST_F(DnsResponderTest, NonsenseIsRefusedAndServingGoesOn) {
  const std::string reply = asked(SOCK_DGRAM, "\x12\x34\x01\x00\x00\x07 nonsense"s);
  EXPECT_EQ(reply.size(), 12U);
}

}  // namespace
}  // namespace hearth::gateway
