#include "simulated_launcher.h"

#include <csignal>
#include <utility>

namespace hearth::simulation {
namespace {

// A sandbox that lets its processes live on.
class LeakySandbox final : public sandbox::Sandbox {
 public:
  explicit LeakySandbox(std::unique_ptr<sandbox::Sandbox> inner) : inner_(std::move(inner)) {}
  ~LeakySandbox() override { [[maybe_unused]] const auto* const leaked = inner_.release(); }

  sandbox::SandboxListeners take_listeners() override { return inner_->take_listeners(); }
  UniqueFd take_stdout() override { return inner_->take_stdout(); }
  UniqueFd take_stderr() override { return inner_->take_stderr(); }
  UniqueFd take_log_pipe() override { return inner_->take_log_pipe(); }
  void kill() override {}
  void terminate() override { inner_->terminate(); }
  Status freeze() override { return inner_->freeze(); }
  Status thaw() override { return inner_->thaw(); }
  ByteCount peak_memory() override { return inner_->peak_memory(); }
  void reset_peak_memory() override { inner_->reset_peak_memory(); }
  void on_exit(std::move_only_function<void(sandbox::Exit)> callback) override { inner_->on_exit(std::move(callback)); }

 private:
  std::unique_ptr<sandbox::Sandbox> inner_;
};

}  // namespace

SimulatedLauncher::SimulatedLauncher(net::Loop& loop, Random random, Trace& trace, Mutant mutant,
                                     std::function<void(Process)> on_create)
    : random_(random), trace_(trace), mutant_(mutant), on_create_(std::move(on_create)), sandboxes_(loop) {}

net::Task<Result<std::unique_ptr<sandbox::Sandbox>>> SimulatedLauncher::create(sandbox::SandboxSpec spec) {
  const auto gone = [] { return fail(sandbox::ErrorKind::kLauncherGone, "the launcher is gone"); };
  if (!alive_) co_return gone();
  const std::uint64_t life = life_;
  const auto takes = std::chrono::microseconds(300) + random_.up_to(slowest_);
  co_await net::sleep_for(takes);
  if (!alive_ || life != life_) co_return gone();
  if (fails_one_in_ > 0 && random_.one_in(fails_one_in_)) {
    trace_.note("launcher", "cannot make a sandbox");
    co_return fail(random_.one_in(2) ? sandbox::ErrorKind::kNoResources : sandbox::ErrorKind::kFailed, "simulated");
  }
  Result<std::unique_ptr<sandbox::Sandbox>> made = co_await sandboxes_.create(std::move(spec));
  if (!made) co_return made;
  on_create_(sandboxes_.processes().back());
  if (mutant_ == Mutant::kLeaksSandboxes) co_return std::make_unique<LeakySandbox>(*std::move(made));
  co_return made;
}

void SimulatedLauncher::die() {
  if (!std::exchange(alive_, false)) return;
  trace_.note("launcher", "dies");
  const std::vector<Process> all = sandboxes_.processes();
  for (const Process& process : all) process->exit({.code = 0, .signal = SIGKILL, .oom_killed = false});
}

void SimulatedLauncher::restart() {
  if (std::exchange(alive_, true)) return;
  ++life_;
  trace_.note("launcher", "is back");
}

}  // namespace hearth::simulation
