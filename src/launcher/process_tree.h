#pragma once
// ProcessTree: what the descendants of one process use, read from /proc, for machines without cgroups.
//
// A picture taken while the processes run: one that forks or ends meanwhile may be missed or counted twice, so it
// serves watchdogs that look again and again. Reads only what the kernel shows of any process of the same user.
//
// Tests: process_tree_test.cc

#include <sys/types.h>

#include <cstdint>
#include <string_view>
#include <vector>

namespace hearth::launcher {

// All descendants of `root`, without it, parents first.
std::vector<pid_t> descendants(pid_t root);

// Anonymous and shared memory in bytes, from the text of /proc/PID/status: what a process can make the machine hold
// without a file behind it. 0 for a process that is gone.
std::uint64_t parse_private_memory(std::string_view status);
std::uint32_t parse_threads(std::string_view status);

struct TreeUse {
  std::uint64_t memory_bytes = 0;  // pages shared after a fork count for each
  std::uint32_t tasks = 0;         // processes and threads
};
// Of the descendants of `root`. About 60 us per process.
TreeUse measure_tree(pid_t root);

// Memory of the same processes in which a shared page counts once. Slow where there is much of it: the kernel walks the
// page tables. What the kernel does not show counts as in measure_tree().
std::uint64_t measure_tree_exactly(pid_t root);

}  // namespace hearth::launcher
