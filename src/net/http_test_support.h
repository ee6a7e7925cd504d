#pragma once
// For tests only: a server on a thread of its own and a blocking client that sends exactly the bytes it is told.

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cstdlib>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "base/unique_fd.h"
#include "net/http_server.h"

namespace hearth::net::test {

// Runs a loop and one server on it; everything stops when this is destroyed.
class ServerThread {
 public:
  ServerThread(HttpHandler& handler, HttpLimits limits, TlsContext* tls = nullptr, int log_fd = -1)
      : log_(log_fd, observe::Level::kDebug, observe::LogFormat::kText),
        server_(std::in_place, loop_, handler, limits, log_) {
    if (tls == nullptr) {
      port_ = server_->listen("127.0.0.1", 0).value();
    } else {
      UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      socklen_t size = sizeof(address);
      auto* const raw = reinterpret_cast<sockaddr*>(&address);
      if (::bind(listener.get(), raw, size) != 0 || ::listen(listener.get(), 64) != 0) std::abort();
      if (::getsockname(listener.get(), raw, &size) != 0) std::abort();
      port_ = ntohs(address.sin_port);
      server_->serve(std::move(listener), tls);
    }
    loop_.spawn(sleep_for(std::chrono::hours(1)));  // the loop stays up without connections
    thread_ = std::jthread([this] { loop_.run(); });
  }
  ~ServerThread() {
    loop_.post([this] {
      server_.reset();
      loop_.stop();
    });
  }
  ServerThread(const ServerThread&) = delete;
  ServerThread& operator=(const ServerThread&) = delete;

  std::uint16_t port() const { return port_; }
  Loop& loop() { return loop_; }
  HttpServer& server() { return *server_; }

  // What `ask` returns, run on the loop.
  template <class Ask>
  auto on_loop(Ask ask) {
    std::promise<decltype(ask())> promise;
    auto answer = promise.get_future();
    loop_.post([&] { promise.set_value(ask()); });
    return answer.get();
  }

 private:
  SystemClock clock_;
  Loop loop_{clock_};
  observe::Logger log_;
  std::optional<HttpServer> server_;
  std::uint16_t port_ = 0;
  std::jthread thread_;  // last: ends before what it uses
};

// A blocking connection; every read fails the test after ten seconds.
class Client {
 public:
  explicit Client(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    if (::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) std::abort();
  }

  int fd() const { return fd_.get(); }
  // False if the server no longer takes bytes.
  bool send(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t count = ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }
  void end_sending() const { ::shutdown(fd_.get(), SHUT_WR); }

  // One reply: head and body by its Content-Length. Empty at the end of the stream.
  std::string read_reply(bool has_body = true) {
    while (buffer_.find("\r\n\r\n") == std::string::npos) {
      if (!read_some()) return std::exchange(buffer_, {});
    }
    std::size_t size = buffer_.find("\r\n\r\n") + 4;
    const std::size_t field = buffer_.find("Content-Length: ");
    if (has_body && field < size) size += static_cast<std::size_t>(std::atoll(buffer_.c_str() + field + 16));
    while (buffer_.size() < size) {
      if (!read_some()) break;
    }
    std::string reply = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return reply;
  }
  // Everything until the server closes; ends with "<reset>" if it did so by a reset, "<waiting>" if it does not.
  std::string read_to_end() {
    while (read_some()) {
    }
    return std::exchange(buffer_, {});
  }

 private:
  bool read_some() {
    char chunk[65'536];
    const ssize_t count = ::recv(fd_.get(), chunk, sizeof(chunk), 0);
    if (count > 0) buffer_.append(chunk, static_cast<std::size_t>(count));
    if (count < 0) buffer_ += errno == ECONNRESET ? "<reset>" : "<waiting>";
    return count > 0;
  }

  UniqueFd fd_;
  std::string buffer_;
};

inline std::string status_line(const std::string& reply) { return reply.substr(0, reply.find("\r\n")); }
inline std::string body_of(const std::string& reply) {
  const std::size_t end = reply.find("\r\n\r\n");
  return end == std::string::npos ? "<no head>" : reply.substr(end + 4);
}

}  // namespace hearth::net::test
