#pragma once
// Turnstile: how much of the loop's time new requests get before everything that is under way has its turn.
//
// Clients who do not wait for each other can have requests ready faster than they are handled. Were all of them begun
// as they come, everything under way (a function's answer, a write that was synced) would wait behind them at each of
// its steps, and a server asked for ten times too much would finish next to nothing. So requests begin for one slice of
// time, then whatever else is ready runs. Who has to wait is served in the order of arrival.
//
// Path: http_connection.h, before the handler        Tests: turnstile_test.cc

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>

#include "base/clock.h"
#include "net/task.h"

namespace hearth::net {

// Thread: the loop's. Held by shared pointers.
class Turnstile : public std::enable_shared_from_this<Turnstile> {
 public:
  Turnstile(const Executor& executor, std::chrono::microseconds slice) : executor_(executor), slice_(slice) {}
  Turnstile(const Turnstile&) = delete;
  Turnstile& operator=(const Turnstile&) = delete;

  // Whether a request may begin now. False: the slice is used up, or others wait already; then wait().
  bool try_pass();
  // Ends when this request may begin, or after release().
  Task<> wait();
  // Lets everyone who waits go on, in later turns of the loop.
  void release();
  std::size_t waiting() const { return waiting_.size(); }

 private:
  void begin_slice(SteadyTime now);
  void next_slice();

  Executor executor_;
  const std::chrono::microseconds slice_;
  SteadyTime slice_ends_ = SteadyTime::min();
  bool marked_ = false;  // next_slice() is on its way, behind everything that was ready when this slice began
  std::deque<std::move_only_function<void()>> waiting_;
};

}  // namespace hearth::net
