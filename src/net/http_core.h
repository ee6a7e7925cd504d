#pragma once
// HttpCore: what all connections of one HttpServer share. Internal to net/.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>

#include "net/connection_table.h"
#include "net/gate.h"
#include "net/http.h"
#include "net/http_reply.h"
#include "net/turnstile.h"
#include "observe/log.h"

namespace hearth::net {

// How long, and for how many bytes, a client that is still sending is read after its last reply, so that it sees the
// reply and not a reset. A refused upload may be a whole one, larger than any limit by some.
inline constexpr std::chrono::milliseconds kLingerTime{2'000};
inline constexpr std::uint64_t kLingerBytes = 256 * 1024;
inline constexpr std::chrono::milliseconds kUploadLingerTime{30'000};
inline constexpr std::uint64_t kUploadLingerBytes = 256ULL << 20U;
// An idle connection keeps its buffer for this long.
inline constexpr std::chrono::milliseconds kCoolsAfter{5'000};

inline std::chrono::milliseconds shortest_limit(const HttpLimits& limits) {
  std::chrono::milliseconds shortest = kLingerTime;
  for (const auto limit : {limits.header_deadline, limits.body_deadline, limits.idle_deadline}) {
    if (limit.count() > 0) shortest = std::min(shortest, limit);
  }
  return shortest;
}

struct HttpCore {
  HttpCore(Loop& the_loop, std::shared_ptr<HttpHandler> the_handler, HttpLimits the_limits,
           const observe::Logger& the_log)
      : loop(the_loop),
        handler(std::move(the_handler)),
        limits(the_limits),
        log(the_log),
        connections(std::make_shared<ConnectionTable>(the_loop.executor(), shortest_limit(limits), kCoolsAfter,
                                                      limits.newcomer_grace)),
        gate(the_loop) {
    if (limits.request_slice.count() > 0) {
      turnstile = std::make_shared<Turnstile>(the_loop.executor(), limits.request_slice);
    }
  }

  Loop& loop;
  const std::shared_ptr<HttpHandler> handler;
  const HttpLimits limits;
  const observe::Logger& log;  // not to be used once aborted
  const std::shared_ptr<ConnectionTable> connections;
  std::shared_ptr<Turnstile> turnstile;  // null: requests begin as they come
  Gate gate;
  DateCache date;
  std::uint64_t bodies_in_flight = 0;  // bytes of request bodies being received or handled
  bool stopping = false;               // every reply closes its connection
  bool aborted = false;                // the server is gone
};

// Bytes counted into HttpCore::bodies_in_flight for as long as this lives.
class BodyReservation {
 public:
  explicit BodyReservation(HttpCore& core) : core_(core) {}
  BodyReservation(const BodyReservation&) = delete;
  BodyReservation& operator=(const BodyReservation&) = delete;
  ~BodyReservation() { release(); }

  // Raises the reservation to `bytes`. False, and unchanged, if the server holds too much already.
  bool raise_to(std::uint64_t bytes) {
    if (bytes <= reserved_) return true;
    const std::uint64_t more = bytes - reserved_;
    if (more > core_.limits.max_bodies_in_flight.value ||
        core_.bodies_in_flight > core_.limits.max_bodies_in_flight.value - more) {
      return false;
    }
    core_.bodies_in_flight += more;
    reserved_ = bytes;
    return true;
  }
  void release() {
    core_.bodies_in_flight -= reserved_;
    reserved_ = 0;
  }

 private:
  HttpCore& core_;
  std::uint64_t reserved_ = 0;
};

}  // namespace hearth::net
