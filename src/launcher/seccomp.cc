#include "launcher/seccomp.h"

#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <memory>
#include <span>
#include <string_view>

#include "base/barriers.h"
#include "launcher/protocol.h"
#include "launcher/sys.h"

namespace hearth::launcher {
namespace {

// By purpose. Names that an architecture lacks are skipped.
constexpr const char* kAllowed[] = {
    // files
    "access", "chdir", "chmod", "chown", "close", "close_range", "copy_file_range", "creat", "dup", "dup2", "dup3",
    "faccessat", "faccessat2", "fadvise64", "fallocate", "fchdir", "fchmod", "fchmodat", "fchown", "fchownat", "fcntl",
    "fdatasync", "fgetxattr", "flistxattr", "flock", "fremovexattr", "fsetxattr", "fstat", "fstatfs", "fsync",
    "ftruncate", "futimesat", "getcwd", "getdents", "getdents64", "getxattr", "inotify_add_watch", "inotify_init",
    "inotify_init1", "inotify_rm_watch", "ioctl", "lchown", "lgetxattr", "link", "linkat", "listxattr", "llistxattr",
    "lremovexattr", "lseek", "lsetxattr", "lstat", "mkdir", "mkdirat", "newfstatat", "open", "openat", "openat2",
    "pread64", "preadv", "preadv2", "pwrite64", "pwritev", "pwritev2", "read", "readahead", "readlink", "readlinkat",
    "readv", "removexattr", "rename", "renameat", "renameat2", "rmdir", "sendfile", "setxattr", "splice", "stat",
    "statfs", "statx", "symlink", "symlinkat", "sync", "sync_file_range", "syncfs", "tee", "truncate", "umask",
    "unlink", "unlinkat", "utime", "utimensat", "utimes", "vmsplice", "write", "writev",
    // pipes, events, waiting
    "epoll_create", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait", "eventfd", "eventfd2",
    "io_cancel", "io_destroy", "io_getevents", "io_pgetevents", "io_setup", "io_submit", "pipe", "pipe2", "poll",
    "ppoll", "pselect6", "select", "signalfd", "signalfd4", "timerfd_create", "timerfd_gettime", "timerfd_settime",
    // memory
    "brk", "madvise", "membarrier", "memfd_create", "mincore", "mlock", "mlock2", "mlockall", "mmap", "mprotect",
    "mremap", "msync", "munlock", "munlockall", "munmap", "pkey_alloc", "pkey_free", "pkey_mprotect",
    "remap_file_pages",
    // processes and threads (clone: below, without new namespaces)
    "arch_prctl", "capget", "capset", "execve", "execveat", "exit", "exit_group", "fork", "futex", "futex_waitv",
    "get_robust_list", "get_thread_area", "getpgid", "getpgrp", "getpid", "getppid", "getpriority", "getrlimit",
    "getrusage", "getsid", "gettid", "kill", "pidfd_open", "pidfd_send_signal", "prctl", "restart_syscall", "rseq",
    "set_robust_list", "set_thread_area", "set_tid_address", "setpgid", "setpriority", "setsid", "tgkill", "times",
    "tkill", "vfork", "wait4", "waitid",
    // identity
    "getegid", "geteuid", "getgid", "getgroups", "getresgid", "getresuid", "getuid", "setfsgid", "setfsuid", "setgid",
    "setgroups", "setregid", "setresgid", "setresuid", "setreuid", "setuid",
    // signals
    "pause", "rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigqueueinfo", "rt_sigreturn", "rt_sigsuspend",
    "rt_sigtimedwait", "rt_tgsigqueueinfo", "sigaltstack",
    // time and scheduling
    "adjtimex", "alarm", "clock_adjtime", "clock_getres", "clock_gettime", "clock_nanosleep", "getcpu", "getitimer",
    "gettimeofday", "ioprio_get", "ioprio_set", "nanosleep", "sched_get_priority_max", "sched_get_priority_min",
    "sched_getaffinity", "sched_getattr", "sched_getparam", "sched_getscheduler", "sched_rr_get_interval",
    "sched_setaffinity", "sched_setattr", "sched_setparam", "sched_setscheduler", "sched_yield", "setitimer", "time",
    "timer_create", "timer_delete", "timer_getoverrun", "timer_gettime", "timer_settime",
    // sockets (socket: below, by family)
    "accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "listen", "recvfrom",
    "recvmmsg", "recvmsg", "sendmmsg", "sendmsg", "sendto", "setsockopt", "shutdown",
    // System V and POSIX inter-process communication, in the sandbox's own namespace
    "mq_getsetattr", "mq_notify", "mq_open", "mq_timedreceive", "mq_timedsend", "mq_unlink", "msgctl", "msgget",
    "msgrcv", "msgsnd", "semctl", "semget", "semop", "semtimedop", "shmat", "shmctl", "shmdt", "shmget",
    // the machine, and further confinement of oneself
    "getrandom", "landlock_add_rule", "landlock_create_ruleset", "landlock_restrict_self", "seccomp", "sysinfo",
    "uname"};

// Kept off the list on purpose, by what they would open. The rest of what is off the list is merely of no use.
struct Shut {
  Barrier barrier;
  const char* name;
};
constexpr Shut kShut[] = {{Barrier::kCallsForNamespaces, "setns"},
                          {Barrier::kCallsForNamespaces, "unshare"},
                          {Barrier::kCallsForMounts, "chroot"},
                          {Barrier::kCallsForMounts, "fsconfig"},
                          {Barrier::kCallsForMounts, "fsmount"},
                          {Barrier::kCallsForMounts, "fsopen"},
                          {Barrier::kCallsForMounts, "fspick"},
                          {Barrier::kCallsForMounts, "mount"},
                          {Barrier::kCallsForMounts, "mount_setattr"},
                          {Barrier::kCallsForMounts, "move_mount"},
                          {Barrier::kCallsForMounts, "open_tree"},
                          {Barrier::kCallsForMounts, "pivot_root"},
                          {Barrier::kCallsForMounts, "swapoff"},
                          {Barrier::kCallsForMounts, "swapon"},
                          {Barrier::kCallsForMounts, "umount2"},
                          {Barrier::kCallsForTracing, "kcmp"},
                          {Barrier::kCallsForTracing, "pidfd_getfd"},
                          {Barrier::kCallsForTracing, "process_madvise"},
                          {Barrier::kCallsForTracing, "process_vm_readv"},
                          {Barrier::kCallsForTracing, "process_vm_writev"},
                          {Barrier::kCallsForTracing, "ptrace"},
                          {Barrier::kCallsForHandles, "fanotify_init"},
                          {Barrier::kCallsForHandles, "fanotify_mark"},
                          {Barrier::kCallsForHandles, "name_to_handle_at"},
                          {Barrier::kCallsForHandles, "open_by_handle_at"},
                          {Barrier::kCallsForNodes, "mknod"},
                          {Barrier::kCallsForNodes, "mknodat"},
                          {Barrier::kCallsForKeyrings, "add_key"},
                          {Barrier::kCallsForKeyrings, "keyctl"},
                          {Barrier::kCallsForKeyrings, "request_key"},
                          {Barrier::kCallsForBpf, "bpf"},
                          {Barrier::kCallsForIoUring, "io_uring_enter"},
                          {Barrier::kCallsForIoUring, "io_uring_register"},
                          {Barrier::kCallsForIoUring, "io_uring_setup"},
                          {Barrier::kCallsForUserfaultfd, "userfaultfd"},
                          {Barrier::kCallsForPerf, "perf_event_open"},
                          {Barrier::kCallsForMachine, "acct"},
                          {Barrier::kCallsForMachine, "clock_settime"},
                          {Barrier::kCallsForMachine, "ioperm"},
                          {Barrier::kCallsForMachine, "iopl"},
                          {Barrier::kCallsForMachine, "memfd_secret"},
                          {Barrier::kCallsForMachine, "modify_ldt"},
                          {Barrier::kCallsForMachine, "move_pages"},
                          {Barrier::kCallsForMachine, "quotactl"},
                          {Barrier::kCallsForMachine, "settimeofday"},
                          {Barrier::kCallsForMachine, "sethostname"},
                          {Barrier::kCallsForMachine, "syslog"},
                          {Barrier::kCallsForMachine, "vhangup"}};

// Answer ENOSYS where a caller is known to fall back then.
constexpr const char* kNotThere[] = {"clone3"};
constexpr const char* kRingCalls[] = {"io_uring_enter", "io_uring_register", "io_uring_setup"};
// Numbers that this list does not judge yet: all architectures share them from 424 on. 450 is the last call that
// Debian 12's libseccomp knows.
constexpr int kFirstUnknown = 451;
constexpr int kLastUnknown = 510;

constexpr std::uint64_t kNewNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |
                                         CLONE_NEWPID | CLONE_NEWNET | 0x80U /* CLONE_NEWTIME */;
constexpr std::uint64_t kSocketTypeMask = 0xF;  // the rest are flags
constexpr std::uint32_t kMultipathTcp = 262;

// Of kAllowed, those that reach beyond a sandbox whose surroundings are shared. Refused as everything that is not
// listed.
constexpr const char* kNotWhenShared[] = {
    // a listening port could be taken by nobody else, and unix sockets lead to whatever serves this user
    "accept", "accept4", "bind", "listen",
    // names of files appear in folders that cannot be opened
    "inotify_add_watch", "inotify_init", "inotify_init1", "inotify_rm_watch",
    // by user id or by number, whoever made them
    "mq_getsetattr", "mq_notify", "mq_open", "mq_timedreceive", "mq_timedsend", "mq_unlink", "msgctl", "msgget",
    "msgrcv", "msgsnd", "semctl", "semget", "semop", "semtimedop", "shmat", "shmctl", "shmdt", "shmget",
    // of other processes of the same user: below, for oneself
    "ioprio_set", "sched_setaffinity", "sched_setattr", "sched_setparam", "sched_setscheduler", "setpriority",
    // below, without options that connect past Landlock
    "sendmmsg", "sendmsg", "sendto", "setsockopt",
    // files of the same user, wherever they are: answered below
    "chmod", "chown", "fchmod", "fchmodat", "fchown", "fchownat", "fremovexattr", "fsetxattr", "futimesat", "lchown",
    "lremovexattr", "lsetxattr", "removexattr", "setxattr", "utime", "utimensat", "utimes"};
constexpr const char* kPretended[] = {"chmod",     "chown",  "fchmod", "fchmodat",  "fchown", "fchownat",
                                      "futimesat", "lchown", "utime",  "utimensat", "utimes"};
constexpr const char* kNoAttributes[] = {"fremovexattr", "fsetxattr",   "lremovexattr",
                                         "lsetxattr",    "removexattr", "setxattr"};

// Memory that stays when no process maps it.
constexpr const char* kUnseenMemory[] = {"memfd_create", "shmget"};

bool is_in(std::span<const char* const> names, std::string_view name) {
  return std::ranges::any_of(names, [&](const char* entry) { return name == entry; });
}

class Builder {
 public:
  Builder() : context_(::seccomp_init(SCMP_ACT_ERRNO(EPERM))) { note(context_ ? 0 : -ENOMEM); }

