#pragma once
// Short runs of other programs: an interpreter asked for its version, npm asked for a package.
//
// The program gets exactly the environment given, no input, and a deadline at which it is killed with its process
// group. Blocks the caller; never used while invocations are served except for an interpreter seen for the first time.
//
// Tests: runtime_process_test.cc

#include <chrono>
#include <string>
#include <vector>

#include "base/result.h"

namespace hearth::environment {

enum class ProcessError {
  kNotStarted,  // the message names the program and errno
  kTimeout,
  kFailed,  // it ended with another status than 0; the message has the end of its error output
};

struct ProcessSpec {
  std::vector<std::string> argv;  // argv[0]: absolute, or looked up in `search_path`
  std::vector<std::string> env;
  std::string search_path;      // folders separated by colons
  std::string directory = "/";  // where it runs
  std::chrono::milliseconds deadline;
};

// What it wrote to standard output, at most 1 MiB of it.
Result<std::string> run_process(const ProcessSpec& spec);

}  // namespace hearth::environment
