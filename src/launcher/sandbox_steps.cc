#include "launcher/sandbox_steps.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <optional>

#include "base/barriers.h"
#include "launcher/hidden_source.h"
#include "launcher/identity.h"
#include "launcher/init.h"
#include "launcher/landlock.h"
#include "launcher/relocate.h"
#include "launcher/sys.h"

namespace hearth::launcher {
namespace {

// The child's view of the request. Everything it refers to was made by the launcher before the clone.
struct Child {
  const CreateMessage& request;
  const Machine& machine;
  uid_t host_uid;
  const Cgroup& cgroup;
  int netns;
  const std::vector<PreparedMount>& mounts;
  const std::vector<UniqueFd>& sources;  // of the mounts, where nothing is mounted
  const Network& network;
  int control;
  int out, err, log;
  UniqueFd ruleset = {};  // landlock tier
};

constexpr const char* kNameInside = "sandbox";
constexpr int kLogFd = 3;
constexpr int kControlFd = 4;
constexpr int kRulesetFd = 5;

int join_v1_cgroups(Child& child) {
  // "0" is the writer itself. The v2 cgroup was joined by clone3.
  for (const UniqueFd& directory : child.cgroup.v1_directories) {
    if (const int error = sys::write_file_at(directory.get(), "tasks", "0"); error != 0) return error;
  }
  return 0;
}

int join_v2_cgroup(Child& child) {
  if (!child.cgroup.v2_directory) return 0;
  return sys::write_file_at(child.cgroup.v2_directory.get(), "cgroup.procs", "0");
}

int join_network(Child& child) { return ::setns(child.netns, CLONE_NEWNET) == 0 ? 0 : errno; }

int hide_cgroup_paths(Child&) { return ::unshare(CLONE_NEWCGROUP) == 0 ? 0 : errno; }

int set_host_name(Child&) { return ::sethostname(kNameInside, std::strlen(kNameInside)) == 0 ? 0 : errno; }

int mount_scratch_folders(Child& child) {
  return mount_scratch(child.host_uid, child.request.tmp_bytes, child.request.tmp_inodes);
}

int name_host_uid(Child& child) {
  if (child.machine.user_namespaces == Machine::UserNamespaces::kAvailable) return 0;
  return mount_names(child.host_uid);
}

int mount_own_proc(Child& child) { return mount_proc(child.machine.proc_masks); }

int attach_mounts(Child& child) {
  for (const PreparedMount& mount : child.mounts) {
    if (const int error = attach(mount); error != 0) return error;
  }
  return 0;
}

int drop_copies(Child&) { return drop_place_for_copies(); }

int enter_new_root(Child&) { return enter_root(); }

int lower_limit(__rlimit_resource resource, rlim_t value) {
  rlimit now{};
  if (::getrlimit(resource, &now) != 0) return errno;
  // Without CAP_SYS_RESOURCE a hard limit can only be lowered.
  const rlim_t wanted = std::min(value, now.rlim_max);
  const rlimit next{.rlim_cur = wanted, .rlim_max = wanted};
  return ::setrlimit(resource, &next) == 0 ? 0 : errno;
}

int set_limits(Child& child) {
  if (barrier_up(Barrier::kOpenFileLimit)) {
    if (const int error = lower_limit(RLIMIT_NOFILE, child.request.open_files); error != 0) return error;
  }
  // One byte is too little for a file, and tells the kernel not to start a core handler either: that runs as root,
  // outside, and no limit but exactly this one keeps a crash in here from starting it.
  if (barrier_up(Barrier::kCoreLimit)) {
    if (const int error = lower_limit(RLIMIT_CORE, 1); error != 0) return error;
  }
  if (child.machine.memory_limit == Machine::MemoryLimit::kCgroup) return 0;
  // Of what can be written to, mapped or not: stacks of threads and arenas count before they are used.
  constexpr rlim_t kRoom = rlim_t{1} << 30U;
  return lower_limit(RLIMIT_DATA, child.request.memory_bytes * 2 + kRoom);
}

int limit_file_size(Child& child) { return lower_limit(RLIMIT_FSIZE, child.request.tmp_bytes); }

// Counted per user id and, since Linux 5.14, user namespace.
int limit_processes(Child& child) { return lower_limit(RLIMIT_NPROC, child.request.pids + 1); }

// All sandboxes, the server and whatever else this user runs count together: a bound for what happens between two looks
// of the launcher, far enough below its own that it can go on.
int limit_processes_of_user(Child&) {
  constexpr rlim_t kAtMost = 16'384;
  rlimit now{};
  if (::getrlimit(RLIMIT_NPROC, &now) != 0) return errno;
  return lower_limit(RLIMIT_NPROC, std::min(kAtMost, now.rlim_max - now.rlim_max / 8));
}

int volunteer_for_oom(Child& child) {
  // Without privileges the file is ours to write only while this process is dumpable, which it soon is not for good.
  if (child.machine.tier != Tier::kNamespace) ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  // When the machine itself runs out of memory, sandboxes go before the server. Not having this is no barrier lost.
  sys::write_file("/proc/self/oom_score_adj", "500");
  return 0;
}

// Standard streams and the log pipe get their numbers; every other descriptor of the launcher is closed.
int arrange_descriptors(Child& child) {
  // Above everything that is arranged, so that no dup2 below overwrites a source.
  for (int* fd : {&child.out, &child.err, &child.log, &child.control}) {
    *fd = ::fcntl(*fd, F_DUPFD_CLOEXEC, 64);
    if (*fd < 0) return errno;
  }
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (null < 0) return errno;
  if (::dup2(null, 0) < 0 || ::dup2(child.out, 1) < 0 || ::dup2(child.err, 2) < 0) return errno;
  const int close_on_exec = barrier_up(Barrier::kControlChannelClosed) ? O_CLOEXEC : 0;
  if (::dup2(child.log, kLogFd) < 0 || ::dup3(child.control, kControlFd, close_on_exec) < 0) return errno;
  child.control = kControlFd;
  // A descriptor 0 that was /dev/null already keeps its close-on-exec flag.
  if (::fcntl(0, F_SETFD, 0) != 0) return errno;
  if (!barrier_up(Barrier::kDescriptorsClosed)) return 0;
  if (!child.ruleset) return sys::close_range(kControlFd + 1, ~0U) == 0 ? 0 : errno;
  // Moved out of the way of number 5 first; it is closed by the exec of the runtime.
  const int ruleset = ::fcntl(child.ruleset.get(), F_DUPFD_CLOEXEC, 64);
  if (ruleset < 0 || ::dup3(ruleset, kRulesetFd, O_CLOEXEC) < 0) return errno;
  if (child.ruleset.get() == kRulesetFd) [[maybe_unused]]
    const int kept = child.ruleset.release();
  return sys::close_range(kRulesetFd + 1, ~0U) == 0 ? 0 : errno;
}

int become_host_uid(Child& child) { return become(child.host_uid); }

int map_identity(Child& child) {
  if (child.machine.user_namespaces == Machine::UserNamespaces::kForbidden) return 0;
  return enter_user_namespace(::geteuid());
}

int die_with_launcher(Child& child) {
  // Lost by every change of user id, so it comes after the last one. The launcher may have died before.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return errno;
  pollfd peer{.fd = child.control, .events = 0, .revents = 0};
  return ::poll(&peer, 1, 0) == 0 ? 0 : ECONNRESET;
}

int close_memory(Child&) {
  // This process still maps the launcher's memory: no ptrace, no /proc/1/mem.
  return ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 ? 0 : errno;
}

int forbid_new_privileges(Child&) { return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? 0 : errno; }

int enter_working_directory(Child& child) { return ::chdir(child.request.working_directory.c_str()) == 0 ? 0 : errno; }

int apply_landlock(Child& child) { return confine_with_landlock(child.machine.landlock_abi); }

int read_rules(Child& child) {
  SharedTreeAccess access{.readable = {},
                          .tmp = child.machine.scratch + "/" + child.request.name,
                          .ports = {child.network.runtime_api_port, child.network.http_port}};
  for (const UniqueFd& source : child.sources) access.readable.push_back(source.get());
  for (const UniqueFd& folder : child.machine.interpreter_folders) access.readable.push_back(folder.get());
  return make_shared_tree_ruleset(child.machine.landlock_abi, access, child.ruleset);
}

int adopt_orphans(Child&) { return ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0 ? 0 : errno; }

// Init signals "everybody" to stop or end its sandbox: it must be certain that this is nobody else.
int keep_signals_inside(Child& child) {
  if (const int error = close_scope(child.machine.landlock_abi); error != 0) return error;
  if (child.machine.landlock_abi < kLandlockScopes) return 0;
  return ::kill(::getppid(), 0) != 0 && errno == EPERM ? 0 : ENOTRECOVERABLE;
}

int apply_seccomp(Child& child) { return child.machine.filter.install(); }

// The tiers a step belongs to.
constexpr unsigned kRoot = 1U << static_cast<unsigned>(Tier::kNamespace);
constexpr unsigned kUser = 1U << static_cast<unsigned>(Tier::kUser);
constexpr unsigned kShared = 1U << static_cast<unsigned>(Tier::kLandlock);
constexpr unsigned kOwnTree = kRoot | kUser;
constexpr unsigned kAll = kRoot | kUser | kShared;

// Order matters; the right column says why.
struct Step {
  unsigned tiers;
  const char* name;
  int (*run)(Child&);
  std::optional<Barrier> barrier = {};  // of a step that is one wall and nothing else
};
using enum Barrier;
constexpr Step kSteps[] = {
    {kRoot, "join cgroups", join_v1_cgroups},                                 // first: all memory below is charged
    {kShared, "join cgroup", join_v2_cgroup},                                 // what clone3 did for the others
    {kOwnTree, "join network namespace", join_network, kNetworkNamespace},    // needs SYS_ADMIN
    {kOwnTree, "new cgroup namespace", hide_cgroup_paths, kCgroupNamespace},  // after joining: its root is where we are
    {kOwnTree, "host name", set_host_name, kHostName},                        // in the UTS namespace, made by clone3
    {kRoot, "name the host uid", name_host_uid},                              // uses /dev/shm before it is there
    {kOwnTree, "mount /tmp and /dev/shm", mount_scratch_folders},  // by host uid: mounts know no user namespace
    {kOwnTree, "mount /proc", mount_own_proc},                     // needs the new pid namespace, made by clone3
    {kOwnTree, "attach mounts", attach_mounts},                    // while the sources' mounts are reachable
    {kOwnTree, "drop copies of files", drop_copies},               // not for this sandbox's eyes
    {kOwnTree, "enter the new root", enter_new_root},              // from here on no host path resolves
    {kShared, "read rules", read_rules},                           // while the sources are open
    {kAll, "oom score", volunteer_for_oom, kOomVolunteer},         // by path, in the new /proc
    {kAll, "descriptors", arrange_descriptors},                    // needs the new /dev; drops the launcher's
    {kAll, "resource limits", set_limits},                         // after descriptors got their small numbers
    {kShared, "file size limit", limit_file_size},                 // a /tmp of its own has a size instead
    {kRoot, "become the host uid", become_host_uid, kHostUid},     // needs SETGID, SETUID; ends all capabilities
    {kOwnTree, "user namespace", map_identity, kUserNamespace},    // last namespace, so that it owns none of them
    {kOwnTree, "process limit", limit_processes, kProcessLimit},   // of that user namespace; before, it would bind all
    {kShared, "process limit", limit_processes_of_user},           // all of this user together
    {kOwnTree, "die with the launcher", die_with_launcher, kDiesWithLauncher},  // a change of credentials clears it
    {kShared, "adopt orphans", adopt_orphans},                             // init must outlive the launcher to end them
    {kAll, "close own memory", close_memory, kInitMemoryClosed},           // writing the maps needs a dumpable process
    {kAll, "no new privileges", forbid_new_privileges, kNoNewPrivileges},  // Landlock and seccomp demand it
    {kAll, "working directory", enter_working_directory},                  // as the sandbox's user
    {kOwnTree, "landlock", apply_landlock, kLandlock},      // opens paths, which seccomp may come to judge
    {kShared, "signals stay inside", keep_signals_inside},  // the rules bind the runtime alone, not init
    {kAll, "seccomp", apply_seccomp, kSystemCalls},         // last: it forbids much of the above
};

Reach reach_of(const Machine& machine) {
  if (machine.tier != Tier::kLandlock) return Reach::kNamespace;
  return machine.landlock_abi >= kLandlockScopes ? Reach::kScope : Reach::kMachine;
}

[[noreturn]] void run_child(Child& child) {
  for (const Step& step : kSteps) {
    if ((step.tiers & (1U << static_cast<unsigned>(child.machine.tier))) == 0) continue;
    if (step.barrier && !barrier_up(*step.barrier)) continue;
    if (const int error = step.run(child); error != 0) report_failure(child.control, step.name, error);
  }
  InitPlan plan{.argv = child.request.argv, .env = child.request.env, .reach = reach_of(child.machine)};
  if (child.machine.tier == Tier::kLandlock) {
    plan.confine_runtime = confine_to;
    plan.confine_argument = kRulesetFd;
  }
  run_init(child.control, plan);
}

// The first process. Containers often answer that there is no clone3, so it is asked only for what needs it.
long clone_first_process(const Machine& machine, const Cgroup& cgroup, int& pidfd) {
  if (machine.tier == Tier::kLandlock) {
    return ::syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, nullptr, &pidfd, nullptr, 0);
  }
  sys::CloneArguments arguments;
  arguments.flags = CLONE_PIDFD | CLONE_NEWNS;
  if (barrier_up(Barrier::kPidNamespace)) arguments.flags |= CLONE_NEWPID;
  if (barrier_up(Barrier::kIpcNamespace)) arguments.flags |= CLONE_NEWIPC;
  if (barrier_up(Barrier::kHostName)) arguments.flags |= CLONE_NEWUTS;
  arguments.pidfd = reinterpret_cast<std::uint64_t>(&pidfd);
  arguments.exit_signal = SIGCHLD;
  if (cgroup.v2_directory) {
    arguments.flags |= sys::kCloneIntoCgroup;
    arguments.cgroup = static_cast<std::uint64_t>(cgroup.v2_directory.get());
  }
  return sys::clone3(arguments);
}

struct Pipe {
  UniqueFd read_end, write_end;
};
Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(FailureKind::kNoResources, sys::error_text("a pipe", errno));
  Pipe pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
  // The server reads without waiting; what is inside writes as to any pipe.
  if (::fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) {
    return fail(FailureKind::kFailed, sys::error_text("a pipe", errno));
  }
  return pipe;
}

}  // namespace

