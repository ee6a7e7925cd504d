#pragma once
// ConnectionTable: the connections of one server, their deadlines and their order of idleness. Internal to net/.
//
// A connection says which phase it is in and how long that may last; that is one clock read and no timer. One timer per
// table looks at all deadlines when the earliest may have passed: no deadline is set for less than `shortest` from now,
// so none can pass unseen between two looks.
//
// Tests: connection_table_test.cc

#include <boost/intrusive/list.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/clock.h"
#include "net/asio.h"

namespace hearth::net {

class ConnectionTable;

enum class Phase : std::uint8_t { kHandshake, kIdle, kHead, kBody, kHandling, kWriting, kLingering };

// What the table knows of a connection. Registered from construction to destruction.
class TrackedConnection : public boost::intrusive::list_base_hook<>,
                          public boost::intrusive::list_base_hook<boost::intrusive::tag<struct IdleOrder>> {
 public:
  explicit TrackedConnection(std::shared_ptr<ConnectionTable> table);
  virtual ~TrackedConnection();
  TrackedConnection(const TrackedConnection&) = delete;
  TrackedConnection& operator=(const TrackedConnection&) = delete;

  Phase phase() const { return phase_; }

 protected:
  // Ends the wait under way, if any, with an error; never runs the connection's code inside the call.
  virtual void cancel_wait() = 0;
  // The same for good.
  virtual void close() = 0;

  // From now on in `phase`, for `limit` at most (zero: without end).
  void enter(Phase phase, std::chrono::milliseconds limit);
  // The deadline of the phase passed, or the connection was chosen to make room: no new wait may begin in this phase.
  bool expired() const { return expired_; }
  // Idle for so long that its buffers should go. True once per idle phase; cancel_wait() was called before.
  bool take_cooling();

 private:
  friend class ConnectionTable;

  std::shared_ptr<ConnectionTable> table_;
  SteadyTime since_ = SteadyTime::min();  // of this phase
  SteadyTime deadline_ = SteadyTime::max();
  SteadyTime cools_at_ = SteadyTime::max();
  Phase phase_ = Phase::kHandshake;
  bool expired_ = false;
  bool cooling_ = false;
};

class ConnectionTable : public std::enable_shared_from_this<ConnectionTable> {
 public:
  // `shortest`: the shortest limit any connection will pass to enter().
  // `newcomer_grace`: see evict_for_newcomer().
  ConnectionTable(const Executor& executor, std::chrono::milliseconds shortest, std::chrono::milliseconds cools_after,
                  std::chrono::milliseconds newcomer_grace);

  std::size_t count() const { return connections_.size(); }
  // Ends the connection idle for longest, or else the one whose head has been on its way for longest, if either was for
  // more than the grace: an honest client's head takes milliseconds, and one that was just served may ask again. False
  // if there is none.
  bool evict_for_newcomer();
  void end_idle();
  void close_all();

 private:
  friend class TrackedConnection;
  using Connections = boost::intrusive::list<TrackedConnection>;
  using IdleConnections = boost::intrusive::list<
      TrackedConnection,
      boost::intrusive::base_hook<boost::intrusive::list_base_hook<boost::intrusive::tag<IdleOrder>>>>;

  void add(TrackedConnection& connection);
  void remove(TrackedConnection& connection);
  void look_at(SteadyTime when);
  void look(SteadyTime now);
  static void expire(TrackedConnection& connection);
  static bool evict(IdleConnections& waiting);
  IdleConnections& waiting_in(Phase phase) { return phase == Phase::kIdle ? idle_ : heads_; }

  const std::chrono::milliseconds shortest_;
  const std::chrono::milliseconds cools_after_;
  const std::chrono::milliseconds newcomer_grace_;
  SteadyTimer timer_;
  Connections connections_;
  IdleConnections idle_;   // in the order of entering the phase, as the next
  IdleConnections heads_;  // a connection is in one of the two at most
};

}  // namespace hearth::net
