#pragma once
// HttpServer: HTTP/1.1 on listening sockets, plain or TLS, one coroutine per connection.
//
// Keep-alive and pipelining, chunked and sized bodies, Expect: 100-continue, HTTP/1.0; strict head parser. Every wait
// has a deadline from HttpLimits. One write per reply, TCP_NODELAY.

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "net/http.h"
#include "net/loop.h"
#include "net/tls.h"
#include "observe/log.h"

namespace hearth::net {

enum class ListenError { kBadAddress, kAddressInUse, kNotPermitted, kSystem };

class HttpServer {
 public:
  // `loop`, `handler` and `log` outlive the server; `handler` also outlives every handle() that runs.
  HttpServer(Loop& loop, HttpHandler& handler, HttpLimits limits, const observe::Logger& log);
  // The same, but the server and every handle() that runs keep `handler` alive.
  HttpServer(Loop& loop, std::shared_ptr<HttpHandler> handler, HttpLimits limits, const observe::Logger& log);
  ~HttpServer();  // abort()
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Listens on `host`:`port` (numeric IPv4 or IPv6 address; port 0: any). Returns the bound port.
  Result<std::uint16_t> listen(const std::string& host, std::uint16_t port);
  // The listening socket alone, for serve(). Errors: as listen().
  static Result<UniqueFd> open_listener(const std::string& host, std::uint16_t port);
  // The port a listening socket is bound to. Errors: kSystem.
  static Result<std::uint16_t> port_of(const UniqueFd& listener);
  // Serves connections of an already listening stream socket (TCP or Unix). With `tls`, which outlives the server, each
  // connection starts with a handshake.
  void serve(UniqueFd listener, TlsContext* tls = nullptr);

  // Stops accepting, lets requests in flight finish until `deadline`, then closes what is left.
  // At the end no handle() runs, unless one ran past the deadline. Await it before destroying the server.
  Task<> stop(SteadyTime deadline);
  // Closes listeners and connections at once; handlers still running finish unheard.
  void abort();

  std::uint32_t connection_count() const;
  // Of requests and replies, as counted against HttpLimits::max_bodies_in_flight.
  ByteCount bodies_in_flight() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace hearth::net
