#pragma once
// LauncherSandbox: one sandbox made by the launcher. Internal to this folder.

#include <atomic>
#include <optional>
#include <span>

#include "launcher/protocol.h"
#include "sandbox/memory_meter.h"
#include "sandbox/sandbox.h"
#include "sandbox/tree_meter.h"

namespace hearth::sandbox {

class LauncherClient;

// The descriptors of a Created message, by role. Absent ones are empty.
class RoleFds {
 public:
  // Nothing if `bits` and the number of descriptors disagree.
  static std::optional<RoleFds> match(std::uint32_t bits, std::vector<UniqueFd> fds);
  UniqueFd take(launcher::FdRole role) { return std::move(fds_[static_cast<std::size_t>(role)]); }

 private:
  UniqueFd fds_[static_cast<std::size_t>(launcher::FdRole::kCount)];
};

// Thread: as sandbox.h says. Lifetime: `client` outlives it.
class LauncherSandbox final : public Sandbox {
 public:
  LauncherSandbox(LauncherClient& client, const launcher::CreatedMessage& created, RoleFds fds);
  ~LauncherSandbox() override;

  SandboxListeners take_listeners() override { return std::move(listeners_); }
  UniqueFd take_stdout() override { return std::move(stdout_); }
  UniqueFd take_stderr() override { return std::move(stderr_); }
  UniqueFd take_log_pipe() override { return std::move(log_pipe_); }
  void kill() override;
  void terminate() override;
  Status freeze() override;
  Status thaw() override;
  Status limit_cpu(std::uint32_t milli) override;
  ByteCount memory_in_use() override;
  ByteCount peak_memory() override;
  void reset_peak_memory() override { tree_meter_ ? tree_meter_->reset() : meter_.reset(); }
  void on_exit(std::move_only_function<void(Exit)> callback) override;

  // The launcher reports the end, or is itself gone.
  void ended(Exit exit);

 private:
  enum class Frozen : std::uint8_t { kNo, kYes };
  Status set_frozen(Frozen wanted);

  LauncherClient& client_;
  std::uint64_t id_;
  SandboxListeners listeners_;
  UniqueFd stdout_, stderr_, log_pipe_;
  UniqueFd freeze_, freezer_state_, kill_, cpu_quota_;
  MemoryMeter meter_;
  std::optional<TreeMeter> tree_meter_;  // where no cgroup counts its memory
  std::optional<Exit> exit_;
  std::atomic<bool> is_over_ = false;  // exit_ is set; for those on another thread
  std::move_only_function<void(Exit)> on_exit_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // false once destroyed, for posted work
};

}  // namespace hearth::sandbox
