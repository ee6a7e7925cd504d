#include "environment/state.h"

namespace hearth::environment {

const char* name(State state) {
  switch (state) {
    case State::kStarting:
      return "starting";
    case State::kInitialising:
      return "initialising";
    case State::kInitFailed:
      return "init failed";
    case State::kIdle:
      return "idle";
    case State::kBusy:
      return "busy";
    case State::kFinishing:
      return "finishing";
    case State::kDead:
      return "dead";
  }
  return "unknown";
}

const char* runtime_name(State state) {
  switch (state) {
    case State::kStarting:
    case State::kInitialising:
      return "Started";
    case State::kInitFailed:
      return "InitError";
    case State::kIdle:
      return "Ready";
    case State::kBusy:
      return "Running";
    case State::kFinishing:
      return "RuntimeResponseSentState";
    case State::kDead:
      return "Dead";
  }
  return "unknown";
}

bool may_change(State from, State to) {
  switch (from) {
    case State::kStarting:
      return to == State::kInitialising || to == State::kInitFailed || to == State::kDead;
    case State::kInitialising:
      return to == State::kInitFailed || to == State::kIdle || to == State::kBusy || to == State::kDead;
    case State::kInitFailed:
      return to == State::kStarting || to == State::kDead;
    case State::kIdle:
      return to == State::kBusy || to == State::kDead;
    case State::kBusy:
      return to == State::kFinishing || to == State::kDead;
    case State::kFinishing:
      return to == State::kIdle || to == State::kDead;
    case State::kDead:
      return false;
  }
  return false;
}

}  // namespace hearth::environment
