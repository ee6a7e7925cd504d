#pragma once
// Runner: admitted invocations on their way through the environments of one loop.
//
// Path: data_plane.h, local_invoker.h -> here -> placement.h        Tests: local_invoker_test.cc, data_plane_test.cc

#include <cstdint>
#include <memory>

#include "environment/pool.h"
#include "invocation/intake.h"
#include "invocation/invoker.h"
#include "invocation/placement.h"
#include "invocation/trace.h"
#include "net/loop.h"
#include "net/task.h"

namespace hearth::invocation {

// The other pools of this host.
class Neighbours {
 public:
  virtual ~Neighbours() = default;
  // One of them ends an idle environment, if any has one. False: there is no room to be made.
  virtual net::Task<bool> make_room() = 0;
};

// A pool that has the host for itself.
class NoNeighbours final : public Neighbours {
 public:
  net::Task<bool> make_room() override { co_return false; }
};

// Since the start.
struct RunCounts {
  std::uint64_t invocations = 0;  // ran to an answer or an error of the function
  std::uint64_t errors = 0;
  std::uint64_t unavailable = 0;  // the platform could not run them
};

// Thread: the loop's. Lifetime: everything it is built with outlives it and every invocation under way.
class Runner {
 public:
  Runner(net::Loop& loop, Placement& placement, Neighbours& neighbours, const Clock& clock)
      : loop_(loop), placement_(placement), neighbours_(neighbours), clock_(clock) {}

  // Runs to the end and gives the slot back. Errors: kUnavailable; the function did not run then.
  net::Task<Result<InvokeOutcome>> run(Admitted admitted, InvokeRequest request);

  const RunCounts& counts() const { return counts_; }

 private:
  std::shared_ptr<environment::Invocation> prepare(InvokeRequest request);

  net::Loop& loop_;
  Placement& placement_;
  Neighbours& neighbours_;
  const Clock& clock_;
  TraceSource traces_;
  RunCounts counts_;
};

}  // namespace hearth::invocation