Result<StartedSandbox> start_sandbox(const CreateMessage& request, uid_t host_uid, const Machine& machine,
                                     const Cgroups& cgroups, CgroupPool& spare_cgroups, const SourceRoots& sources,
                                     NetworkPool& networks) {
  std::vector<PreparedMount> mounts;
  std::vector<UniqueFd> opened;
  for (const Mount& mount : request.mounts) {
    TRY(UniqueFd source, sources.open_source(mount.source));
    if (machine.tier == Tier::kLandlock) {
      opened.push_back(std::move(source));
      continue;
    }
    TRY(PreparedMount prepared, prepare_mount(source, mount.destination));
    mounts.push_back(std::move(prepared));
  }
  StartedSandbox sandbox;
  TRY(Pipe out, make_pipe());
  TRY(Pipe err, make_pipe());
  TRY(Pipe log, make_pipe());
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return fail(FailureKind::kNoResources, sys::error_text("a socket pair", errno));
  }
  sandbox.control.reset(ends[0]);
  const UniqueFd inner_control(ends[1]);
  TRY(sandbox.network, networks.take());
  // One more process than asked for: init.
  const CgroupLimits limits{
      .memory_bytes = request.memory_bytes, .cpu_milli = request.cpu_milli, .pids = request.pids + 1};
  TRY(sandbox.cgroup, spare_cgroups.take());
  if (Status limited = cgroups.limit(sandbox.cgroup, limits); !limited) {
    cgroups.remove(sandbox.cgroup.name);
    return fail(std::move(limited).error());
  }

  int pidfd = -1;
  const CreateMessage moved = machine.tier == Tier::kLandlock
                                  ? relocate(request, {.tmp = machine.scratch + "/" + request.name,
                                                       .runtime_api_port = sandbox.network.runtime_api_port,
                                                       .http_port = sandbox.network.http_port})
                                  : request;
  const long pid = clone_first_process(machine, sandbox.cgroup, pidfd);
  if (pid < 0) {
    const int error = errno;
    cgroups.remove(sandbox.cgroup.name);
    const bool full = error == EAGAIN || error == ENOMEM || error == ENOSPC;
    return fail(full ? FailureKind::kNoResources : FailureKind::kFailed, sys::error_text("clone", error));
  }
  if (pid == 0) {
    Child child{.request = moved,
                .machine = machine,
                .host_uid = host_uid,
                .cgroup = sandbox.cgroup,
                .netns = sandbox.network.netns.get(),
                .mounts = mounts,
                .sources = opened,
                .network = sandbox.network,
                .control = inner_control.get(),
                .out = out.write_end.get(),
                .err = err.write_end.get(),
                .log = log.write_end.get()};
    run_child(child);
  }
  sandbox.pid = static_cast<pid_t>(pid);
  sandbox.pidfd.reset(pidfd);
  sandbox.stdout_pipe = std::move(out.read_end);
  sandbox.stderr_pipe = std::move(err.read_end);
  sandbox.log_pipe = std::move(log.read_end);
  sandbox.network.netns.reset();  // the sandbox's processes hold it now
  sandbox.cgroup.v1_directories.clear();
  sandbox.cgroup.v2_directory.reset();
  return sandbox;
}

}  // namespace hearth::launcher
