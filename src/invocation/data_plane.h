#pragma once
// DataPlane: where invocations run: one instance of pool, placement and doors for each of a number of loops.
//
// Everything but running functions belongs to the control loop: registry, storage, IAM, logs, the launcher's socket,
// the public door. An instance owns its loop and shares nothing with another one but counts (admission, environments of
// this host) and immutable snapshots of functions, which travel with each invocation. The first instance is on the
// control loop itself: with one instance nothing crosses threads. A function is pinned to an instance by the hash of
// its name, so that its environments and whoever waits for them are on one loop, and all that is told about it arrives
// in order.
//
// Path: services/lambda/invoke_handlers.cc -> here -> intake.h, then on the instance's loop runner.h
// Tests: data_plane_test.cc; docs/decisions/0006-data-plane-loops.md

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "environment/distant_parts.h"
#include "environment/doors.h"
#include "environment/pool.h"
#include "invocation/admission.h"
#include "invocation/intake.h"
#include "invocation/invoker.h"
#include "invocation/runner.h"
#include "net/loop.h"
#include "net/one_shot.h"
#include "net/thread_pool.h"

namespace hearth::invocation {

struct DataPlaneParts {
  net::ThreadPool& pool;                  // for what takes long on the control loop
  environment::EnvironmentParts control;  // of the control loop; its runtimes and log may be used from any thread
  const FunctionLookup& functions;
  Admission& admission;
  // Doors for environments of another loop than the control loop, to be used there.
  std::function<std::unique_ptr<environment::Doors>(net::Loop&)> distant_doors;
  environment::EnvironmentTimes times;
  environment::PoolLimits limits;  // of this host
  environment::Pool::AvailableMemory available_memory;
};

// Thread: the control loop's. Lifetime: what the parts refer to outlives it; stop() was awaited after start().
class DataPlane final : public Invoker {
 public:
  // `loops`: at least 1. Nothing runs before start().
  DataPlane(DataPlaneParts parts, std::uint32_t loops);
  ~DataPlane() override;
  DataPlane(const DataPlane&) = delete;
  DataPlane& operator=(const DataPlane&) = delete;

  void start();
  // Ends every environment, awaits the invocations under way, and ends the further loops. What is invoked later is
  // answered with kUnavailable.
  net::Task<> stop();

  net::Task<Result<InvokeOutcome>> invoke(InvokeRequest request) override;
  Status check(const InvokeRequest& request) override { return intake_.check(request); }
  net::Task<Status> check_large(InvokeRequest request) override;

  // Of all instances together, since the start; what CloudWatch calls Invocations, Errors and Throttles, and more.
  struct Numbers {
    RunCounts runs;
    std::uint64_t throttles = 0;
    std::uint64_t environments_started = 0;
    std::uint32_t environments_idle = 0;  // now
    net::LoopStats loops;
  };
  net::Task<Numbers> numbers();

  // Replaces environments of `key` other than those of `runnable` versions. What runs goes on to its end.
  void on_function_changed(const functions::FunctionKey& key, const std::vector<functions::FunctionSnapshot>& runnable);
  // Ends every environment now; invocations are answered with kUnavailable.
  net::Task<> end_all();

  // Environments alive now.
  std::uint32_t environments() const { return environments_->alive(); }
  // Which instance runs a function.
  std::size_t instance_of(const functions::FunctionKey& key) const;

 private:
  class Instance;
  class UnderWay;

  net::Loop& control_;
  net::ThreadPool& pool_;
  Intake intake_;
  const std::shared_ptr<environment::EnvironmentCount> environments_ =
      std::make_shared<environment::EnvironmentCount>();
  std::vector<std::unique_ptr<Instance>> instances_;
  bool stopped_ = false;
  std::size_t under_way_ = 0;  // invocations not answered
  net::OneShot<bool> all_answered_;
};

}  // namespace hearth::invocation
