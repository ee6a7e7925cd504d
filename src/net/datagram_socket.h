#pragma once
// Servers of one packet in, one packet out: DatagramServer over a datagram socket, and StreamServer over a listening
// stream socket whose packets are preceded by their length in two bytes, as DNS over TCP does it.
//
// Packets come from whoever reaches the socket. Each answer is a task of its own, so a slow one holds up nobody; beyond
// the limits datagrams are dropped and connections closed, which such protocols expect.
//
// Tests: datagram_socket_test.cc

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "base/unique_fd.h"
#include "net/loop.h"
#include "net/task.h"

namespace hearth::net {

// What answers. Thread: the loop's. An exception that leaves answer() ends the program.
class PacketHandler {
 public:
  virtual ~PacketHandler() = default;
  // The answer to `packet`; empty: none.
  virtual Task<std::string> answer(std::string packet) = 0;
};

struct PacketLimits {
  std::size_t max_packet = 4096;                    // longer ones are dropped, unanswered
  std::uint32_t max_in_flight = 128;                // answers being made at once
  std::uint32_t max_connections = 32;               // StreamServer
  std::chrono::milliseconds idle_deadline{10'000};  // StreamServer: from one whole packet to the next, and for writing
};

// Serves `socket`, bound already, until destroyed. Answers go back from the address that was asked. The server and
// every answer() that still runs keep `handler` alive.
class DatagramServer {
 public:
  DatagramServer(Loop& loop, UniqueFd socket, std::shared_ptr<PacketHandler> handler, PacketLimits limits = {});
  ~DatagramServer();
  DatagramServer(const DatagramServer&) = delete;
  DatagramServer& operator=(const DatagramServer&) = delete;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

// Serves connections of `listener`, listening already, until destroyed; several packets per connection, one after the
// other. The server and every answer() that still runs keep `handler` alive.
class StreamServer {
 public:
  StreamServer(Loop& loop, UniqueFd listener, std::shared_ptr<PacketHandler> handler, PacketLimits limits = {});
  ~StreamServer();
  StreamServer(const StreamServer&) = delete;
  StreamServer& operator=(const StreamServer&) = delete;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace hearth::net
