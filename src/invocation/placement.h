#pragma once
// Placement: choosing where an admitted invocation runs.
//
// The newest-used idle environment of the function version takes it; else it waits, first come first served, while the
// pool starts as many environments as there are invocations waiting that no environment is coming for. One that has
// answered asks for work again within microseconds, so for a few milliseconds it counts as coming. A busy environment
// is never disturbed.
//
// Path: invocation/invoker.cc -> here -> environment/pool.h        Tests: placement_test.cc

#include <chrono>
#include <memory>
#include <vector>

#include "environment/pool.h"
#include "net/alarm.h"

namespace hearth::invocation {

// Thread: the loop's. Lifetime: `pool`, `alarms` and `clock` outlive it.
class Placement final : private environment::PoolListener {
 public:
  Placement(environment::Pool& pool, net::Alarms& alarms, const Clock& clock,
            std::chrono::milliseconds finishing_grace = std::chrono::milliseconds(5));
  ~Placement() override;
  Placement(const Placement&) = delete;
  Placement& operator=(const Placement&) = delete;

  // Sees to it that `invocation` is completed: by an environment, or with kNoCapacity or kUnavailable.
  void place(const functions::FunctionSnapshot& function, std::shared_ptr<environment::Invocation> invocation);

 private:
  enum class Finishing { kAreComing, kAreLate };

  void on_idle(environment::Group& group, environment::Environment& environment) override;
  void on_init_failed(environment::Group& group, environment::Environment& environment) override;
  void on_start_failed(environment::Group& group, const Error& error) override;
  void on_gone(environment::Group& group) override;

  void start_missing(environment::Group& group, Finishing finishing);
  void on_grace_over();

  environment::Pool& pool_;
  const Clock& clock_;
  const std::chrono::milliseconds finishing_grace_;
  // Functions with invocations that rely on a finishing environment; looked at again when the alarm rings.
  std::vector<functions::FunctionSnapshot> in_grace_;
  std::unique_ptr<net::Alarm> grace_alarm_;
};

}  // namespace hearth::invocation
