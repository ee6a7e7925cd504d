#pragma once
// Loop: the one thread that owns all state of its instance.
//
// Everything in the program runs on a loop's thread except what is handed to a ThreadPool. Other threads reach the
// loop by post() alone. Entry points of what belongs to a loop check on_thread(), so that a call from the wrong thread
// is found by whoever makes it, not by chance.

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/clock.h"
#include "net/task.h"

namespace hearth::net {

// How long the loop's turns took: the work between two waits for events. No turn should take over 5 ms.
struct LoopStats {
  std::uint64_t turns = 0;
  std::chrono::nanoseconds longest{0};
  // turns_by_log2_us[i]: turns shorter than 2^i microseconds and not in a bucket before; the last holds all longer
  // ones.
  std::array<std::uint64_t, 24> turns_by_log2_us{};
};

class Loop {
 public:
  // `clock` outlives the loop.
  explicit Loop(const Clock& clock);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Returns when no work is left or stop() was called; can be called again. From the thread that owns the loop.
  void run();
  // Ends the run() under way, or else the next one. Any thread.
  void stop();
  // Runs `work` on the loop's thread, never inside this call. Any thread.
  void post(std::move_only_function<void()> work);
  // Starts a coroutine, in a later turn, that nobody awaits; loop thread only. Prefer Gate::spawn, which can be awaited
  // at shutdown. An exception that leaves it is logged and ends the program: it is a bug.
  void spawn(Task<> task);

  // Whether the caller may touch what belongs to this loop: it is the thread in run(), or no thread is. Any thread.
  bool on_thread() const;

  // Since the start, or the last reset. Loop thread, or while the loop does not run.
  LoopStats stats() const;
  void reset_stats();

  Executor executor();
  const Clock& clock() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Waits for `duration` on the current coroutine's loop.
Task<> sleep_for(std::chrono::steady_clock::duration duration);

}  // namespace hearth::net
