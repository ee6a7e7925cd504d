#include "net/datagram_socket.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "net/fd_watch.h"
#include "net/gate.h"

namespace hearth::net {
namespace {

constexpr int kPacketsInARow = 64;
constexpr std::chrono::milliseconds kErrorPause{100};

// A client of a StreamServer: whole packets in and out of a non-blocking socket.
class PacketStream {
 public:
  PacketStream(Loop& loop, UniqueFd socket) : socket_(std::move(socket)), watch_(loop, socket_.get()) {}

  void cancel() { watch_.cancel(); }

  // True once `bytes` is full; false at the end of the stream, on an error or when the deadline passed.
  Task<bool> read(std::span<char> bytes, SteadyTime deadline) {
    while (!bytes.empty()) {
      const ssize_t count = ::recv(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
      if (count > 0) {
        bytes = bytes.subspan(static_cast<std::size_t>(count));
      } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
        co_return false;
      } else if (co_await watch_.readable(deadline) != WatchOutcome::kReady) {
        co_return false;
      }
    }
    co_return true;
  }

  Task<bool> write(std::span<const char> bytes, SteadyTime deadline) {
    while (!bytes.empty()) {
      const ssize_t count = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (count >= 0) {
        bytes = bytes.subspan(static_cast<std::size_t>(count));
      } else if (errno != EAGAIN && errno != EINTR) {
        co_return false;
      } else if (co_await watch_.writable(deadline) != WatchOutcome::kReady) {
        co_return false;
      }
    }
    co_return true;
  }

 private:
  UniqueFd socket_;  // outlives its watch
  FdWatch watch_;
};

}  // namespace

class DatagramServer::Impl {
 public:
  Impl(Loop& loop, UniqueFd socket, std::shared_ptr<PacketHandler> handler, PacketLimits limits)
      : socket_(std::move(socket)),
        watch_(std::in_place, loop, socket_.get()),
        handler_(std::move(handler)),
        limits_(limits),
        gate_(loop) {}

  static void start(const std::shared_ptr<Impl>& self) { self->gate_.spawn(receive_all(self)); }
  void close() {
    gate_.close();
    watch_.reset();
    socket_.reset();
  }

 private:
  struct Sender {
    sockaddr_storage address{};
    socklen_t size = sizeof(address);
  };

  static Task<> receive_all(std::shared_ptr<Impl> self) {
    while (self->watch_) {
      const WatchOutcome outcome = co_await self->watch_->readable(SteadyTime::max());
      if (outcome != WatchOutcome::kReady || !self->watch_) co_return;
      if (!self->receive_some(self)) co_await sleep_for(kErrorPause);
    }
  }

  // False: the socket is in trouble, try later.
  bool receive_some(const std::shared_ptr<Impl>& self) {
    std::string buffer(limits_.max_packet + 1, '\0');
    for (int i = 0; i < kPacketsInARow; ++i) {
      Sender sender;
      const ssize_t size = ::recvfrom(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT,
                                      reinterpret_cast<sockaddr*>(&sender.address), &sender.size);
      // ECONNREFUSED reports on an answer sent before.
      if (size < 0) return errno == EAGAIN || errno == EINTR || errno == ECONNREFUSED;
      const auto count = static_cast<std::size_t>(size);
      if (count == 0 || count > limits_.max_packet) continue;
      if (gate_.running() > limits_.max_in_flight) continue;  // one of those running receives
      gate_.spawn(answer_one(self, buffer.substr(0, count), sender));
    }
    return true;
  }

  static Task<> answer_one(std::shared_ptr<Impl> self, std::string packet, Sender sender) {
    const std::string answer = co_await self->handler_->answer(std::move(packet));
    if (answer.empty() || !self->socket_) co_return;
    // Who asked asks again if this is lost.
    [[maybe_unused]] const ssize_t sent =
        ::sendto(self->socket_.get(), answer.data(), answer.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                 reinterpret_cast<const sockaddr*>(&sender.address), sender.size);
  }

