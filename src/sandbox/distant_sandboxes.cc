#include "sandbox/distant_sandboxes.h"

#include <optional>
#include <utility>

#include "base/check.h"
#include "net/run_there.h"

namespace hearth::sandbox {
namespace {

// Where the exit arrives; belongs to the sandbox's holder.
struct ExitReport {
  std::optional<Exit> exit;
  std::move_only_function<void(Exit)> callback;

  void deliver() {
    if (!exit || !callback) return;
    auto report = std::exchange(callback, nullptr);
    report(*exit);
  }
};

// A sandbox that lives on `there`, held by somebody on `here`.
class DistantSandbox final : public Sandbox {
 public:
  // On `there`, which is where the sandbox is known from now on.
  DistantSandbox(net::Loop& here, net::Loop& there, std::unique_ptr<Sandbox> sandbox)
      : here_(here),
        there_(there),
        listeners_(sandbox->take_listeners()),
        stdout_(sandbox->take_stdout()),
        stderr_(sandbox->take_stderr()),
        log_pipe_(sandbox->take_log_pipe()),
        sandbox_(std::move(sandbox)) {
    sandbox_->on_exit([&here = here_, weak = std::weak_ptr(report_)](Exit exit) {
      here.post([weak, exit] {
        const auto report = weak.lock();
        if (!report) return;
        report->exit = exit;
        report->deliver();
      });
    });
  }
  ~DistantSandbox() override {
    there_.post([sandbox = std::move(sandbox_)]() mutable { sandbox.reset(); });
  }
  DistantSandbox(const DistantSandbox&) = delete;
  DistantSandbox& operator=(const DistantSandbox&) = delete;

  SandboxListeners take_listeners() override { return std::move(listeners_); }
  UniqueFd take_stdout() override { return std::move(stdout_); }
  UniqueFd take_stderr() override { return std::move(stderr_); }
  UniqueFd take_log_pipe() override { return std::move(log_pipe_); }

  // The sandbox is destroyed by work posted later than this, so it is there when this arrives.
  void kill() override {
    there_.post([sandbox = sandbox_.get()] { sandbox->kill(); });
  }
  void terminate() override {
    there_.post([sandbox = sandbox_.get()] { sandbox->terminate(); });
  }

  Status freeze() override { return sandbox_->freeze(); }
  Status thaw() override { return sandbox_->thaw(); }
  Status limit_cpu(std::uint32_t milli) override { return sandbox_->limit_cpu(milli); }
  ByteCount memory_in_use() override { return sandbox_->memory_in_use(); }
  ByteCount peak_memory() override { return sandbox_->peak_memory(); }
  void reset_peak_memory() override { sandbox_->reset_peak_memory(); }

  void on_exit(std::move_only_function<void(Exit)> callback) override {
    HEARTH_CHECK(here_.on_thread());
    report_->callback = std::move(callback);
    if (!report_->exit) return;
    here_.post([weak = std::weak_ptr(report_)] {
      if (const auto report = weak.lock()) report->deliver();
    });
  }

 private:
  net::Loop& here_;
  net::Loop& there_;
  SandboxListeners listeners_;
  UniqueFd stdout_, stderr_, log_pipe_;
  const std::shared_ptr<ExitReport> report_ = std::make_shared<ExitReport>();
  std::unique_ptr<Sandbox> sandbox_;
};

net::Task<Result<std::unique_ptr<Sandbox>>> create_there(net::Loop& here, net::Loop& there, SandboxFactory& sandboxes,
                                                         SandboxSpec spec) {
  CO_TRY(std::unique_ptr<Sandbox> sandbox, co_await sandboxes.create(std::move(spec)));
  co_return std::make_unique<DistantSandbox>(here, there, std::move(sandbox));
}

}  // namespace

net::Task<Result<std::unique_ptr<Sandbox>>> DistantSandboxes::create(SandboxSpec spec) {
  HEARTH_CHECK(here_.on_thread());
  auto create = [this, spec = std::move(spec)]() mutable {
    return create_there(here_, there_, sandboxes_, std::move(spec));
  };
  co_return co_await net::run_there(here_, there_, std::move(create));
}

}  // namespace hearth::sandbox
