#pragma once
// TurnWatch: the watchdog of a loop: measures what each turn cost the others, and names what ran when it was too much.
//
// A turn costs the time its thread computed, and the time it slept in a system call or on a lock. Time for which it
// was ready to run but the machine ran something else is not its fault and is not counted; nor is sleep in a turn that
// waited for its own pages to come from disk, or in which it never gave up the processor (the host took it). Sleep may
// be kSleepFactor times as long: waiting for a lock whose holder the machine does not let run looks the same.
//
// Two things name the culprit: the label that handlers note (turn_label.h), and the stack, taken by a signal that a
// timer of the thread's own processor time sends every kTurnLimit. The watch costs about 2 us per turn, so it is on in
// tests only: with HEARTH_TURN_WATCH=1 in the environment every loop has one that writes a line to standard error; a
// larger number is another limit, in microseconds. Which tests read it: docs/testing.md.
//
// Path: turn_meter.h -> here        Tests: turn_watch_test.cc

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "net/loop.h"

namespace hearth::net {

// No turn should take longer: then 200 can pass in a second, and a request that meets one is late by that at most.
inline constexpr std::chrono::milliseconds kTurnLimit{5};
// 200 ms: stalls of a shared disk of 40 ms and more were seen; what sleeps by mistake sleeps longer when it is busy.
inline constexpr int kSleepFactor = 40;
// The same for this build: code that is not optimised is 10 times slower, with address checks 10 times, with thread
// checks 20 times.
std::chrono::milliseconds turn_limit_of_this_build();

struct SlowTurn {
  std::chrono::nanoseconds limit{0};
  std::chrono::nanoseconds wall{0};
  std::chrono::nanoseconds computed{0};  // on the processor
  std::chrono::nanoseconds slept{0};     // off it, for a reason of its own
  std::chrono::nanoseconds waited{0};    // off it, while something else ran
  std::string label;                     // what noted itself and ran for longest; may be empty
  std::chrono::nanoseconds labelled{0};  // for how long
  std::uint64_t labels = 0;              // how many pieces of work noted themselves
  std::vector<std::string> stack;        // innermost first, as file+0xoffset; empty if none was taken

  std::chrono::nanoseconds cost() const { return computed + slept; }
  // One line, as the tests look for it.
  std::string text() const;
};

// Thread: the one that runs the loop; attach() binds it.
class TurnWatch {
 public:
  TurnWatch(std::chrono::nanoseconds limit, SlowTurnSink sink) : limit_(limit), sink_(std::move(sink)) {}
  ~TurnWatch() { detach(); }
  TurnWatch(const TurnWatch&) = delete;
  TurnWatch& operator=(const TurnWatch&) = delete;

  // One that writes text() to standard error, if HEARTH_TURN_WATCH asks for it; else nullptr.
  static std::unique_ptr<TurnWatch> from_environment();

  // From now on the calling thread runs the turns, until detach().
  void attach();
  void detach();
  void begin_turn();
  // Reports the turn if it cost too much. `label`, `labelled`, `labels` as in SlowTurn.
  void end_turn(std::chrono::nanoseconds wall, std::string_view label, std::chrono::nanoseconds labelled,
                std::uint64_t labels);

 private:
  struct Usage {
    std::chrono::nanoseconds computed{0};
    std::chrono::nanoseconds waited{0};
    long sleeps = 0;      // times the thread gave up the processor
    long page_reads = 0;  // faults that read from disk
  };
  // What the signal handler writes; read by the same thread.
  struct Sample {
    std::array<void*, 48> frames{};
    volatile int count = 0;
  };

  static void on_timer_signal(int signal);
  Usage usage() const;
  std::vector<std::string> describe_sample() const;

  const std::chrono::nanoseconds limit_;
  const SlowTurnSink sink_;
  UniqueFd schedstat_;
  void* timer_ = nullptr;  // timer_t
  bool attached_ = false;
  Usage begin_;
  Sample sample_;
};

}  // namespace hearth::net
