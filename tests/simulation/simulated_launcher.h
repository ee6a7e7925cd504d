#pragma once
// SimulatedLauncher: a SandboxFactory that takes time, fails, dies and comes back, with a runtime in every sandbox.

#include <functional>
#include <memory>

#include "mutant.h"
#include "random.h"
#include "sandbox/fake_sandbox.h"
#include "trace.h"

namespace hearth::simulation {

class SimulatedLauncher final : public sandbox::SandboxFactory {
 public:
  using Process = std::shared_ptr<sandbox::FakeProcess>;
  // `on_create` brings the process of a new sandbox to life. All outlive it.
  SimulatedLauncher(net::Loop& loop, Random random, Trace& trace, Mutant mutant,
                    std::function<void(Process)> on_create);

  net::Task<Result<std::unique_ptr<sandbox::Sandbox>>> create(sandbox::SandboxSpec spec) override;
  Tier tier() const override { return {"simulated", {}, {}}; }

  // Its sandboxes die with it, and none can be made until restart().
  void die();
  void restart();
  // One in `n` creations fails from now on; 0: none.
  void fail_one_in(std::uint64_t n) { fails_one_in_ = n; }
  void be_slow(std::chrono::microseconds slowest) { slowest_ = slowest; }

  const std::vector<Process>& processes() const { return sandboxes_.processes(); }
  std::size_t alive_count() const { return sandboxes_.alive_count(); }

 private:
  Random random_;
  Trace& trace_;
  const Mutant mutant_;
  std::function<void(Process)> on_create_;
  sandbox::FakeSandboxFactory sandboxes_;
  bool alive_ = true;
  std::uint64_t life_ = 0;
  std::uint64_t fails_one_in_ = 0;
  std::chrono::microseconds slowest_{5'000};
};

}  // namespace hearth::simulation
