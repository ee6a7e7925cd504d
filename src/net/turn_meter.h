#pragma once
// TurnMeter: how long the turns of a loop take. Internal to net/.
//
// A turn is the work between two calls of epoll_wait. asio_src.cc brackets that call with before_wait() and
// after_wait() of the meter of the calling thread, at the price of two clock reads per turn.

#include <chrono>

#include "net/loop.h"

namespace hearth::net {

class TurnMeter {
 public:
  // The meter of the loop running on this thread, or nullptr.
  static TurnMeter*& of_this_thread() {
    static thread_local TurnMeter* meter = nullptr;
    return meter;
  }

  void after_wait() { turn_began_ = std::chrono::steady_clock::now(); }
  void before_wait();
  LoopStats& stats() { return stats_; }

 private:
  std::chrono::steady_clock::time_point turn_began_ = std::chrono::steady_clock::now();
  LoopStats stats_;
};

}  // namespace hearth::net
