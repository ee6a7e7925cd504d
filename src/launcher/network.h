#pragma once
// Network: namespaces made ahead, each with loopback up and the server's five sockets listening inside.
//
// Making a network namespace takes about a millisecond, so a pool keeps some ready. Nothing ever joins a namespace but
// the one sandbox it is given to, so who connects to its sockets is known. A namespace dies with its last descriptor
// and process; there is nothing to delete.
//
// Where namespaces are forbidden each sandbox gets two listening ports of the machine's loopback instead, and Landlock
// lets it connect to these two only.

#include <array>
#include <cstdint>
#include <deque>

#include "base/result.h"
#include "base/unique_fd.h"

namespace hearth::launcher {

enum class Socket : std::uint8_t { kRuntimeApi, kHttp, kHttps, kDnsUdp, kDnsTcp, kCount };

struct Network {
  UniqueFd netns;
  std::array<UniqueFd, static_cast<std::size_t>(Socket::kCount)> sockets;  // on 127.0.0.1, non-blocking
  // Where those sockets are without a namespace, else 0.
  std::uint16_t runtime_api_port = 0;
  std::uint16_t http_port = 0;
};

// Thread: the launcher has one; it enters each new namespace for a moment.
class NetworkPool {
 public:
  // Error: FailureKind::kFailed if this process cannot name its own network namespace.
  static Result<NetworkPool> open(std::size_t target);
  // A pool of ports without namespaces, none made ahead.
  static NetworkPool of_ports() { return NetworkPool(); }

  // Error: FailureKind::kNoResources (or kFailed), when the pool is empty and no namespace can be made.
  Result<Network> take();
  bool is_full() const { return ready_.size() >= target_; }
  // Makes one more: about a millisecond.
  Status add_one();

 private:
  NetworkPool() = default;
  Result<Network> make() const;
  static Result<Network> make_ports();

  UniqueFd home_;
  std::size_t target_ = 0;
  std::deque<Network> ready_;
};

}  // namespace hearth::launcher
