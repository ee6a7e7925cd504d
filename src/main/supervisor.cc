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

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <deque>
#include <optional>
#include <utility>

#include "main/control_socket.h"
#include "main/startup_memory.h"

namespace hearth::main {
namespace {

using Clock = std::chrono::steady_clock;

// A launcher or server that dies more often than this is broken; restarting it would hide that.
constexpr std::size_t kMaxRestarts = 5;
constexpr std::chrono::seconds kRestartWindow{60};
// Before a server is started again: nothing after the first death, then this, doubling.
constexpr std::chrono::milliseconds kFirstPause{200};
constexpr std::chrono::milliseconds kLastPause{5'000};
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
void reset_child_signals(pid_t parent, int death_signal) {
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::prctl(PR_SET_PDEATHSIG, death_signal);
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

void say(const std::string& line) {
  const std::string text = "hearth: " + line + "\n";
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
}

// Deaths of one of the halves, and whether it may be started again.
class Deaths {
 public:
  enum class Verdict : std::uint8_t { kStartAgain, kGiveUp };

  Verdict note(Clock::time_point now) {
    deaths_.push_back(now);
    while (deaths_.front() + kRestartWindow < now) deaths_.pop_front();
    return deaths_.size() > kMaxRestarts ? Verdict::kGiveUp : Verdict::kStartAgain;
  }
  std::size_t count() const { return deaths_.size(); }
  // Before the next start: nothing, at first.
  std::chrono::milliseconds pause() const {
    if (deaths_.size() < 2) return std::chrono::milliseconds(0);
    const int doublings = static_cast<int>(std::min<std::size_t>(deaths_.size() - 2, 10));
    return std::min(kFirstPause * (1 << doublings), kLastPause);
  }

 private:
  std::deque<Clock::time_point> deaths_;
};

std::string how_it_ended(int status) {
  if (!WIFSIGNALED(status)) return fmt::format("ended with status {}", WEXITSTATUS(status));
  return fmt::format("was ended by signal {} ({})", WTERMSIG(status), ::strsignal(WTERMSIG(status)));
}

int exit_status(int status) { return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status); }

// The running halves, and what to do when one of them ends.
class Family {
 public:
  Family(const SupervisorOptions& options, ServerMain& server) : options_(options), main_(server) {}
  ~Family() { end_launcher(); }
  Family(const Family&) = delete;
  Family& operator=(const Family&) = delete;

  Status start() {
    TRY(SocketPair launcher, make_socket_pair());
    TRY(SocketPair control, make_socket_pair());
    TRY(launcher_, start_launcher(options_, std::move(launcher.theirs)));
    ready_ = false;
    start_at_.reset();
    const pid_t parent = ::getpid();
    server_ = ::fork();
    if (server_ < 0) return fail(SupervisorError::kSystem, errno_text("fork"));
    if (server_ == 0) {
      reset_child_signals(parent, SIGKILL);
      ::setpgid(0, 0);
      control.ours.reset();
      // The change of uid clears the death signal: it is set again.
      if (!drop_privileges(options_.user) || ::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) {
        say(errno_text("cannot drop privileges"));
        ::_exit(1);
      }
      ::exit(main_.run(ServerSockets{.launcher = std::move(launcher.ours),
                                     .control = std::move(control.theirs),
                                     .listeners = std::move(listeners_)}));
    }
    control_ = std::move(control.ours);
    return {};
  }

  // Of the server that runs; -1: none does, or it has nothing more to say.
  int control() const { return control_.get(); }
  // When start() is due, if a server died.
  std::optional<Clock::time_point> start_at() const { return start_at_; }

  void on_control_message() {
    std::vector<UniqueFd> sockets = receive_sockets(control_.get());
    if (sockets.empty()) {
      control_.reset();  // it ended, as SIGCHLD will say, or is about to
      return;
    }
    if (listeners_.empty()) listeners_ = std::move(sockets);
    ready_ = true;
  }

  // Reaps what ended; the exit status to end with once the server is gone for good, else nothing.
  std::optional<int> on_child_signal() {
    for (;;) {
      int status = 0;
      const pid_t pid = ::waitpid(-1, &status, WNOHANG);
      if (pid <= 0) return std::nullopt;
      if (pid == server_) {
        if (const auto end = on_server_end(status)) return end;
      }
      if (pid == launcher_) {
        launcher_ = -1;
        restart_launcher(status);
      }
    }
  }

  // The exit status to end with, if there is nobody to wait for.
  std::optional<int> on_stop_signal(int signal_number) {
    listeners_.clear();  // nobody shall wait for a server that does not come
    if (server_ <= 0) return last_status_;
    ::kill(server_, stopping_ ? SIGKILL : signal_number);
    stopping_ = true;
    return std::nullopt;
  }

 private:
  std::optional<int> on_server_end(int status) {
    // Its last words: it may have become ready a moment before it died.
    if (control_) on_control_message();
    server_ = -1;
    control_.reset();
    last_status_ = exit_status(status);
    const bool died = WIFSIGNALED(status) || (ready_ && WEXITSTATUS(status) != 0);
    if (!died) return last_status_;
    if (stopping_) {
      if (WIFSIGNALED(status)) say("the server " + how_it_ended(status));
      return last_status_;
    }
    end_launcher();  // with all sandboxes; two launchers must not sweep after each other
    const auto now = Clock::now();
    if (server_deaths_.note(now) == Deaths::Verdict::kGiveUp) {
      say(fmt::format("the server {}, {} times within {} s; giving up", how_it_ended(status), server_deaths_.count(),
                      kRestartWindow.count()));
      return last_status_;
    }
    const auto pause = server_deaths_.pause();
    say(fmt::format("the server {}; starting another{} (restart {} of at most {} within {} s)", how_it_ended(status),
                    pause.count() == 0 ? std::string() : fmt::format(" in {} ms", pause.count()),
                    server_deaths_.count(), kMaxRestarts, kRestartWindow.count()));
    start_at_ = now + pause;
    return std::nullopt;
  }

  void restart_launcher(int status) {
    if (stopping_ || server_ <= 0) return;
    if (launcher_deaths_.note(Clock::now()) == Deaths::Verdict::kGiveUp) {
      say("the launcher keeps dying; stopping the server");
      (void)on_stop_signal(SIGTERM);  // there is a server to wait for
      return;
    }
    say("the launcher " + how_it_ended(status) + "; starting another");
    auto pair = make_socket_pair();
    if (!pair) return say(pair.error().message());
    auto started = start_launcher(options_, std::move(pair->theirs));
    if (!started) return say(started.error().message());
    launcher_ = *started;
    const int socket = pair->ours.get();
    if (auto sent = send_sockets(control_.get(), {&socket, 1}); !sent) say(sent.error().message());
  }

  // The launcher ends by itself when the server's end of its socket closes; it is waited for, then killed.
  void end_launcher() {
    if (launcher_ <= 0) return;
    constexpr int kPatienceMs = 5000;  // killing a thousand sandboxes takes the launcher well under a second
    const UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, launcher_, 0)));
    pollfd wait{pidfd.get(), POLLIN, 0};
    if (!pidfd || ::poll(&wait, 1, kPatienceMs) <= 0) ::kill(launcher_, SIGKILL);
    ::waitpid(launcher_, nullptr, 0);
    launcher_ = -1;
  }

