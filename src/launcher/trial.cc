#include "launcher/trial.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <chrono>
#include <string_view>
#include <thread>

#include "launcher/init.h"
#include "launcher/landlock.h"
#include "launcher/sys.h"

namespace hearth::launcher {
namespace {

constexpr int kPatienceMs = 10'000;
// The last thing that can fail: by then every wall stands. A machine without this program is as good.
constexpr std::string_view kStarting = "starting ";

CreateMessage small_request() {
  CreateMessage request;
  request.id = 1;
  request.name = kTrialName;
  request.argv = {"/usr/bin/true"};
  request.env = {"PATH=/usr/bin:/bin"};
  request.working_directory = "/";
  request.memory_bytes = 64U << 20U;
  request.tmp_bytes = 1U << 20U;
  request.tmp_inodes = 64;
  request.pids = 16;
  request.open_files = 64;
  return request;
}

Status read_outcome(const StartedSandbox& sandbox) {
  pollfd wait{.fd = sandbox.control.get(), .events = POLLIN, .revents = 0};
  Report report;
  if (::poll(&wait, 1, kPatienceMs) <= 0)
    return fail(FailureKind::kFailed, "a sandbox built as a trial takes too long");
  if (::recv(sandbox.control.get(), &report, sizeof report, MSG_DONTWAIT) != static_cast<ssize_t>(sizeof report)) {
    return fail(FailureKind::kFailed, "a sandbox built as a trial ended without a word");
  }
  report.step[sizeof report.step - 1] = '\0';
  if (report.stage != Report::Stage::kFailed || std::string_view(report.step).starts_with(kStarting)) return {};
  return fail(FailureKind::kFailed,
              sys::error_text("a sandbox cannot be built here, at the step \"" + std::string(report.step) + "\"",
                              report.error));
}

}  // namespace

Status try_sandbox(const Machine& machine, const Cgroups& cgroups, uid_t host_uid) {
  TRY(const SourceRoots sources, SourceRoots::open({}));
  TRY(NetworkPool networks,
      machine.tier == Tier::kLandlock ? Result<NetworkPool>(NetworkPool::of_ports()) : NetworkPool::open(0));
  CgroupPool spare(cgroups, 0);
  TRY(StartedSandbox sandbox, start_sandbox(small_request(), host_uid, machine, cgroups, spare, sources, networks));
  Status outcome = read_outcome(sandbox);
  sandbox.control.reset();  // the end of file ends it, if it still runs
  if (machine.tier != Tier::kLandlock) ::kill(sandbox.pid, SIGKILL);
  int status = 0;
  while (::waitpid(sandbox.pid, &status, 0) < 0 && errno == EINTR) {
  }
  for (int attempt = 0; attempt < 1000 && cgroups.has_any() && !cgroups.remove(sandbox.cgroup.name); ++attempt) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return outcome;
}

}  // namespace hearth::launcher
