#pragma once
// LocalInvoker: the Invoker over one pool on one loop: where there is but one loop and its owner holds the pool, as in
// unit tests. The server has a DataPlane.
//
// Tests: local_invoker_test.cc

#include <utility>

#include "invocation/intake.h"
#include "invocation/invoker.h"
#include "invocation/runner.h"

namespace hearth::invocation {

// Since the start; what CloudWatch calls Invocations, Errors and Throttles.
struct InvocationCounts : RunCounts {
  std::uint64_t throttles = 0;
};

// Thread: the loop's. Lifetime: everything it is built with outlives it and every invocation under way.
class LocalInvoker final : public Invoker {
 public:
  LocalInvoker(net::Loop& loop, const FunctionLookup& functions, Admission& admission, Placement& placement,
               const Clock& clock)
      : intake_(functions, admission), runner_(loop, placement, neighbours_, clock) {}

  net::Task<Result<InvokeOutcome>> invoke(InvokeRequest request) override {
    CO_TRY_STATUS(Intake::check_payload(request));
    CO_TRY(Admitted admitted, intake_.admit(request));
    co_return co_await runner_.run(std::move(admitted), std::move(request));
  }
  Status check(const InvokeRequest& request) override { return intake_.check(request); }

  InvocationCounts counts() const { return {runner_.counts(), intake_.throttles()}; }

 private:
  NoNeighbours neighbours_;
  Intake intake_;
  Runner runner_;
};

}  // namespace hearth::invocation
