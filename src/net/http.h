#pragma once
// HTTP/1.1 messages as the rest of the program sees them: whole, owned, already validated.
//
// A request reaches a handler only after its head parsed strictly and its body arrived in full within the limits of
// HttpLimits; everything else is answered by the server itself (400, 408, 413, 417, 431, 501, 503, 505).

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/header.h"
#include "net/task.h"

namespace hearth::net {

struct HttpHead {
  std::string method;  // upper case token as sent
  std::string target;  // raw origin-form target: path and query, still percent-encoded; begins with '/'
  std::vector<Header> headers;

  // The first header called `name` (case-insensitive), or an empty view.
  std::string_view header(std::string_view name) const {
    const std::string* value = find_header(headers, name);
    return value ? std::string_view(*value) : std::string_view();
  }
};

struct HttpRequest {
  HttpHead head;
  std::string body;
  std::string peer;  // "127.0.0.1:53312"; empty for sockets without an address
};

struct HttpReply {
  int status = 200;
  std::vector<Header> headers;  // Content-Length, Date and Connection are the server's own
  std::string body;
  bool close = false;  // close the connection after this reply
};

struct HttpLimits {
  std::chrono::milliseconds header_deadline{10'000};  // first byte of a head to its end
  std::chrono::milliseconds body_deadline{120'000};   // end of head to end of body, and the write of the reply
  std::chrono::milliseconds idle_deadline{75'000};    // between requests; zero: none
  ByteCount max_head = ByteCount::kib(64);
  ByteCount max_body = ByteCount::mib(70);
  ByteCount max_bodies_in_flight = ByteCount::mib(1024);  // requests and replies of all connections; beyond: 503
  std::uint32_t max_connections = 16'000;                 // beyond it the one idle for longest is closed, else 503
  std::chrono::milliseconds newcomer_grace{1'000};        // who was idle, or sent a head, for less is not closed for it
  std::chrono::microseconds request_slice{0};             // see turnstile.h; zero: requests begin as they come
};

// What serves requests. Thread: the loop's. Lifetime: outlives the server.
class HttpHandler {
 public:
  virtual ~HttpHandler() = default;

  // The largest body accepted for `head`; a longer one is answered 413 (`too_large` below) and the connection closes.
  virtual ByteCount body_limit(const HttpHead& head, const HttpLimits& limits) const {
    (void)head;
    return limits.max_body;
  }
  // The reply to a request whose body exceeds body_limit().
  virtual HttpReply too_large(const HttpHead& head) const {
    (void)head;
    return HttpReply{.status = 413, .headers = {}, .body = {}, .close = true};
  }

  // Ends when a TLS handshake, which costs a signature, may begin; for clients that might make very many at once.
  virtual Task<> await_turn() { co_return; }

  // The reply to `request`. An exception (a HEARTH_CHECK) is logged and answered with 500. There is no deadline here;
  // a client that goes away meanwhile is noticed when the reply is written.
  virtual Task<HttpReply> handle(HttpRequest request) = 0;
};

}  // namespace hearth::net
