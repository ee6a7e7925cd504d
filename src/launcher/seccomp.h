#pragma once
// Seccomp: the system calls that a sandbox may make.
//
// An allow-list, compiled once at start into a binary decision tree and kept as bytes: installing it then takes 100 us,
// building it would take 1.6 ms. What is not on the list answers EPERM, as on AWS; calls newer than the list, and
// clone3 (whose flags a filter cannot see), answer ENOSYS so that C libraries fall back to older ones.
//
// Tests: seccomp_test.cc, tests/security/

#include <linux/filter.h>

#include <cstdint>
#include <vector>

#include "base/result.h"

namespace hearth::launcher {

// What the filter has to make up for.
struct SeccompProfile {
  // kShared: one file tree, network and process table for all (the landlock tier). Calls that Landlock does not judge
  // and that reach beyond the sandbox are refused: sockets other than TCP to a permitted port, System V and POSIX
  // queues, scheduling of other processes, watching folders. Changing modes, owners and times of files, which Landlock
  // knows nothing of, does nothing and says it worked.
  enum class Surroundings : std::uint8_t { kOwn, kShared } surroundings = Surroundings::kOwn;
  // kWatched: no cgroup limits memory, so memory that no process's own figures show is refused.
  enum class Memory : std::uint8_t { kLimited, kWatched } memory = Memory::kLimited;
};

class SeccompFilter {
 public:
  // Error: FailureKind::kFailed.
  static Result<SeccompFilter> compile(const SeccompProfile& profile = {});
  // In the child, with no_new_privs set. 0 or an errno.
  int install() const;
  std::size_t instruction_count() const { return program_.size(); }

 private:
  std::vector<sock_filter> program_;
};

}  // namespace hearth::launcher
