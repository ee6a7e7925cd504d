#pragma once
// TurnMeter: how long the turns of a loop take. Internal to net/.
//
// A turn is the work between two calls of epoll_wait. asio_src.cc brackets that call with before_wait() and
// after_wait() of the meter of the calling thread, at the price of two clock reads per turn.

#include <chrono>
#include <memory>
#include <string_view>

#include "net/loop.h"
#include "net/turn_watch.h"

namespace hearth::net {

class TurnMeter {
 public:
  // The meter of the loop running on this thread, or nullptr.
  static TurnMeter*& of_this_thread() {
    static thread_local TurnMeter* meter = nullptr;
    return meter;
  }

  void after_wait();
  void before_wait();
  // As net/turn_label.h says.
  void note(std::string_view what);
  std::uint64_t turn() const { return turn_; }
  LoopStats& stats() { return stats_; }
  std::unique_ptr<TurnWatch>& watch() { return watch_; }

 private:
  using Time = std::chrono::steady_clock::time_point;

  // Ends the piece of work under way; keeps it if it is the longest of this turn.
  void end_piece(Time now);

  Time turn_began_ = std::chrono::steady_clock::now();
  std::uint64_t turn_ = 0;  // those that have ended
  LoopStats stats_;
  std::unique_ptr<TurnWatch> watch_;
  std::string_view piece_;  // the work under way
  Time piece_began_;
  std::string_view longest_piece_;
  std::chrono::nanoseconds longest_piece_took_{0};
  std::uint64_t pieces_ = 0;
};

}  // namespace hearth::net
