#pragma once
// Kernel: time, timers and random numbers of a simulated machine, put under the whole program.
//
// While a Kernel exists, the system calls that make a run of the server differ from the next one are answered by it:
// clock_gettime and its relatives, getrandom, the timer descriptor of the event loop, and the wait for events. They are
// defined in this program (kernel.cc), which the linker prefers to the C library's; so every clock read is simulated,
// also one inside a library, and nobody can forget to inject a clock.
//
// Time stands still while the program works. It moves when the loop has nothing to do: straight to the next timer.
// Everything else of the real kernel that is used (pipes, unix sockets, files in memory) is deterministic as long as
// one thread uses it.

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>

#include "random.h"

struct epoll_event;

namespace hearth::simulation {

// At most one exists. Thread: the one that runs the simulation.
class Kernel {
 public:
  explicit Kernel(std::uint64_t seed);
  ~Kernel();
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;

  std::chrono::nanoseconds since_start() const { return std::chrono::nanoseconds(steady_ns_ - kStartNs); }
  // The machine stood still for a while: both clocks have moved on, and timers are overdue.
  void leap(std::chrono::nanoseconds by) { steady_ns_ += by.count(); }
  // Somebody set the wall clock.
  void jump_wall(std::chrono::milliseconds by) { wall_offset_ns_ += std::chrono::nanoseconds(by).count(); }
  // The loops there were will not run again.
  void forget_timers() { timers_.clear(); }

  // `on_stuck` is called, again and again, once time has passed `limit` after now, or has stood still for `kMostWaits`
  // waits: it must end the loop.
  void watch_for_stillness(std::chrono::nanoseconds limit, std::function<void()> on_stuck);
  static constexpr std::uint64_t kMostWaits = 5'000'000;

  // What the system calls come to.
  std::int64_t steady_ns() const { return steady_ns_; }
  std::int64_t wall_ns() const { return steady_ns_ + wall_offset_ns_; }
  void fill_random(void* bytes, std::size_t count);
  void set_timer(int fd, std::int64_t due_ns);  // -1: none
  int wait_for_events(int epoll_fd, epoll_event* events, int most, int timeout_ms);

  static Kernel* installed();

 private:
  struct Timer {
    std::int64_t due_ns = -1;
    bool fired = false;  // its descriptor is readable
  };
  static constexpr std::int64_t kStartNs = 1'000'000'000'000;

  void fire_due_timers();
  std::int64_t next_due() const;

  std::int64_t steady_ns_ = kStartNs;
  std::int64_t wall_offset_ns_ = 1'700'000'000'000'000'000;
  Random random_;
  std::map<int, Timer> timers_;
  std::int64_t limit_ns_ = -1;
  std::uint64_t waits_without_time_ = 0;
  std::function<void()> on_stuck_;
};

}  // namespace hearth::simulation
