#pragma once
// StopDeadline: stopping ends, whatever hangs.
//
// Stopping waits for requests, for environments, for work on the pool and for the disk, and any of them may hang: a
// pool thread in a system call on a dead network file system cannot be ended. So a thread of its own looks at the
// clock; when the time is over it says what was still waited for and ends the process at once. Nothing acknowledged is
// lost by that: it is on disk already.
//
// Tests: stop_deadline_test.cc

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "observe/log.h"

namespace hearth::main {

// Thread: its methods are called from one thread, and `describe` from another.
class StopDeadline {
 public:
  static constexpr int kAbandonedStatus = 70;  // what the process ends with; EX_SOFTWARE

  // `log` outlives it.
  explicit StopDeadline(const observe::Logger& log) : log_(log) {}
  ~StopDeadline();  // in time
  StopDeadline(const StopDeadline&) = delete;
  StopDeadline& operator=(const StopDeadline&) = delete;

  // Once. From now on the process has this long.
  void begin(std::chrono::milliseconds limit);
  // What is waited for from now on; `describe`, if given, says more about it when the time is over.
  void waiting_for(std::string what, std::function<std::string()> describe = {});

 private:
  void watch(std::chrono::milliseconds limit);

  const observe::Logger& log_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool in_time_ = false;
  std::string what_;
  std::function<std::string()> describe_;
  std::optional<std::thread> thread_;
};

}  // namespace hearth::main
