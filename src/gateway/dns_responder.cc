#include "gateway/dns_responder.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include "gateway/dns_message.h"
#include "net/fd_watch.h"

namespace hearth::gateway {
namespace {

constexpr int kPacketsPerTurn = 64;  // a flood from user code must not hold the loop
constexpr unsigned kMaxConnections = 16;
constexpr std::size_t kMaxPacket = 1232;  // what resolvers send at most over UDP; longer is cut and so malformed
constexpr std::chrono::seconds kConnectionDeadline{10};

// The reply to a packet; empty: none.
std::string reply_to(std::string_view packet) {
  const DnsParsed parsed = parse_dns_query(packet);
  if (!parsed.question) return parsed.refusal;
  return encode_dns_answer(*parsed.question, answer_in_sandbox(*parsed.question));
}

void make_non_blocking(int fd) { (void)::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK); }

}  // namespace

// The watch is declared after its descriptor, so that it lets go first.
struct DnsResponder::Datagrams {
  Datagrams(net::Loop& loop, UniqueFd socket) : fd(std::move(socket)), watch(loop, fd.get()) {}
  UniqueFd fd;
  net::FdWatch watch;
  bool closed = false;

  static Task<> serve(std::shared_ptr<Datagrams> self) {
    std::array<char, kMaxPacket> buffer;
    while (!self->closed) {
      const net::WatchOutcome outcome = co_await self->watch.readable(SteadyTime::max());
      if (outcome != net::WatchOutcome::kReady) co_return;
      for (int i = 0; i < kPacketsPerTurn; ++i) {
        sockaddr_storage peer{};
        socklen_t peer_size = sizeof peer;
        const ssize_t got = ::recvfrom(self->fd.get(), buffer.data(), buffer.size(), MSG_DONTWAIT,
                                       reinterpret_cast<sockaddr*>(&peer), &peer_size);
        if (got < 0) break;  // nothing more, or an ICMP error of an earlier reply: neither matters here
        const std::string reply = reply_to({buffer.data(), static_cast<std::size_t>(got)});
        if (reply.empty()) continue;
        // A reply that cannot be sent now is lost, as on any network; resolvers ask again.
        (void)::sendto(self->fd.get(), reply.data(), reply.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                       reinterpret_cast<const sockaddr*>(&peer), peer_size);
      }
    }
  }
};

struct DnsResponder::Listener {
  Listener(net::Loop& owner, UniqueFd socket) : loop(owner), fd(std::move(socket)), watch(loop, fd.get()) {}
  net::Loop& loop;
  UniqueFd fd;
  net::FdWatch watch;
  bool closed = false;
  unsigned connections = 0;

  static Task<> accept_all(std::shared_ptr<Listener> self) {
    while (!self->closed) {
      const net::WatchOutcome outcome = co_await self->watch.readable(SteadyTime::max());
      if (outcome != net::WatchOutcome::kReady) co_return;
      UniqueFd peer(::accept4(self->fd.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (!peer) {
        if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) continue;
        // Out of descriptors, most likely: the connection stays queued, so wait rather than spin.
        co_await net::sleep_for(std::chrono::milliseconds(100));
        continue;
      }
      if (self->connections >= kMaxConnections) continue;  // closed by going out of scope
      self->loop.spawn(converse(self, std::move(peer)));
    }
  }

  // Reads exactly `size` bytes. False at the end, on error or when time is up.
  static Task<bool> read_exactly(net::FdWatch* watch, int fd, char* into, std::size_t size, SteadyTime deadline) {
    std::size_t have = 0;
    while (have < size) {
      const ssize_t got = ::recv(fd, into + have, size - have, MSG_DONTWAIT);
      if (got > 0) {
        have += static_cast<std::size_t>(got);
        continue;
      }
      if (got == 0 || (errno != EAGAIN && errno != EINTR)) co_return false;
      const net::WatchOutcome outcome = co_await watch->readable(deadline);
      if (outcome != net::WatchOutcome::kReady) co_return false;
    }
    co_return true;
  }

  // Frames of a two-byte length and a message, until the peer closes or its time is up.
  static Task<> converse(std::shared_ptr<Listener> self, UniqueFd peer) {
    ++self->connections;
    net::FdWatch watch(self->loop, peer.get());
    const SteadyTime deadline = std::chrono::steady_clock::now() + kConnectionDeadline;
    while (!self->closed) {
      std::array<char, 2> prefix;
      if (!co_await read_exactly(&watch, peer.get(), prefix.data(), prefix.size(), deadline)) break;
      const std::size_t size = (static_cast<std::size_t>(static_cast<unsigned char>(prefix[0])) << 8U) |
                               static_cast<unsigned char>(prefix[1]);
      if (size == 0 || size > kMaxPacket) break;
      std::string packet(size, '\0');
      if (!co_await read_exactly(&watch, peer.get(), packet.data(), packet.size(), deadline)) break;
      const std::string reply = reply_to(packet);
      if (reply.empty()) break;
      std::string frame;
      frame.push_back(static_cast<char>(reply.size() >> 8U));
      frame.push_back(static_cast<char>(reply.size() & 0xFFU));
      frame += reply;
      const ssize_t sent = ::send(peer.get(), frame.data(), frame.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent != static_cast<ssize_t>(frame.size())) break;  // a peer that never reads
    }
    --self->connections;
  }
};

DnsResponder::DnsResponder(net::Loop& loop, UniqueFd udp, UniqueFd tcp) {
  if (udp) {
    make_non_blocking(udp.get());
    datagrams_ = std::make_shared<Datagrams>(loop, std::move(udp));
    loop.spawn(Datagrams::serve(datagrams_));
  }
  if (tcp) {
    make_non_blocking(tcp.get());
    listener_ = std::make_shared<Listener>(loop, std::move(tcp));
    loop.spawn(Listener::accept_all(listener_));
  }
}

DnsResponder::~DnsResponder() {
  if (datagrams_) {
    datagrams_->closed = true;
    datagrams_->watch.cancel();
  }
  if (listener_) {
    listener_->closed = true;
    listener_->watch.cancel();
  }
}

}  // namespace hearth::gateway
