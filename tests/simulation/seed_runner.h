#pragma once
// SeedRunner: stories in processes of their own: one that crashes or hangs is a finding like any other, and each starts
// from the same untouched state.

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "story.h"

namespace hearth::simulation {

struct SeedResult {
  std::uint64_t seed = 0;
  StoryEnd end;  // its violations say what was found; empty: all is well
};

// Of the time since a process began, what it ran or slept, without that for which it was ready and others ran: on a
// busy machine a story of low priority may take minutes, and hangs for that no more. `schedstat` is its
// /proc/PID/schedstat.
std::chrono::nanoseconds time_it_was_given(std::chrono::nanoseconds elapsed, const std::string& schedstat);

// One story, in a child process with an empty folder in memory. A crash or hang becomes a violation.
SeedResult run_seed(const StoryOptions& options);

// Stories first..last, `jobs` at a time; `on_result` is called as they end, false stops.
void run_seeds(StoryOptions options, std::uint64_t first, std::uint64_t last, unsigned jobs,
               const std::function<bool(const SeedResult&)>& on_result);

}  // namespace hearth::simulation
