#pragma once
// LocalInvoker: the Invoker of one process: resolve, admit, place, run, record.
//
// Tests: local_invoker_test.cc

#include <cstdint>

#include "environment/pool.h"
#include "functions/registry.h"
#include "invocation/admission.h"
#include "invocation/invoker.h"
#include "invocation/placement.h"
#include "invocation/trace.h"

namespace hearth::invocation {

// Since the start; what CloudWatch calls Invocations, Errors and Throttles.
struct InvocationCounts {
  std::uint64_t invocations = 0;  // ran to an answer or an error of the function
  std::uint64_t errors = 0;
  std::uint64_t throttles = 0;
  std::uint64_t unavailable = 0;  // the platform could not run them
};

// What the invoker needs to know of the registry; a seam, so that tests need no store.
class FunctionLookup {
 public:
  virtual ~FunctionLookup() = default;
  virtual functions::FunctionSnapshot running(const functions::FunctionKey& key) const = 0;
  virtual functions::FunctionSnapshot latest(const functions::FunctionKey& key) const = 0;
};

class RegistryLookup final : public FunctionLookup {
 public:
  explicit RegistryLookup(const functions::Registry& registry) : registry_(registry) {}
  functions::FunctionSnapshot running(const functions::FunctionKey& key) const override {
    return registry_.running(key);
  }
  functions::FunctionSnapshot latest(const functions::FunctionKey& key) const override { return registry_.latest(key); }

 private:
  const functions::Registry& registry_;
};

// Thread: the loop's. Lifetime: everything it is built with outlives it and every invocation under way.
class LocalInvoker final : public Invoker {
 public:
  LocalInvoker(net::Loop& loop, const FunctionLookup& functions, Admission& admission, Placement& placement,
               const Clock& clock);

  net::Task<Result<InvokeOutcome>> invoke(InvokeRequest request) override;
  Status check(const InvokeRequest& request) override;

  const InvocationCounts& counts() const { return counts_; }

 private:
  Result<functions::FunctionSnapshot> resolve(const InvokeRequest& request) const;
  // Errors: kTooLarge, kNotJson.
  static Status check_payload(const InvokeRequest& request);

  net::Loop& loop_;
  const FunctionLookup& functions_;
  Admission& admission_;
  Placement& placement_;
  const Clock& clock_;
  TraceSource traces_;
  InvocationCounts counts_;
};

}  // namespace hearth::invocation