  void allow(const char* name) { add(SCMP_ACT_ALLOW, name, {}); }
  void allow(const char* name, const std::vector<scmp_arg_cmp>& conditions) { add(SCMP_ACT_ALLOW, name, conditions); }
  void answer(int error, const char* name, const std::vector<scmp_arg_cmp>& conditions = {}) {
    add(SCMP_ACT_ERRNO(static_cast<unsigned>(error)), name, conditions);
  }
  void answer(int error, int number) {
    note(::seccomp_rule_add_array(context_.get(), SCMP_ACT_ERRNO(static_cast<unsigned>(error)), number, 0, nullptr));
  }
  void set(scmp_filter_attr attribute, std::uint32_t value) {
    note(::seccomp_attr_set(context_.get(), attribute, value));
  }
  int error() const { return error_; }

  Result<std::vector<sock_filter>> program() {
    const UniqueFd file(::memfd_create("seccomp", MFD_CLOEXEC));
    if (!file) return fail(FailureKind::kFailed, sys::error_text("memfd_create", errno));
    note(::seccomp_export_bpf(context_.get(), file.get()));
    if (error_ != 0) return fail(FailureKind::kFailed, sys::error_text("compiling the system call filter", error_));
    const off_t size = ::lseek(file.get(), 0, SEEK_END);
    std::vector<sock_filter> program(static_cast<std::size_t>(size) / sizeof(sock_filter));
    if (size <= 0 || ::pread(file.get(), program.data(), static_cast<std::size_t>(size), 0) != size) {
      return fail(FailureKind::kFailed, sys::error_text("reading the compiled filter", errno));
    }
    return program;
  }