  UniqueFd socket_;
  std::optional<FdWatch> watch_;
  const std::shared_ptr<PacketHandler> handler_;
  const PacketLimits limits_;
  Gate gate_;
};

DatagramServer::DatagramServer(Loop& loop, UniqueFd socket, std::shared_ptr<PacketHandler> handler, PacketLimits limits)
    : impl_(std::make_shared<Impl>(loop, std::move(socket), std::move(handler), limits)) {
  Impl::start(impl_);
}
DatagramServer::~DatagramServer() { impl_->close(); }

class StreamServer::Impl {
 public:
  Impl(Loop& loop, UniqueFd listener, std::shared_ptr<PacketHandler> handler, PacketLimits limits)
      : loop_(loop),
        listener_(std::move(listener)),
        watch_(std::in_place, loop, listener_.get()),
        handler_(std::move(handler)),
        limits_(limits),
        gate_(loop) {}

  static void start(const std::shared_ptr<Impl>& self) { self->gate_.spawn(accept_all(self)); }
  void close() {
    gate_.close();
    watch_.reset();
    listener_.reset();
    for (PacketStream* const stream : streams_) stream->cancel();
  }

 private:
  static Task<> accept_all(std::shared_ptr<Impl> self) {
    while (self->watch_) {
      const WatchOutcome outcome = co_await self->watch_->readable(SteadyTime::max());
      if (outcome != WatchOutcome::kReady || !self->watch_) co_return;
      if (!self->accept_some(self)) co_await sleep_for(kErrorPause);
    }
  }

  // False: no room for connections, try later.
  bool accept_some(const std::shared_ptr<Impl>& self) {
    for (int i = 0; i < kPacketsInARow; ++i) {
      UniqueFd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!client) return errno == EAGAIN || errno == EINTR || errno == ECONNABORTED;
      if (streams_.size() < limits_.max_connections) {
        gate_.spawn(serve_client(self, std::make_unique<PacketStream>(loop_, std::move(client))));
      }
    }
    return true;
  }

  static Task<> serve_client(std::shared_ptr<Impl> self, std::unique_ptr<PacketStream> stream) {
    self->streams_.push_back(stream.get());
    while (!self->gate_.is_closed() && co_await answer_next(*self, *stream)) {
    }
    std::erase(self->streams_, stream.get());
  }

  static Task<bool> answer_next(Impl& self, PacketStream& stream) {
    const SteadyTime deadline = std::chrono::steady_clock::now() + self.limits_.idle_deadline;
    std::array<char, 2> prefix{};
    const std::span<char> prefix_bytes(prefix);
    if (!co_await stream.read(prefix_bytes, deadline)) co_return false;
    const std::size_t size =
        static_cast<std::size_t>(static_cast<unsigned char>(prefix[0])) << 8U | static_cast<unsigned char>(prefix[1]);
    if (size == 0 || size > self.limits_.max_packet) co_return false;
    std::string packet(size, '\0');
    const std::span<char> packet_bytes(packet);
    if (!co_await stream.read(packet_bytes, deadline)) co_return false;
    const std::string answer = co_await self.handler_->answer(std::move(packet));
    if (answer.empty() || answer.size() > 0xFFFF || self.gate_.is_closed()) co_return false;
    std::string framed;
    framed.reserve(answer.size() + 2);
    framed.push_back(static_cast<char>(answer.size() >> 8U));
    framed.push_back(static_cast<char>(answer.size() & 0xFFU));
    framed += answer;
    const std::span<const char> framed_bytes(framed);
    co_return co_await stream.write(framed_bytes, std::chrono::steady_clock::now() + self.limits_.idle_deadline);
  }

  Loop& loop_;
  UniqueFd listener_;
  std::optional<FdWatch> watch_;
  const std::shared_ptr<PacketHandler> handler_;
  const PacketLimits limits_;
  Gate gate_;
  std::vector<PacketStream*> streams_;  // of the clients being served, each on the frame of its task
};

StreamServer::StreamServer(Loop& loop, UniqueFd listener, std::shared_ptr<PacketHandler> handler, PacketLimits limits)
    : impl_(std::make_shared<Impl>(loop, std::move(listener), std::move(handler), limits)) {
  Impl::start(impl_);
}
StreamServer::~StreamServer() { impl_->close(); }

}  // namespace hearth::net
