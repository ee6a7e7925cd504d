#pragma once
// Loop: the one thread that owns all state of its instance.
//
// Everything in the program runs on a loop's thread except what is handed to a ThreadPool. Other threads reach the
// loop by post() alone. Entry points of what belongs to a loop check on_thread(), so that a call from the wrong thread
// is found by whoever makes it, not by chance.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/clock.h"
#include "net/task.h"
#include "observe/duration_histogram.h"

namespace hearth::net {

// How long the loop's turns took: the work between two waits for events. No turn should take over 5 ms.
struct LoopStats {
  observe::DurationHistogram turns;
};

struct SlowTurn;  // turn_watch.h
using SlowTurnSink = std::function<void(const SlowTurn&)>;

class Loop {
 public:
  // `clock` outlives the loop. With HEARTH_TURN_WATCH=1 in the environment its turns are watched (turn_watch.h).
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

  // The number of turns that have ended: differs in two turns. Loop thread only.
  std::uint64_t turn() const;
  // Since the start, or the last reset. Loop thread, or while the loop does not run.
  LoopStats stats() const;
  void reset_stats();
  // From the next run() on, calls `sink` after each turn that cost more than `limit`, in place of the watch that the
  // environment may have asked for; until then, nothing is watched.
  void watch_turns(std::chrono::nanoseconds limit, SlowTurnSink sink);

  Executor executor();
  const Clock& clock() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Lets everything else that is ready run first; for long work, between its pieces.
Task<> yield_turn();
// Waits for `duration` on the current coroutine's loop.
Task<> sleep_for(std::chrono::steady_clock::duration duration);

}  // namespace hearth::net
