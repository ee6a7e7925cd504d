#include "net/http_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>
#include <vector>

#include "net/fd_watch.h"
#include "net/http_connection.h"
#include "net/http_core.h"

namespace hearth::net {
namespace {

constexpr int kBacklog = 4096;
constexpr int kAcceptsInARow = 64;
constexpr int kEvictedAtOnce = 16;  // when the system has no room, so that not every newcomer has to wait
// A crowd of newcomers beyond the cap must not take the time of those inside: so many are told so, then the others wait
// in the kernel's queue, which costs nothing.
constexpr int kRefusedInARow = 64;
constexpr std::chrono::milliseconds kFullPause{5};
constexpr int kMostUnsent = 256 * 1024;   // bytes of replies that the kernel holds for a client who does not read
constexpr std::size_t kMaxRefusing = 64;  // connections over the cap that are told so; others are just closed
constexpr std::chrono::milliseconds kOutOfResourcesPause{100};
constexpr std::chrono::seconds kSameWarningPause{10};

using PlainConnection = HttpConnection<StreamSocket>;
using TlsConnection = HttpConnection<TlsStream>;

std::string errno_text(int error) { return std::generic_category().message(error); }

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = sizeof(storage);

  sockaddr* raw() { return reinterpret_cast<sockaddr*>(&storage); }
  const sockaddr* raw() const { return reinterpret_cast<const sockaddr*>(&storage); }
  std::uint16_t port() const {
    if (storage.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_port);
    return ntohs(reinterpret_cast<const sockaddr_in*>(&storage)->sin_port);
  }
};

Result<SocketAddress> numeric_address(const std::string& host, std::uint16_t port) {
  SocketAddress address;
  auto* const v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
  if (::inet_pton(AF_INET, host.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    address.size = sizeof(sockaddr_in);
    return address;
  }
  auto* const v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
  address.storage = {};
  if (::inet_pton(AF_INET6, host.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    address.size = sizeof(sockaddr_in6);
    return address;
  }
  return fail(ListenError::kBadAddress, "not a numeric IPv4 or IPv6 address: " + host);
}

std::string peer_text(const SocketAddress& address) {
  char text[INET6_ADDRSTRLEN] = {};
  if (address.storage.ss_family == AF_INET) {
    ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(&address.storage)->sin_addr, text, sizeof(text));
    return std::string(text) + ":" + std::to_string(address.port());
  }
  if (address.storage.ss_family == AF_INET6) {
    ::inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(&address.storage)->sin6_addr, text, sizeof(text));
    return "[" + std::string(text) + "]:" + std::to_string(address.port());
  }
  return {};
}

ListenError listen_error_of(int error) {
  if (error == EADDRINUSE) return ListenError::kAddressInUse;
  if (error == EACCES || error == EPERM) return ListenError::kNotPermitted;
  if (error == EADDRNOTAVAIL) return ListenError::kBadAddress;
  return ListenError::kSystem;
}

void set_option(int fd, int level, int option, int value) {
  // Latency and convenience only; a socket without them works, and Unix sockets know no TCP options.
  [[maybe_unused]] const int ignored = ::setsockopt(fd, level, option, &value, sizeof(value));
}

}  // namespace

Refusal refusal_of(const Error& head_error) {
  Refusal refusal{.status = 400, .reason = head_error.message()};
  switch (head_error.kind<HeadErrorKind>().value_or(HeadErrorKind::kMalformed)) {
    case HeadErrorKind::kMalformed:
      break;
    case HeadErrorKind::kTooManyFields:
      refusal.status = 431;
      break;
    case HeadErrorKind::kVersion:
      refusal.status = 505;
      break;
    case HeadErrorKind::kCoding:
      refusal.status = 501;
      break;
    case HeadErrorKind::kExpectation:
      refusal.status = 417;
      break;
  }
  return refusal;
}

HttpReply reply_of(const Refusal& refusal) {
  return {.status = refusal.status,
          .headers = {{"Content-Type", "text/plain"}},
          .body = refusal.reason + "\n",
          .close = true};
}

HttpHead owned_head(const HeadView& view) {
  HttpHead head;
  head.method = view.method;
  if (!view.target.starts_with('/')) head.target = "/";
  head.target += view.target;
  head.headers.reserve(view.field_count + 1);
  for (std::size_t i = 0; i < view.field_count; ++i) {
    const FieldView field = view.field(i);
    // The host of an absolute target overrides the field (RFC 9112, section 3.2.2).
    const bool overridden = !view.authority.empty() && equals_ignore_case(field.name, "Host");
    if (!overridden) head.headers.push_back({std::string(field.name), std::string(field.value)});
  }
  if (!view.authority.empty()) head.headers.push_back({"Host", std::string(view.authority)});
  return head;
}

