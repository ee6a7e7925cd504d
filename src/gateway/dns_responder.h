#pragma once
// DnsResponder: the resolver inside one sandbox, served from sockets made in its network namespace.
//
// Its resolv.conf says 127.0.0.1, so every name user code looks up arrives here, over UDP or TCP.
// Path: gateway/function_endpoint.cc -> here -> dns_message.h        Tests: dns_responder_test.cc

#include <optional>

#include "base/unique_fd.h"
#include "net/datagram_socket.h"
#include "net/loop.h"

namespace hearth::gateway {

// Serves until destroyed. Thread: the loop's. Lifetime: `loop` outlives it.
class DnsResponder {
 public:
  // A bound datagram socket and a listening stream socket; either may be empty.
  DnsResponder(net::Loop& loop, UniqueFd udp, UniqueFd tcp);

 private:
  std::optional<net::DatagramServer> datagrams_;
  std::optional<net::StreamServer> streams_;
};

}  // namespace hearth::gateway
