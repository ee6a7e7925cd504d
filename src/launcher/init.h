#pragma once
// Init: the first process of a sandbox. It starts the runtime, reaps orphans, and reports how the runtime ended.
//
// The launcher's child becomes it after the last step, without exec: it costs nothing to start, and a runtime that is
// not pid 1 has the usual signal defaults. It stays as confined as the runtime and is not dumpable, so that nothing
// inside can read the launcher's memory that it still maps.
//
// It holds one socket to the launcher. Upwards go one Report per stage; downwards any byte means "SIGTERM to the
// runtime", and end of file (the launcher is gone) ends the sandbox.

#include <cstdint>
#include <string>
#include <vector>

namespace hearth::launcher {

// From a sandbox's first process to the launcher.
struct Report {
  enum class Stage : std::uint8_t {
    kStarted,  // the runtime's program runs
    kFailed,   // a step failed; `error` and `step` say which
    kExited,   // the runtime ended with `code` or `signal`
  } stage = Stage::kFailed;
  std::int32_t code = 0;
  std::int32_t signal = 0;
  std::int32_t error = 0;
  char step[64] = {};
};

// Runs until the runtime has ended, then ends the process and with it the sandbox. `control` is close-on-exec.
[[noreturn]] void run_init(int control, const std::vector<std::string>& argv, const std::vector<std::string>& env);

// Sends a kFailed and ends the process.
[[noreturn]] void report_failure(int control, const char* step, int error);

}  // namespace hearth::launcher