  const SupervisorOptions& options_;
  ServerMain& main_;
  pid_t launcher_ = -1;
  pid_t server_ = -1;
  UniqueFd control_;
  std::vector<UniqueFd> listeners_;
  bool ready_ = false;
  bool stopping_ = false;
  int last_status_ = 0;
  Deaths server_deaths_;
  Deaths launcher_deaths_;
  std::optional<Clock::time_point> start_at_;
};

}  // namespace

void become_launcher(const SupervisorOptions& options, const std::vector<std::string>& further, pid_t parent) {
  reset_child_signals(parent, SIGTERM);  // for it to take its sandboxes and their cgroups down
  if (options.launcher == SupervisorOptions::Launcher::kAsUser) {
    // The change of uid clears the death signal.
    if (!drop_privileges(options.user) || ::prctl(PR_SET_PDEATHSIG, SIGTERM) != 0) ::_exit(126);
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
  const UniqueFd signals(::signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals) return fail(SupervisorError::kSystem, errno_text("signalfd"));

  Family family(options, server);
  TRY_STATUS(family.start());
  release_startup_memory();
  for (;;) {
    int timeout_ms = -1;
    if (const auto due = family.start_at()) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(*due - Clock::now());
      if (left.count() <= 0) {
        TRY_STATUS(family.start());
        continue;
      }
      timeout_ms = static_cast<int>(left.count());
    }
    std::array<pollfd, 2> waiting{{{signals.get(), POLLIN, 0}, {family.control(), POLLIN, 0}}};
    if (::poll(waiting.data(), waiting.size(), timeout_ms) < 0 && errno != EINTR) {
      return fail(SupervisorError::kSystem, errno_text("poll"));
    }
    if (waiting[1].revents != 0) family.on_control_message();
    if (waiting[0].revents == 0) continue;
    signalfd_siginfo info{};
    const ssize_t got = ::read(signals.get(), &info, sizeof info);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got != sizeof info) return fail(SupervisorError::kSystem, errno_text("read from signalfd"));
    const auto status =
        info.ssi_signo == SIGCHLD ? family.on_child_signal() : family.on_stop_signal(static_cast<int>(info.ssi_signo));
    if (status) return *status;
  }
}

}  // namespace hearth::main