std::string loggable_target(std::string_view target) { return std::string(target.substr(0, target.find('?'))); }

class HttpServer::Impl : public HttpCore {
 public:
  using HttpCore::HttpCore;

  struct Listener {
    Listener(Loop& loop, UniqueFd listening, TlsContext* tls_context)
        : fd(std::move(listening)), watch(std::in_place, loop, fd.get()), tls(tls_context) {}
    void close() {
      watch.reset();
      fd.reset();
    }

    UniqueFd fd;
    std::optional<FdWatch> watch;
    TlsContext* tls;
  };

  static Task<> accept_all(std::shared_ptr<Impl> self, std::shared_ptr<Listener> listener);
  // How long to accept no more: zero unless there is no room for them.
  std::chrono::milliseconds accept_some(const std::shared_ptr<Impl>& self, Listener& listener);
  enum class Welcome { kServed, kRefused };
  Welcome begin(const std::shared_ptr<Impl>& self, UniqueFd client, const SocketAddress& peer, TlsContext* tls);
  static Task<> refuse_connection(std::shared_ptr<Impl> self, std::unique_ptr<PlainConnection> connection);
  void close_listeners() {
    for (const auto& listener : listeners) listener->close();
    listeners.clear();
  }
  void warn_sometimes(std::string_view message, std::string detail);

  std::vector<std::shared_ptr<Listener>> listeners;
  std::size_t refusing = 0;
  SteadyTime next_warning{};
};

HttpServer::HttpServer(Loop& loop, HttpHandler& handler, HttpLimits limits, const observe::Logger& log)
    : HttpServer(loop, std::shared_ptr<HttpHandler>(std::shared_ptr<HttpHandler>(), &handler), limits, log) {}

HttpServer::HttpServer(Loop& loop, std::shared_ptr<HttpHandler> handler, HttpLimits limits, const observe::Logger& log)
    : impl_(std::make_shared<Impl>(loop, std::move(handler), limits, log)) {}

HttpServer::~HttpServer() { abort(); }

Result<std::uint16_t> HttpServer::listen(const std::string& host, std::uint16_t port) {
  TRY(UniqueFd listener, open_listener(host, port));
  TRY(const std::uint16_t bound, port_of(listener));
  serve(std::move(listener));
  return bound;
}

