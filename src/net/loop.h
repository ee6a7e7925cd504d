#pragma once
// Loop: the one thread that owns all state of its instance.
//
// Everything in the program runs on a loop's thread except what is handed to a ThreadPool. Other threads reach the
// loop by post() alone.

#include <chrono>
#include <functional>
#include <memory>

#include "base/clock.h"
#include "net/task.h"

namespace hearth::net {

class Loop {
 public:
  // `clock` outlives the loop.
  explicit Loop(const Clock& clock);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Runs until stop(); returns when no work is left or stop() was called. Call once, from the thread that owns the loop.
  void run();
  // Any thread.
  void stop();
  // Runs `work` on the loop's thread, never inside this call. Any thread.
  void post(std::move_only_function<void()> work);
  // Starts a coroutine that nobody awaits; prefer Gate::spawn, which can be awaited at shutdown. An exception that
  // leaves it is logged and ends the program: it is a bug.
  void spawn(Task<> task);

  Executor executor();
  const Clock& clock() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Waits for `duration` on the current coroutine's loop.
Task<> sleep_for(std::chrono::steady_clock::duration duration);

}  // namespace hearth::net
