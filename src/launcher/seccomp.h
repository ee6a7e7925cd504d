#pragma once
// Seccomp: the system calls that a sandbox may make.
//
// An allow-list, compiled once at start into a binary decision tree and kept as bytes: installing it then takes 100 us,
// building it would take 1.6 ms. What is not on the list answers EPERM, as on AWS; calls newer than the list, and
// clone3 (whose flags a filter cannot see), answer ENOSYS so that C libraries fall back to older ones.
//
// Tests: seccomp_test.cc, tests/security/

#include <linux/filter.h>

#include <vector>

#include "base/result.h"

namespace hearth::launcher {

class SeccompFilter {
 public:
  // Error: FailureKind::kFailed.
  static Result<SeccompFilter> compile();
  // In the child, with no_new_privs set. 0 or an errno.
  int install() const;
  std::size_t instruction_count() const { return program_.size(); }

 private:
  std::vector<sock_filter> program_;
};

}  // namespace hearth::launcher
