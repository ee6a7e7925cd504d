#pragma once
// Launcher: the event loop of the privileged process.
//
// It waits for requests of the server, for reports of sandboxes being built, and for their ends. It never waits inside
// a request: the child of a sandbox builds it on its own, while the next request is read. When nothing is asked it
// refills the pool of network namespaces. Where no cgroup limits sandboxes it looks what the running ones use, and ends
// those that use too much. When the server's socket closes, or on SIGTERM, it kills every sandbox,
// removes what it made, and returns.
//
// Tests: launcher_e2e_test.cc

#include <signal.h>
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/unique_fd.h"
#include "launcher/identity.h"
#include "launcher/init.h"
#include "launcher/protocol.h"
#include "launcher/sandbox_steps.h"
#include "launcher/scratch.h"

namespace hearth::launcher {

// Thread: the process has one.
class Launcher {
 public:
  struct Parts {
    Machine machine;
    Cgroups cgroups;
    SourceRoots sources;
    NetworkPool networks;
    UidSlots uids;
    ScratchRoot scratch;  // landlock tier
    std::size_t spare_cgroups = 0;
  };
  Launcher(UniqueFd server, HelloMessage hello, Parts parts);

  // Serves until the server is gone. The exit status of the process.
  int run();

 private:
  using SteadyClock = std::chrono::steady_clock;

  // A sandbox from the request until its first process is reaped.
  struct Living {
    std::uint64_t id = 0;
    std::string name;
    uid_t uid = 0;
    StartedSandbox parts;  // once `created` only pid and control are left
    enum class State : std::uint8_t { kBuilding, kRunning } state = State::kBuilding;
    std::optional<Report> last_report = {};  // kFailed or kExited
    // For the watch: what it may use, whether it is stopped (and so uses no more), and why it was ended.
    std::uint64_t memory_bytes = 0;
    std::uint32_t tasks = 0;
    ScratchUse scratch = {};
    enum class Motion : std::uint8_t { kGoing, kStopped } motion = Motion::kGoing;
    enum class Verdict : std::uint8_t { kNone, kMemory, kOther } verdict = Verdict::kNone;
  };
  // A dead sandbox whose cgroups the kernel has not let go of yet; its uid stays taken until then.
  struct Leaving {
    std::string name;
    std::string cgroup;
    uid_t uid = 0;
  };
  struct Outgoing {
    std::string bytes;
    std::vector<UniqueFd> fds;
  };

  void watch(int fd, std::uint64_t tag) const;
  void on_server_readable();
  void on_request(Message message);
  void create(CreateMessage request);
  Status prepare(const CreateMessage& request);
  void suspend(Living& sandbox, const SuspendMessage& request);
  void kill(const Living& sandbox) const;
  void command(const Living& sandbox, Command command) const;
  void look_at_use();
  void judge(Living& sandbox);
  void end_orphans();
  void on_report(pid_t pid);
  void drain_reports(Living& sandbox);
  void announce(Living& sandbox);
  void reap();
  void on_ended(Living sandbox, const siginfo_t& how);
  void send(const Message& message, std::vector<UniqueFd> fds = {});
  void flush();
  void retry_removals();
  int next_timeout_ms() const;
  bool is_stocked() const { return networks_.is_full() && spare_cgroups_.is_full(); }
  void refill();
  void stop_all();
  Living* find(std::uint64_t id);

  UniqueFd server_;
  UniqueFd epoll_;
  UniqueFd signals_;
  Machine machine_;
  Cgroups cgroups_;
  CgroupPool spare_cgroups_;
  SourceRoots sources_;
  NetworkPool networks_;
  UidSlots uids_;
  ScratchRoot scratch_;
  bool watches_use_ = false;
  SteadyClock::time_point look_at_ = {};
  std::unordered_map<pid_t, Living> living_;
  std::unordered_map<std::uint64_t, pid_t> pids_;  // by the server's id
  std::unordered_set<std::string> names_;          // of living and leaving ones
  std::vector<Leaving> leaving_;
  std::deque<Outgoing> outgoing_;
  SteadyClock::time_point quiet_since_ = SteadyClock::now();
  SteadyClock::time_point refill_not_before_ = {};
  bool stopping_ = false;
};

}  // namespace hearth::launcher