Result<UniqueFd> HttpServer::open_listener(const std::string& host, std::uint16_t port) {
  TRY(SocketAddress address, numeric_address(host, port));
  const auto failed = [&](const char* step) {
    const int error = errno;
    return fail(listen_error_of(error),
                std::string(step) + " " + host + " port " + std::to_string(port) + ": " + errno_text(error));
  };
  UniqueFd listener(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener) return failed("socket for");
  set_option(listener.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (address.storage.ss_family == AF_INET6) set_option(listener.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1);
  if (::bind(listener.get(), address.raw(), address.size) != 0) return failed("bind to");
  if (::listen(listener.get(), kBacklog) != 0) return failed("listen on");
  return listener;
}

Result<std::uint16_t> HttpServer::port_of(const UniqueFd& listener) {
  SocketAddress bound;
  if (::getsockname(listener.get(), bound.raw(), &bound.size) != 0) {
    return fail(ListenError::kSystem, "name of a listening socket: " + errno_text(errno));
  }
  return bound.port();
}

void HttpServer::serve(UniqueFd listener, TlsContext* tls) {
  const int flags = ::fcntl(listener.get(), F_GETFL);
  if (flags < 0 || ::fcntl(listener.get(), F_SETFL, flags | O_NONBLOCK) != 0) {
    impl_->log.error("a listening socket cannot be used", {{"failure", errno_text(errno)}});
    return;
  }
  auto shared = std::make_shared<Impl::Listener>(impl_->loop, std::move(listener), tls);
  impl_->listeners.push_back(shared);
  impl_->gate.spawn(Impl::accept_all(impl_, std::move(shared)));
}

Task<> HttpServer::stop(SteadyTime deadline) {
  const std::shared_ptr<Impl> impl = impl_;
  impl->stopping = true;
  impl->close_listeners();
  impl->connections->end_idle();
  if (!co_await impl->gate.drained_until(deadline)) impl->connections->close_all();
  impl->gate.close();
}

void HttpServer::abort() {
  impl_->aborted = true;
  impl_->stopping = true;
  impl_->close_listeners();
  impl_->gate.close();
  impl_->connections->close_all();
  if (impl_->turnstile) impl_->turnstile->release();
}

std::uint32_t HttpServer::connection_count() const { return static_cast<std::uint32_t>(impl_->connections->count()); }
ByteCount HttpServer::bodies_in_flight() const { return {impl_->bodies_in_flight}; }

Task<> HttpServer::Impl::accept_all(std::shared_ptr<Impl> self, std::shared_ptr<Listener> listener) {
  while (listener->watch) {
    const WatchOutcome outcome = co_await listener->watch->readable(SteadyTime::max());
    if (!listener->watch) co_return;
    if (outcome != WatchOutcome::kReady) {
      self->log.error("a listening socket stopped working");
      co_return;
    }
    const std::chrono::milliseconds pause = self->accept_some(self, *listener);
    if (pause.count() > 0) co_await sleep_for(pause);
  }
}

std::chrono::milliseconds HttpServer::Impl::accept_some(const std::shared_ptr<Impl>& self, Listener& listener) {
  int refused = 0;
  for (int i = 0; i < kAcceptsInARow; ++i) {
    SocketAddress peer;
    UniqueFd client(::accept4(listener.fd.get(), peer.raw(), &peer.size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (client) {
      const Welcome welcome = begin(self, std::move(client), peer, listener.tls);
      if (welcome == Welcome::kRefused && ++refused == kRefusedInARow) return kFullPause;
      continue;
    }
    switch (errno) {
      case EAGAIN:
        return {};
      case EMFILE:
      case ENFILE:
      case ENOBUFS:
      case ENOMEM:
        warn_sometimes("connections have to wait: the system has no room for them", errno_text(errno));
        for (int evicted = 0; evicted < kEvictedAtOnce && connections->evict_for_newcomer(); ++evicted) {
        }
        return kOutOfResourcesPause;
      case EBADF:
      case EINVAL:
      case ENOTSOCK:
      case EOPNOTSUPP:
        warn_sometimes("a listening socket fails", errno_text(errno));
        return kOutOfResourcesPause;
      default:  // a client that went away again, or a network error of its own: the next one may be fine
        continue;
    }
  }
  return {};
}

auto HttpServer::Impl::begin(const std::shared_ptr<Impl>& self, UniqueFd client, const SocketAddress& peer,
                             TlsContext* tls) -> Welcome {
  set_option(client.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(client.get(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, kMostUnsent);
  StreamSocket socket(loop.executor());
  ErrorCode error;
  socket.assign(asio::generic::stream_protocol(peer.storage.ss_family, 0), client.get(), error);
  if (error) {
    warn_sometimes("a connection cannot be watched", error.message());
    return Welcome::kRefused;
  }
  [[maybe_unused]] const int now_owned_by_socket = client.release();
  if (connections->count() >= limits.max_connections && !connections->evict_for_newcomer()) {
    warn_sometimes("too many connections", std::to_string(connections->count()));
    if (refusing >= kMaxRefusing || tls != nullptr) return Welcome::kRefused;
    auto refused = std::make_unique<PlainConnection>(self, std::move(socket), peer_text(peer), nullptr);
    gate.spawn(refuse_connection(self, std::move(refused)));
    return Welcome::kRefused;
  }
  if (tls == nullptr) {
    auto connection = std::make_unique<PlainConnection>(self, std::move(socket), peer_text(peer), nullptr);
    gate.spawn(PlainConnection::serve(std::move(connection)));
  } else {
    TlsStream stream(std::move(socket), tls->impl().context());
    auto connection = std::make_unique<TlsConnection>(self, std::move(stream), peer_text(peer), &tls->impl());
    gate.spawn(TlsConnection::serve(std::move(connection)));
  }
  return Welcome::kServed;
}

Task<> HttpServer::Impl::refuse_connection(std::shared_ptr<Impl> self, std::unique_ptr<PlainConnection> connection) {
  ++self->refusing;
  HttpReply reply = reply_of({503, "too many connections"});
  co_await PlainConnection::turn_away(std::move(connection), std::move(reply));
  --self->refusing;
}

void HttpServer::Impl::warn_sometimes(std::string_view message, std::string detail) {
  const SteadyTime now = std::chrono::steady_clock::now();
  if (aborted || now < next_warning) return;
  next_warning = now + kSameWarningPause;
  log.warn(message, {{"detail", std::move(detail)}});
}

}  // namespace hearth::net
