#pragma once
// Clock: where time comes from. Injected everywhere, so that tests own it.

#include <chrono>

namespace hearth {

using TimePoint = std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>;  // wall clock, UTC
using SteadyTime = std::chrono::steady_clock::time_point;                                         // for durations

class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimePoint now() const = 0;
  virtual SteadyTime steady_now() const = 0;
};

class SystemClock final : public Clock {
 public:
  TimePoint now() const override {
    return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
  }
  SteadyTime steady_now() const override { return std::chrono::steady_clock::now(); }
};

// A clock that only moves when told to.
class FakeClock final : public Clock {
 public:
  TimePoint now() const override { return now_; }
  SteadyTime steady_now() const override { return steady_; }
  void advance(std::chrono::milliseconds by) {
    now_ += by;
    steady_ += by;
  }
  void set(TimePoint now) { now_ = now; }

 private:
  TimePoint now_{std::chrono::milliseconds{1'700'000'000'000}};
  SteadyTime steady_{};
};

}  // namespace hearth
