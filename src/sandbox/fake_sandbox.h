#pragma once
// FakeSandboxFactory: sandboxes that run nothing, for unit tests of the layers above.
//
// A test scripts what the process inside would do through the FakeProcess of each sandbox: write output, connect to
// the Runtime API, use memory, exit. Listeners are unix sockets, so that no network is needed; connect_*() reaches
// them. kill() ends the process with SIGKILL at once, terminate() is only recorded (set `exits_on_terminate` else).
//
// Tests: fake_sandbox_test.cc

#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/loop.h"
#include "sandbox/sandbox.h"

namespace hearth::sandbox {

// The inside of one fake sandbox, as the test sees it. Outlives its Sandbox.
// Thread: the loop's.
class FakeProcess {
 public:
  enum class Listener : std::uint8_t { kRuntimeApi, kHttp, kHttps, kDnsUdp, kDnsTcp };

  explicit FakeProcess(net::Loop& loop, SandboxSpec spec);

  const SandboxSpec& spec() const { return spec_; }

  // What the process does.
  UniqueFd connect(Listener listener) const;  // blocking unix stream (datagram for kDnsUdp)
  void write_stdout(std::string_view text) const;
  void write_stderr(std::string_view text) const;
  void write_log_pipe(std::string_view bytes) const;
  void use_memory(ByteCount peak);
  // Ends the process: output pipes see end of file, the exit is reported in a later turn. Ignored if it has ended.
  void exit(Exit exit);

  // What the server did.
  bool is_alive() const { return alive_; }
  bool is_frozen() const { return frozen_; }
  bool is_destroyed() const { return destroyed_; }
  int kill_count() const { return kill_count_; }
  int terminate_count() const { return terminate_count_; }
  int freeze_count() const { return freeze_count_; }
  std::uint32_t cpu_milli() const { return cpu_milli_; }  // in force: as created, or as limited since

  // Script: what SIGTERM does (nothing: the process ignores it), and whether freezing fails.
  std::optional<Exit> exits_on_terminate;
  std::optional<Error> freeze_error;

 private:
  friend class FakeSandbox;

  net::Loop& loop_;
  SandboxSpec spec_;
  std::string names_[5];
  SandboxListeners listeners_;
  UniqueFd stdout_read_, stdout_write_, stderr_read_, stderr_write_, log_read_, log_write_;
  std::move_only_function<void(Exit)> on_exit_;
  std::optional<Exit> exit_;
  // What may be called or looked at from two threads.
  std::atomic<ByteCount> peak_;
  std::atomic<bool> alive_ = true;
  std::atomic<bool> frozen_ = false;
  std::atomic<int> freeze_count_ = 0;
  std::atomic<std::uint32_t> cpu_milli_ = 0;
  bool destroyed_ = false;
  int kill_count_ = 0;
  int terminate_count_ = 0;

  void report_exit();
  std::weak_ptr<FakeProcess> self_;
  friend class FakeSandboxFactory;
};

// Thread: the loop's. `loop` outlives the factory and every sandbox.
class FakeSandboxFactory final : public SandboxFactory {
 public:
  explicit FakeSandboxFactory(net::Loop& loop) : loop_(loop) {}

  net::Task<Result<std::unique_ptr<Sandbox>>> create(SandboxSpec spec) override;
  Tier tier() const override { return {"fake", {}, {"nothing is isolated: unit tests only"}}; }

  // The next creation fails with `error`; call again to queue further failures.
  void fail_next(Error error) { failures_.push_back(std::move(error)); }
  // Every sandbox made so far, oldest first, ended ones included.
  const std::vector<std::shared_ptr<FakeProcess>>& processes() const { return processes_; }
  // Called inside each successful creation, before the creator sees its sandbox.
  void on_create(std::move_only_function<void(FakeProcess&)> callback) { on_create_ = std::move(callback); }
  std::size_t alive_count() const;

 private:
  net::Loop& loop_;
  std::deque<Error> failures_;
  std::vector<std::shared_ptr<FakeProcess>> processes_;
  std::move_only_function<void(FakeProcess&)> on_create_;
};

}  // namespace hearth::sandbox
