#include "http_peer.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace hearth::simulation {

std::string HttpAnswer::header(const std::string& name) const {
  const std::size_t at = head.find("\r\n" + name + ": ");
  if (at == std::string::npos) return {};
  const std::size_t from = at + name.size() + 4;
  return head.substr(from, head.find("\r\n", from) - from);
}

HttpPeer::HttpPeer(net::Loop& loop, UniqueFd socket) : loop_(loop), socket_(std::move(socket)) {
  if (!socket_) return;
  ::fcntl(socket_.get(), F_SETFL, O_NONBLOCK);
  watch_.emplace(loop_, socket_.get());
}

void HttpPeer::close() {
  watch_.reset();
  socket_.reset();
}

net::Task<bool> HttpPeer::send(std::string bytes, SteadyTime deadline) {
  std::string_view rest = bytes;
  while (!rest.empty() && socket_) {
    const ssize_t sent = ::send(socket_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      rest.remove_prefix(static_cast<std::size_t>(sent));
      continue;
    }
    if (errno != EAGAIN) co_return false;
    if (co_await watch_->writable(deadline) != net::WatchOutcome::kReady) co_return false;
  }
  co_return socket_ ? true : false;
}

net::Task<bool> HttpPeer::send_slowly(std::string bytes, int pieces, std::chrono::milliseconds pause, Random& random) {
  std::size_t sent = 0;
  for (int piece = 0; piece < pieces && sent < bytes.size(); ++piece) {
    const std::size_t rest = bytes.size() - sent;
    const std::size_t size = piece + 1 == pieces ? rest : 1 + random.next() % rest;
    const SteadyTime deadline = loop_.clock().steady_now() + std::chrono::minutes(1);
    std::string part = bytes.substr(sent, size);
    if (!co_await send(std::move(part), deadline)) co_return false;
    sent += size;
    const auto wait = random.up_to(pause);
    co_await net::sleep_for(wait);
  }
  co_return true;
}

HttpPeer::Taken HttpPeer::take() {
  std::array<char, 65'536> buffer;
  const ssize_t got = socket_ ? ::recv(socket_.get(), buffer.data(), buffer.size(), 0) : 0;
  if (got > 0) input_.append(buffer.data(), static_cast<std::size_t>(got));
  if (got > 0) return Taken::kBytes;
  return got < 0 && errno == EAGAIN ? Taken::kNothing : Taken::kEnd;
}

std::optional<HttpAnswer> HttpPeer::parse() {
  const std::size_t head_end = input_.find("\r\n\r\n");
  if (head_end == std::string::npos) return std::nullopt;
  HttpAnswer answer;
  answer.head = input_.substr(0, head_end + 2);
  std::ranges::transform(answer.head, answer.head.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  const auto whole = [](std::string_view text) {
    std::int64_t value = -1;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    return parsed.ec == std::errc() ? value : -1;
  };
  const std::int64_t status = answer.head.starts_with("http/1.1 ") ? whole(answer.head.substr(9, 3)) : -1;
  const std::string length_text = answer.header("content-length");
  const std::int64_t length = status == 204 ? 0 : whole(length_text);
  if (status < 200 || status > 599 || length < 0) {
    broken_ = true;
    return std::nullopt;
  }
  const auto size = static_cast<std::size_t>(length);
  if (input_.size() < head_end + 4 + size) return std::nullopt;
  answer.status = static_cast<int>(status);
  answer.body = input_.substr(head_end + 4, size);
  input_.erase(0, head_end + 4 + size);
  return answer;
}

net::Task<std::optional<HttpAnswer>> HttpPeer::receive(SteadyTime deadline) {
  for (;;) {
    if (auto answer = parse()) co_return answer;
    if (broken_ || !socket_) co_return std::nullopt;
    switch (take()) {
      case Taken::kBytes:
        continue;
      case Taken::kEnd:
        close();
        co_return std::nullopt;
      case Taken::kNothing:
        break;
    }
    const net::WatchOutcome outcome = co_await watch_->readable(deadline);
    if (outcome != net::WatchOutcome::kReady) co_return std::nullopt;
  }
}

std::size_t HttpPeer::stray_bytes() {
  while (socket_ && take() == Taken::kBytes) {
  }
  return input_.size();
}

UnixListener listen_on_unix() {
  UnixListener made;
  made.socket = UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socklen_t size = sizeof(address);
  HEARTH_CHECK(
      made.socket && ::bind(made.socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(sa_family_t)) == 0,
      std::strerror(errno));
  HEARTH_CHECK(::listen(made.socket.get(), 1024) == 0, std::strerror(errno));
  HEARTH_CHECK(::getsockname(made.socket.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0,
               std::strerror(errno));
  made.name.assign(address.sun_path, size - offsetof(sockaddr_un, sun_path));
  return made;
}

UniqueFd connect_to_unix(const std::string& name) {
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, name.data(), name.size());
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  if (socket && ::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), size) != 0) socket.reset();
  return socket;
}

}  // namespace hearth::simulation
