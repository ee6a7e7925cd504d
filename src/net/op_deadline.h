#pragma once
// OpDeadline: cancels one operation at a time when its deadline passes. Internal to net/.
//
// Lives inside a shared state that also holds the I/O object; its timer handler keeps that state alive. A handler that
// was already on its way when its operation ended is told apart by a generation number.

#include <cstdint>
#include <memory>
#include <utility>

#include "base/clock.h"
#include "net/asio.h"

namespace hearth::net {

class OpDeadline {
 public:
  explicit OpDeadline(const Executor& executor) : timer_(executor) {}

  // From now until disarm(): at `deadline`, expired() becomes true and `cancel_operation` runs. `owner` holds *this.
  template <class Owner, class Cancel>
  void arm(const std::shared_ptr<Owner>& owner, SteadyTime deadline, Cancel cancel_operation) {
    expired_ = false;
    const std::uint64_t generation = ++generation_;
    if (deadline == SteadyTime::max()) return;
    armed_ = true;
    timer_.expires_at(deadline);
    timer_.async_wait([this, owner, generation, cancel_operation = std::move(cancel_operation)](ErrorCode error) {
      if (error || generation != generation_) return;
      expired_ = true;
      cancel_operation();
    });
  }
  void disarm() {
    ++generation_;
    if (std::exchange(armed_, false)) timer_.cancel();
  }
  bool expired() const { return expired_; }

 private:
  SteadyTimer timer_;
  std::uint64_t generation_ = 0;
  bool armed_ = false;
  bool expired_ = false;
};

}  // namespace hearth::net
