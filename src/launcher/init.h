#pragma once
// Init: the first process of a sandbox. It starts the runtime, reaps orphans, and reports how the runtime ended.
//
// The launcher's child becomes it after the last step, without exec: it costs nothing to start, and a runtime that is
// not pid 1 has the usual signal defaults. It stays as confined as the runtime and is not dumpable, so that nothing
// inside can read the launcher's memory that it still maps.
//
// It holds one socket to the launcher. Upwards go one Report per stage; downwards one Command per byte, and end of file
// (the launcher is gone) ends the sandbox.
//
// As pid 1 of a namespace its end is the end of everything inside. In the landlock tier it is an ordinary process,
// whose signals reach the sandbox and nothing else, and the reaper of its orphans: there it ends everything itself.

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

// From the launcher to a sandbox's first process, a byte each.
enum class Command : char {
  kTerminate = 'T',  // SIGTERM to the runtime
  kStop = 'S',       // SIGSTOP to everything inside
  kContinue = 'C',   // SIGCONT to everything inside
  kKill = 'K',       // SIGKILL to everything inside
};

// How far signals of init go when it sends them to "everybody".
enum class Reach : std::uint8_t {
  kNamespace,  // a pid namespace: to the sandbox, which ends with init
  kScope,      // a Landlock scope: to the sandbox
  kMachine,    // to everything of this user: so it walks the tree of its descendants instead
};

struct InitPlan {
  const std::vector<std::string>& argv;
  const std::vector<std::string>& env;
  Reach reach = Reach::kNamespace;
  // Called in the runtime's process, before exec, in memory shared with init: 0 or an errno.
  int (*confine_runtime)(int argument) = nullptr;
  int confine_argument = -1;
};

// Runs until the runtime has ended, then ends the process and with it the sandbox. `control` is close-on-exec.
[[noreturn]] void run_init(int control, const InitPlan& plan);

// Sends a kFailed and ends the process.
[[noreturn]] void report_failure(int control, const char* step, int error);

}  // namespace hearth::launcher
