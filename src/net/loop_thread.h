#pragma once
// LoopThread: a further loop, running on a thread of its own.

#include <memory>
#include <thread>

#include "base/clock.h"
#include "net/loop.h"

namespace hearth::net {

// Thread: that of whoever made it, except that the loop's own rules hold for loop().
class LoopThread {
 public:
  // `clock` outlives it. Nothing runs yet, so that what belongs to the loop can be built here.
  explicit LoopThread(const Clock& clock);
  ~LoopThread();  // stop()
  LoopThread(const LoopThread&) = delete;
  LoopThread& operator=(const LoopThread&) = delete;

  Loop& loop() { return loop_; }
  // The loop runs from now on, with or without work. Call once.
  void start();
  // Ends the loop after its current turn, whatever is left, and waits for the thread. Idempotent; what belonged to the
  // loop may then be destroyed here.
  void stop();

 private:
  Loop loop_;
  std::jthread thread_;
};

}  // namespace hearth::net
