#pragma once
// OneShot<T>: a value that arrives once, and the one coroutine that waits for it.
//
// Loop thread only. set() before wait() is kept. A second set() is ignored and returns false. Destroying a OneShot
// while a coroutine waits on it is a bug of the owner.

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <optional>
#include <utility>

#include "base/clock.h"
#include "net/task.h"

namespace hearth::net {

template <class T>
class OneShot {
 public:
  explicit OneShot(Executor executor) : timer_(executor, SteadyTime::max()) {}
  OneShot(const OneShot&) = delete;
  OneShot& operator=(const OneShot&) = delete;

  bool is_set() const { return value_.has_value() || taken_; }
  // Wakes the waiter in a later turn of the loop. False if a value was set before.
  bool set(T value) {
    if (is_set()) return false;
    value_ = std::move(value);
    timer_.cancel();
    return true;
  }
  // The value, or nothing when `deadline` passed first (the value may still be set and waited for again).
  Task<std::optional<T>> wait_until(SteadyTime deadline) {
    if (!value_) {
      timer_.expires_at(deadline);
      boost::system::error_code ignored;
      constexpr boost::asio::use_awaitable_t<Executor> kUseTask;
      co_await timer_.async_wait(boost::asio::redirect_error(kUseTask, ignored));
    }
    if (!value_) co_return std::nullopt;
    taken_ = true;
    co_return std::exchange(value_, std::nullopt);
  }
  Task<T> wait() {
    for (;;) {
      auto value = co_await wait_until(SteadyTime::max());
      if (value) co_return std::move(*value);
    }
  }

 private:
  using Timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                  boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;
  Timer timer_;
  std::optional<T> value_;
  bool taken_ = false;
};

}  // namespace hearth::net
