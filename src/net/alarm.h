#pragma once
// Alarm: a callback at a time. For objects that keep many due times of their own and want one timer for all of them.
//
// An interface, so that tests own time: LoopAlarms runs on the loop's timers, FakeAlarms on a FakeClock.

#include <functional>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "net/loop.h"

namespace hearth::net {

// Destroying it cancels it. Thread: the loop's.
class Alarm {
 public:
  virtual ~Alarm() = default;
  // Rings once at `at` (at once, in a later turn, if that is past); replaces an earlier setting.
  virtual void set(SteadyTime at) = 0;
  virtual void cancel() = 0;
};

class Alarms {
 public:
  virtual ~Alarms() = default;
  virtual std::unique_ptr<Alarm> make(std::move_only_function<void()> on_ring) = 0;
};

class LoopAlarms final : public Alarms {
 public:
  explicit LoopAlarms(Loop& loop) : loop_(loop) {}
  std::unique_ptr<Alarm> make(std::move_only_function<void()> on_ring) override;

 private:
  Loop& loop_;
};

// Rings only inside ring_due(), for what the clock has reached.
class FakeAlarms final : public Alarms {
 public:
  explicit FakeAlarms(const Clock& clock) : clock_(clock) {}
  std::unique_ptr<Alarm> make(std::move_only_function<void()> on_ring) override;
  // Rings every alarm that is due, in order of time, also those set for the past by others ringing.
  void ring_due();

 private:
  struct Entry;
  class Handle;
  const Clock& clock_;
  std::vector<std::shared_ptr<Entry>> entries_;
};

}  // namespace hearth::net