 private:
  void add(std::uint32_t action, const char* name, const std::vector<scmp_arg_cmp>& conditions) {
    const int number = ::seccomp_syscall_resolve_name(name);
    if (number < 0) return;  // not on this architecture
    note(::seccomp_rule_add_array(context_.get(), action, number, static_cast<unsigned>(conditions.size()),
                                  conditions.data()));
  }
  void note(int result) {
    if (result < 0 && error_ == 0) error_ = -result;
  }

  std::unique_ptr<void, decltype([](scmp_filter_ctx context) { ::seccomp_release(context); })> context_;
  int error_ = 0;
};

scmp_arg_cmp masked(unsigned argument, std::uint64_t mask, std::uint64_t value) {
  return {argument, SCMP_CMP_MASKED_EQ, mask, value};
}
// Arguments of type int: the upper half of the register means nothing.
scmp_arg_cmp equals(unsigned argument, std::uint32_t value) { return masked(argument, 0xFFFFFFFFU, value); }

// Local, IP and route sockets. Everything else is kernel code that no function needs: packet, vsock (which is not
// confined by network namespaces), kernel crypto, and protocols whose use would load modules.
void allow_sockets(Builder& builder) {
  const auto type = [](std::uint64_t value) { return masked(1, kSocketTypeMask, value); };
  builder.allow("socket", {equals(0, AF_UNIX)});
  builder.allow("socketpair", {equals(0, AF_UNIX)});
  builder.allow("socket", {equals(0, AF_NETLINK), equals(2, NETLINK_ROUTE)});
  for (const std::uint32_t family : {std::uint32_t{AF_INET}, std::uint32_t{AF_INET6}}) {
    for (const std::uint32_t protocol : {std::uint32_t{0}, std::uint32_t{IPPROTO_TCP}, kMultipathTcp}) {
      builder.allow("socket", {equals(0, family), type(SOCK_STREAM), equals(2, protocol)});
    }
    for (const std::uint32_t protocol : {std::uint32_t{0}, std::uint32_t{IPPROTO_UDP}}) {
      builder.allow("socket", {equals(0, family), type(SOCK_DGRAM), equals(2, protocol)});
    }
  }
}

// TCP of the plain kind is what Landlock's port rules are about: not multipath TCP, and not connections made by
// sending.
void allow_shared_sockets(Builder& builder) {
  const auto type = [](std::uint64_t value) { return masked(1, kSocketTypeMask, value); };
  for (const std::uint64_t paired : {std::uint64_t{SOCK_STREAM}, std::uint64_t{SOCK_SEQPACKET}}) {
    builder.allow("socketpair", {equals(0, AF_UNIX), type(paired)});
  }
  builder.allow("socket", {equals(0, AF_NETLINK), equals(2, NETLINK_ROUTE)});
  for (const std::uint32_t family : {std::uint32_t{AF_INET}, std::uint32_t{AF_INET6}}) {
    for (const std::uint32_t protocol : {std::uint32_t{0}, std::uint32_t{IPPROTO_TCP}}) {
      builder.allow("socket", {equals(0, family), type(SOCK_STREAM), equals(2, protocol)});
    }
  }
  builder.allow("sendto", {masked(3, MSG_FASTOPEN, 0)});
  builder.allow("sendmsg", {masked(2, MSG_FASTOPEN, 0)});
  builder.allow("sendmmsg", {masked(3, MSG_FASTOPEN, 0)});
  // bind() of a netlink socket is what listing addresses begins with; without it the kernel binds at the first send.
  for (const std::uint32_t level : {std::uint32_t{SOL_SOCKET}, std::uint32_t{IPPROTO_IP}, std::uint32_t{IPPROTO_IPV6},
                                    std::uint32_t{SOL_NETLINK}}) {
    builder.allow("setsockopt", {equals(1, level)});
  }
  for (const int option :
       {TCP_NODELAY, TCP_MAXSEG, TCP_CORK, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT, TCP_SYNCNT, TCP_LINGER2,
        TCP_WINDOW_CLAMP, TCP_QUICKACK, TCP_CONGESTION, TCP_USER_TIMEOUT, TCP_NOTSENT_LOWAT}) {
    builder.allow("setsockopt", {equals(1, IPPROTO_TCP), equals(2, static_cast<std::uint32_t>(option))});
  }
}

// Of oneself, which is written 0.
void allow_own_scheduling(Builder& builder) {
  for (const char* name : {"sched_setaffinity", "sched_setattr", "sched_setparam", "sched_setscheduler"}) {
    builder.allow(name, {equals(0, 0)});
  }
  builder.allow("setpriority", {equals(0, PRIO_PROCESS), equals(1, 0)});
  constexpr std::uint32_t kIoprioWhoProcess = 1;
  builder.allow("ioprio_set", {equals(0, kIoprioWhoProcess), equals(1, 0)});
}

// Every limit may be set but that on core files: at exactly one byte the kernel neither writes such a file nor starts
// the machine's core handler (see set_limits), so that is where it stays. Setting it answers success: programs that
// want no core files give up otherwise, and they have none.
// `whose`: of this process alone, which is written 0, or of any that may be named.
enum class Whose : std::uint8_t { kOwn, kAny };
void allow_limits(Builder& builder, Whose whose) {
  const auto prlimit = [&](scmp_arg_cmp resource) -> std::vector<scmp_arg_cmp> {
    if (whose == Whose::kOwn) return {equals(0, 0), resource};
    return {resource};
  };
  const auto with = [](std::vector<scmp_arg_cmp> conditions, scmp_arg_cmp further) {
    conditions.push_back(further);
    return conditions;
  };
  if (!barrier_up(Barrier::kCallsForCoreLimit)) {
    builder.allow("setrlimit");
    builder.allow("prlimit64");
    return;
  }
  for (std::uint32_t resource = 0; resource < RLIM_NLIMITS; ++resource) {
    if (resource == RLIMIT_CORE) continue;
    builder.allow("setrlimit", {equals(0, resource)});
    builder.allow("prlimit64", prlimit(equals(1, resource)));
  }
  const std::vector<scmp_arg_cmp> core = prlimit(equals(1, RLIMIT_CORE));
  builder.allow("prlimit64", with(core, {2, SCMP_CMP_EQ, 0, 0}));
  builder.answer(0, "prlimit64", with(core, {2, SCMP_CMP_NE, 0, 0}));
  builder.answer(0, "setrlimit", {equals(0, RLIMIT_CORE)});
}

// Calls of which only some uses are allowed.
void allow_harmless_kinds(Builder& builder, SeccompProfile::Surroundings surroundings) {
  if (barrier_up(Barrier::kCallsForNamespaces)) {
    builder.allow("clone", {masked(0, kNewNamespaces, 0)});
  } else {
    builder.allow("clone");
  }
  if (barrier_up(Barrier::kCallsForPersonality)) {
    for (const std::uint32_t persona : {0x0U, 0x8U, 0x20000U, 0x20008U, 0xFFFFFFFFU}) {
      builder.allow("personality", {equals(0, persona)});
    }
  } else {
    builder.allow("personality");
  }
  if (surroundings == SeccompProfile::Surroundings::kShared) {
    allow_shared_sockets(builder);
    allow_own_scheduling(builder);
  } else if (barrier_up(Barrier::kCallsForSockets)) {
    allow_sockets(builder);
  } else {
    builder.allow("socket");
  }
}

}  // namespace

Result<SeccompFilter> SeccompFilter::compile(const SeccompProfile& profile) {
  const bool shared = profile.surroundings == SeccompProfile::Surroundings::kShared;
  const bool watched = profile.memory == SeccompProfile::Memory::kWatched;
  Builder builder;
  if (builder.error() == 0) {
    builder.set(SCMP_FLTATR_CTL_OPTIMIZE, 2);  // binary tree
    builder.set(SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    builder.set(SCMP_FLTATR_CTL_NNP, 0);  // the child sets it itself
    for (const char* name : kAllowed) {
      if (shared && is_in(kNotWhenShared, name)) continue;
      if (watched && is_in(kUnseenMemory, name)) continue;
      builder.allow(name);
    }
    for (const Shut& call : kShut) {
      if (!barrier_up(call.barrier)) builder.allow(call.name);
    }
    allow_harmless_kinds(builder, profile.surroundings);
    allow_limits(builder, shared ? Whose::kOwn : Whose::kAny);
    if (shared) {
      for (const char* name : kPretended) builder.answer(0, name);
      for (const char* name : kNoAttributes) builder.answer(ENOTSUP, name);
    }
    for (const char* name : kNotThere) builder.answer(ENOSYS, name);
    for (const char* name : kRingCalls) {
      if (barrier_up(Barrier::kCallsForIoUring)) builder.answer(ENOSYS, name);
    }
    for (int number = kFirstUnknown; number <= kLastUnknown; ++number) builder.answer(ENOSYS, number);
  }
  TRY(std::vector<sock_filter> program, builder.program());
  SeccompFilter filter;
  filter.program_ = std::move(program);
  return filter;
}

int SeccompFilter::install() const {
  sock_fprog program{.len = static_cast<unsigned short>(program_.size()),
                     .filter = const_cast<sock_filter*>(program_.data())};
  return ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0 ? 0 : errno;
}

}  // namespace hearth::launcher
