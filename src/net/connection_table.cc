#include "net/connection_table.h"

#include <algorithm>
#include <utility>

namespace hearth::net {

TrackedConnection::TrackedConnection(std::shared_ptr<ConnectionTable> table) : table_(std::move(table)) {
  table_->add(*this);
}

TrackedConnection::~TrackedConnection() { table_->remove(*this); }

void TrackedConnection::enter(Phase phase, std::chrono::milliseconds limit) {
  using IdleHook = boost::intrusive::list_base_hook<boost::intrusive::tag<IdleOrder>>;
  const SteadyTime now = std::chrono::steady_clock::now();
  if (IdleHook::is_linked()) table_->waiting_in(phase_).erase(ConnectionTable::IdleConnections::s_iterator_to(*this));
  if (phase == Phase::kIdle || phase == Phase::kHead) table_->waiting_in(phase).push_back(*this);
  phase_ = phase;
  since_ = now;
  deadline_ = limit.count() == 0 ? SteadyTime::max() : now + limit;
  cools_at_ = phase == Phase::kIdle ? now + table_->cools_after_ : SteadyTime::max();
  expired_ = false;
  cooling_ = false;
}

bool TrackedConnection::take_cooling() { return std::exchange(cooling_, false); }

ConnectionTable::ConnectionTable(const Executor& executor, std::chrono::milliseconds shortest,
                                 std::chrono::milliseconds cools_after, std::chrono::milliseconds newcomer_grace)
    : shortest_(std::min(shortest, cools_after)),
      cools_after_(cools_after),
      newcomer_grace_(newcomer_grace),
      timer_(executor) {}

void ConnectionTable::add(TrackedConnection& connection) {
  connections_.push_back(connection);
  if (connections_.size() == 1) look_at(std::chrono::steady_clock::now() + shortest_);
}

void ConnectionTable::remove(TrackedConnection& connection) {
  using IdleHook = boost::intrusive::list_base_hook<boost::intrusive::tag<IdleOrder>>;
  if (static_cast<IdleHook&>(connection).is_linked())
    waiting_in(connection.phase_).erase(IdleConnections::s_iterator_to(connection));
  connections_.erase(Connections::s_iterator_to(connection));
  if (connections_.empty()) timer_.cancel();
}

void ConnectionTable::look_at(SteadyTime when) {
  timer_.expires_at(when);
  timer_.async_wait([weak = weak_from_this()](ErrorCode error) {
    if (error) return;
    const auto table = weak.lock();
    if (table && !table->connections_.empty()) table->look(std::chrono::steady_clock::now());
  });
}

void ConnectionTable::look(SteadyTime now) {
  SteadyTime next = now + shortest_;
  for (TrackedConnection& connection : connections_) {
    if (connection.deadline_ <= now) {
      expire(connection);
    } else if (connection.cools_at_ <= now) {
      connection.cools_at_ = SteadyTime::max();
      connection.cooling_ = true;
      connection.cancel_wait();
    }
    next = std::min({next, connection.deadline_, connection.cools_at_});
  }
  // Many deadlines close together are looked at together.
  const auto pause = std::clamp<std::chrono::milliseconds>(shortest_ / 4, std::chrono::milliseconds(1),
                                                           std::chrono::milliseconds(100));
  look_at(std::max(next, now + pause));
}

void ConnectionTable::expire(TrackedConnection& connection) {
  connection.expired_ = true;
  connection.deadline_ = SteadyTime::max();
  connection.cools_at_ = SteadyTime::max();
  connection.cancel_wait();
}

bool ConnectionTable::evict_for_newcomer() {
  const SteadyTime latest = std::chrono::steady_clock::now() - newcomer_grace_;
  for (IdleConnections* const waiting : {&idle_, &heads_}) {
    if (!waiting->empty() && waiting->front().since_ <= latest) return evict(*waiting);
  }
  return false;
}

bool ConnectionTable::evict(IdleConnections& waiting) {
  TrackedConnection& oldest = waiting.front();
  waiting.pop_front();
  expire(oldest);
  return true;
}

void ConnectionTable::end_idle() {
  while (!idle_.empty()) evict(idle_);
}

void ConnectionTable::close_all() {
  for (TrackedConnection& connection : connections_) {
    expire(connection);
    connection.close();
  }
}

}  // namespace hearth::net
