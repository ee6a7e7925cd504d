#include "sandbox/launcher_sandbox.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>
#include <utility>

#include "sandbox/launcher_client.h"

namespace hearth::sandbox {
namespace {

using launcher::FdRole;

constexpr std::uint8_t kOn = 1;
constexpr std::uint8_t kOff = 0;

// Control files take a value per write, at any offset. 0 or an errno.
int write_value(const UniqueFd& file, std::string_view value) {
  return ::pwrite(file.get(), value.data(), value.size(), 0) < 0 ? errno : 0;
}

}  // namespace

std::optional<RoleFds> RoleFds::match(std::uint32_t bits, std::vector<UniqueFd> fds) {
  RoleFds roles;
  std::size_t next = 0;
  for (std::size_t role = 0; role < static_cast<std::size_t>(FdRole::kCount); ++role) {
    if (((bits >> role) & 1U) == 0) continue;
    if (next == fds.size()) return std::nullopt;
    roles.fds_[role] = std::move(fds[next++]);
  }
  if (next != fds.size() || (bits >> static_cast<unsigned>(FdRole::kCount)) != 0) return std::nullopt;
  return roles;
}

LauncherSandbox::LauncherSandbox(LauncherClient& client, const launcher::CreatedMessage& created, RoleFds fds)
    : client_(client),
      id_(created.id),
      listeners_{fds.take(FdRole::kRuntimeApi), fds.take(FdRole::kHttp), fds.take(FdRole::kHttps),
                 fds.take(FdRole::kDnsUdp), fds.take(FdRole::kDnsTcp)},
      stdout_(fds.take(FdRole::kStdout)),
      stderr_(fds.take(FdRole::kStderr)),
      log_pipe_(fds.take(FdRole::kLogPipe)),
      freeze_(fds.take(FdRole::kCgroupFreeze)),
      freezer_state_(fds.take(FdRole::kFreezerState)),
      kill_(fds.take(FdRole::kCgroupKill)),
      cpu_quota_(fds.take(FdRole::kCpuQuota)),
      meter_(fds.take(FdRole::kMemoryPeak), fds.take(FdRole::kMemoryStat)) {
  const bool counted = ((created.fds >> static_cast<unsigned>(FdRole::kMemoryStat)) & 1U) != 0;
  if (!counted) tree_meter_.emplace(static_cast<pid_t>(created.pid));
  client_.living_.emplace(id_, this);
}

LauncherSandbox::~LauncherSandbox() {
  *alive_ = false;
  client_.living_.erase(id_);
  kill();
}

void LauncherSandbox::kill() {
  if (exit_) return;
  // The file of a cgroup that is gone answers ENODEV: then everything inside is dead already. Without the file, or if
  // it failed otherwise, the launcher kills.
  if (kill_) {
    const int error = write_value(kill_, "1");
    if (error == 0 || error == ENODEV) return;
  }
  if (Status sent = client_.send(launcher::KillMessage{id_}); !sent) {
    client_.log_.warn("cannot ask for a kill; the launcher's end kills", {{"error", sent.error().message()}});
  }
}

void LauncherSandbox::terminate() {
  if (exit_) return;
  // Without a launcher there is nobody to ask, and the sandbox dies with it.
  if (Status sent = client_.send(launcher::TerminateMessage{id_}); !sent) kill();
}

Status LauncherSandbox::freeze() { return set_frozen(Frozen::kYes); }
Status LauncherSandbox::thaw() { return set_frozen(Frozen::kNo); }

Status LauncherSandbox::set_frozen(Frozen wanted) {
  if (is_over_) return {};
  int error = 0;
  if (freeze_) {
    error = write_value(freeze_, wanted == Frozen::kYes ? "1" : "0");
  } else if (freezer_state_) {
    error = write_value(freezer_state_, wanted == Frozen::kYes ? "FROZEN" : "THAWED");
  } else {
    // This may be another thread than the launcher's socket is served on.
    client_.loop_.post(
        [this, alive = alive_, message = launcher::SuspendMessage{id_, wanted == Frozen::kYes ? kOn : kOff}] {
          if (!*alive) return;
          if (Status sent = client_.send(message); !sent) {
            client_.log_.warn("cannot ask for a stop or a start", {{"error", sent.error().message()}});
          }
        });
  }
  if (error == 0 || error == ENODEV) return {};  // ENODEV: its exit is on its way
  return fail(ErrorKind::kFailed, std::string("the cgroup's freezer: ") + std::strerror(error));
}

Status LauncherSandbox::limit_cpu(std::uint32_t milli) {
  if (is_over_ || !cpu_quota_) return {};
  // The period stays what the launcher chose for such quotas, 20 ms; a single number sets the quota in both versions.
  constexpr std::uint32_t kPeriodUs = 20'000;
  constexpr std::uint32_t kLeastQuotaUs = 1'000;
  const std::uint32_t quota_us = std::max(kLeastQuotaUs, milli * (kPeriodUs / 1'000));
  const int error = write_value(cpu_quota_, std::to_string(quota_us));
  if (error == 0 || error == ENODEV) return {};
  return fail(ErrorKind::kFailed, std::string("the cgroup's processor quota: ") + std::strerror(error));
}

ByteCount LauncherSandbox::memory_in_use() {
  if (!tree_meter_) return meter_.in_use();
  // A process number may belong to somebody else by now.
  return is_over_ ? ByteCount{} : tree_meter_->in_use();
}

ByteCount LauncherSandbox::peak_memory() {
  if (!tree_meter_) return meter_.peak();
  return is_over_ ? tree_meter_->seen() : tree_meter_->peak();
}

void LauncherSandbox::on_exit(std::move_only_function<void(Exit)> callback) {
  on_exit_ = std::move(callback);
  if (!exit_) return;
  client_.loop_.post([this, alive = alive_] {
    if (!*alive || !on_exit_) return;
    auto report = std::exchange(on_exit_, nullptr);
    report(*exit_);
  });
}

void LauncherSandbox::ended(Exit exit) {
  if (exit_) return;
  exit_ = exit;
  is_over_ = true;
  if (!on_exit_) return;
  // The callback may destroy this sandbox.
  auto report = std::exchange(on_exit_, nullptr);
  report(exit);
}

}  // namespace hearth::sandbox
