#pragma once
// State: what an environment is doing, and which changes are allowed. Everything that is not listed is refused.
//
//   starting -> initialising -> idle <-> busy -> finishing -> idle
//                    |                                          (busy and finishing also fall to dead)
//                    v
//               init failed -> starting (AWS runs a failed init once more, as part of the invocation)
//   any -> dead

#include <cstdint>
#include <string>

namespace hearth::environment {

enum class State : std::uint8_t {
  kStarting,      // its sandbox is being made
  kInitialising,  // its runtime runs and has not asked for work
  kInitFailed,    // the runtime reported an init error, or ended, before it asked for work
  kIdle,          // the runtime waits for work
  kBusy,          // an invocation is with the runtime
  kFinishing,     // answered; the runtime has not asked for more work yet
  kDead,          // killed or ended; nothing leads out
};

const char* name(State state);
// As AWS's Runtime API calls it towards the runtime: "Started", "Ready", "Running", ...
const char* runtime_name(State state);
bool may_change(State from, State to);

}  // namespace hearth::environment
