#include "main/supervisor.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <thread>
#include <utility>

#include "main/startup_memory.h"

namespace hearth::main {
namespace {

// A launcher that dies more often than this is broken; restarting it would hide that.
constexpr int kMaxRestarts = 5;
constexpr std::chrono::seconds kRestartWindow{60};
// Descriptor number of the protocol socket in the launcher process.
constexpr int kLauncherSocketFd = 3;

std::string errno_text(const char* what) { return fmt::format("{}: {}", what, std::strerror(errno)); }

struct SocketPair {
  UniqueFd ours;
  UniqueFd theirs;
};

Result<SocketPair> make_socket_pair() {
  std::array<int, 2> fds{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds.data()) != 0) {
    return fail(SupervisorError::kSystem, errno_text("socketpair"));
  }
  return SocketPair{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

// In a forked child: default signal handling, and death with the parent.
void reset_child_signals(pid_t parent) {
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
}

Result<pid_t> start_launcher(const SupervisorOptions& options, UniqueFd socket) {
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return fail(SupervisorError::kSystem, errno_text("fork"));
  if (pid > 0) return pid;
  // The launcher leaves the terminal's process group: Ctrl-C is the server's to react to.
  ::setpgid(0, 0);
  // dup2 onto itself would keep close-on-exec set.
  if (socket.get() == kLauncherSocketFd) {
    ::fcntl(socket.get(), F_SETFD, 0);
  } else if (::dup2(socket.get(), kLauncherSocketFd) < 0) {
    ::_exit(126);
  }
  become_launcher(options, {"--socket-fd", std::to_string(kLauncherSocketFd)}, parent);
}

Status send_socket(int control, UniqueFd socket) {
  char byte = 'L';
  iovec data{&byte, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> space{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = space.data();
  message.msg_controllen = space.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  const int fd = socket.get();
  std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  if (::sendmsg(control, &message, MSG_NOSIGNAL) < 0) return fail(SupervisorError::kSystem, errno_text("sendmsg"));
  return {};
}

void say(const std::string& line) {
  const std::string text = "hearth: " + line + "\n";
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
}

// The running halves, and what to do when one of them ends.
class Family {
 public:
  explicit Family(const SupervisorOptions& options) : options_(options) {}
  ~Family() {
    // The launcher ends by itself when the server's end of its socket closes; it is waited for, then killed.
    if (launcher_ > 0) reap_or_kill(launcher_);
  }
  Family(const Family&) = delete;
  Family& operator=(const Family&) = delete;

  Status start(ServerMain& server) {
    TRY(SocketPair launcher, make_socket_pair());
    TRY(SocketPair control, make_socket_pair());
    TRY(launcher_, start_launcher(options_, std::move(launcher.theirs)));
    last_start_ = std::chrono::steady_clock::now();
    const pid_t parent = ::getpid();
    server_ = ::fork();
    if (server_ < 0) return fail(SupervisorError::kSystem, errno_text("fork"));
    if (server_ == 0) {
      reset_child_signals(parent);
      ::setpgid(0, 0);
      control.ours.reset();
      // The change of uid clears the death signal: it is set again.
      if (!drop_privileges(options_.user) || ::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) {
        say(errno_text("cannot drop privileges"));
        ::_exit(1);
      }
      ::exit(server.run(ServerSockets{std::move(launcher.ours), std::move(control.theirs)}));
    }
    control_ = std::move(control.ours);
    return {};
  }

  // Reaps what ended; the exit status to end with once the server is gone, else nothing.
  std::optional<int> on_child_signal() {
    for (;;) {
      int status = 0;
      const pid_t pid = ::waitpid(-1, &status, WNOHANG);
      if (pid <= 0) return std::nullopt;
      if (pid == server_) {
        server_ = -1;
        control_.reset();
        if (WIFSIGNALED(status)) {
          say(fmt::format("the server was ended by signal {} ({})", WTERMSIG(status), ::strsignal(WTERMSIG(status))));
          return 128 + WTERMSIG(status);
        }
        return WEXITSTATUS(status);
      }
      if (pid == launcher_) {
        launcher_ = -1;
        restart_launcher(status);
      }
    }
  }

  void on_stop_signal(int signal_number) {
    if (server_ <= 0) return;
    ::kill(server_, stopping_ ? SIGKILL : signal_number);
    stopping_ = true;
  }

 private:
  void restart_launcher(int status) {
    if (stopping_) return;
    say(WIFSIGNALED(status) ? fmt::format("the launcher was ended by signal {}; starting another", WTERMSIG(status))
                            : fmt::format("the launcher ended with status {}; starting another", WEXITSTATUS(status)));
    const auto now = std::chrono::steady_clock::now();
    restarts_ = now - last_start_ > kRestartWindow ? 1 : restarts_ + 1;
    last_start_ = now;
    if (restarts_ > kMaxRestarts) {
      say("the launcher keeps dying; stopping the server");
      on_stop_signal(SIGTERM);
      return;
    }
    auto pair = make_socket_pair();
    if (!pair) return say(pair.error().message());
    auto started = start_launcher(options_, std::move(pair->theirs));
    if (!started) return say(started.error().message());
    launcher_ = *started;
    if (auto sent = send_socket(control_.get(), std::move(pair->ours)); !sent) say(sent.error().message());
  }

  static void reap_or_kill(pid_t pid) {
    constexpr int kPatienceMs = 5000;  // killing a thousand sandboxes takes the launcher well under a second
    const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
    if (pidfd >= 0) {
      pollfd wait{pidfd, POLLIN, 0};
      if (::poll(&wait, 1, kPatienceMs) <= 0) ::kill(pid, SIGKILL);
      ::close(pidfd);
    } else {
      ::kill(pid, SIGKILL);
    }
    ::waitpid(pid, nullptr, 0);
  }

  const SupervisorOptions& options_;
  pid_t launcher_ = -1;
  pid_t server_ = -1;
  UniqueFd control_;
  bool stopping_ = false;
  int restarts_ = 0;
  std::chrono::steady_clock::time_point last_start_;
};

}  // namespace

void become_launcher(const SupervisorOptions& options, const std::vector<std::string>& further, pid_t parent) {
  reset_child_signals(parent);
  if (options.launcher == SupervisorOptions::Launcher::kAsUser) {
    // The change of uid clears the death signal.
    if (!drop_privileges(options.user) || ::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) ::_exit(126);
  }
  std::vector<std::string> words = {"hearth-launcher"};
  words.insert(words.end(), options.launcher_arguments.begin(), options.launcher_arguments.end());
  words.insert(words.end(), further.begin(), further.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  ::execv(options.launcher_path.c_str(), argv.data());
  ::_exit(127);
}

bool drop_privileges(const ServerUser& user) {
  // Order matters: the bounding set and groups while still root.
  if (::geteuid() == 0) {
    for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability) >= 0; ++capability) {
      // A container may have been started without the right to.
      if (::prctl(PR_CAPBSET_DROP, capability) != 0 && errno != EPERM) return false;
    }
    if (::setgroups(0, nullptr) != 0) return false;
  }
  const gid_t gid = user.gid;
  if (::setresgid(gid, gid, gid) != 0 || ::setresuid(user.uid, user.uid, user.uid) != 0) return false;
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) return false;
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> none{};
  if (::syscall(SYS_capset, &header, none.data()) != 0) return false;
  // Functions may be processes of the same user: they get no hold of this one's memory.
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return false;
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

Result<ServerUser> find_server_user(const std::string& name) {
  const auto look_up = [](const char* candidate) -> std::optional<ServerUser> {
    const passwd* entry = ::getpwnam(candidate);
    if (entry == nullptr) return std::nullopt;
    return ServerUser{candidate, entry->pw_uid, entry->pw_gid};
  };
  if (const uid_t self = ::geteuid(); self != 0) {
    const passwd* entry = ::getpwuid(self);
    const std::string own = entry != nullptr ? std::string(entry->pw_name) : std::to_string(self);
    if (name.empty() || name == own) return ServerUser{own, self, ::getegid()};
    return fail(SupervisorError::kNoUser, fmt::format("only root can run the server as another user ('{}')", name));
  }
  if (!name.empty()) {
    if (auto user = look_up(name.c_str())) return *user;
    return fail(SupervisorError::kNoUser, fmt::format("there is no user '{}' on this machine", name));
  }
  if (auto user = look_up("hearth")) return *user;
  if (auto user = look_up("nobody")) return *user;
  return fail(SupervisorError::kNoUser, "there is neither a user 'hearth' nor 'nobody'; name one with --user");
}

Result<int> supervise(const SupervisorOptions& options, ServerMain& server) {
  if (::access(options.launcher_path.c_str(), X_OK) != 0) {
    return fail(SupervisorError::kNoLauncher, errno_text(options.launcher_path.c_str()));
  }
  sigset_t watched;
  sigemptyset(&watched);
  for (const int number : {SIGCHLD, SIGINT, SIGTERM, SIGHUP}) sigaddset(&watched, number);
  if (::sigprocmask(SIG_BLOCK, &watched, nullptr) != 0)
    return fail(SupervisorError::kSystem, errno_text("sigprocmask"));
  const UniqueFd signals(::signalfd(-1, &watched, SFD_CLOEXEC));
  if (!signals) return fail(SupervisorError::kSystem, errno_text("signalfd"));

  Family family(options);
  TRY_STATUS(family.start(server));
  release_startup_memory();
  for (;;) {
    signalfd_siginfo info{};
    const ssize_t got = ::read(signals.get(), &info, sizeof info);
    if (got < 0 && errno == EINTR) continue;
    if (got != sizeof info) return fail(SupervisorError::kSystem, errno_text("read from signalfd"));
    if (info.ssi_signo == SIGCHLD) {
      if (auto status = family.on_child_signal()) return *status;
    } else {
      family.on_stop_signal(static_cast<int>(info.ssi_signo));
    }
  }
}

}  // namespace hearth::main
