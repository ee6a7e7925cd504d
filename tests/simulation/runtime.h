#pragma once
// What lives inside a simulated sandbox: a runtime that asks for work over the Runtime API and does with it what the
// payload says, good and bad.

#include <chrono>
#include <memory>

#include "ledger.h"
#include "net/gate.h"
#include "net/loop.h"
#include "random.h"
#include "sandbox/fake_sandbox.h"
#include "trace.h"

namespace hearth::simulation {

// How runtimes of this life behave before they ask for work the first time.
struct InitHabits {
  std::uint64_t fails_one_in = 0;  // 0: never
  std::chrono::milliseconds slowest{40};
};

struct RuntimeWorld {
  net::Loop& loop;
  Ledger& ledger;
  Trace& trace;
  InitHabits& habits;
};

// The life of `process`, from its first instruction to its end. What `world` refers to outlives it.
net::Task<> live(RuntimeWorld world, std::shared_ptr<sandbox::FakeProcess> process, Random random);

}  // namespace hearth::simulation
