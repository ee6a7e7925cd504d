#include "launcher/init.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>

#include "base/barriers.h"
#include "launcher/process_tree.h"
#include "launcher/sys.h"

namespace hearth::launcher {
namespace {

constexpr int kExitAfterFailure = 70;

void send(int control, const Report& report) {
  // One packet; the launcher drains it. If the launcher is gone nobody is left to tell.
  while (::send(control, &report, sizeof report, MSG_NOSIGNAL) < 0 && errno == EINTR) {
  }
}

void forget_signal_handling() {
  struct sigaction standard{};
  standard.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) ::sigaction(number, &standard, nullptr);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> list;
  for (const std::string& text : strings) list.push_back(const_cast<char*>(text.c_str()));
  list.push_back(nullptr);
  return list;
}

// Starts the runtime with a copy of nothing but page tables shared until exec (vfork), so that the launcher's memory
// need not be copied. The child does nothing but exec; `exec_error` is in the shared memory.
__attribute__((noinline)) pid_t start_runtime(const InitPlan& plan, char* const* argv, char* const* env,
                                              volatile int& confine_error, volatile int& exec_error) {
  const pid_t pid = ::vfork();
  if (pid != 0) return pid;
  ::setsid();
  forget_signal_handling();
  if (plan.confine_runtime != nullptr) {
    confine_error = plan.confine_runtime(plan.confine_argument);
    if (confine_error != 0) ::_exit(kExitAfterFailure);
  }
  ::execve(argv[0], argv, env);
  exec_error = errno;
  ::_exit(kExitAfterFailure);
}

void signal_everything(Reach reach, int number) {
  if (reach != Reach::kMachine) {
    ::kill(-1, number);
    return;
  }
  for (const pid_t pid : descendants(::getpid())) ::kill(pid, number);
}

// Until nothing is left. What is killed may have started others meanwhile.
void kill_everything(Reach reach) {
  for (;;) {
    signal_everything(reach, SIGKILL);
    int status = 0;
    const pid_t pid = ::waitpid(-1, &status, __WALL);
    if (pid < 0 && errno != EINTR) return;
  }
}

// Reaps every ended child. True once the runtime was among them, with its status in `status`.
bool reap(pid_t runtime, int& status) {
  bool ended = false;
  for (;;) {
    int one = 0;
    const pid_t pid = ::waitpid(-1, &one, WNOHANG | __WALL);
    if (pid <= 0) return ended;
    if (pid == runtime) {
      ended = true;
      status = one;
    }
  }
}

void obey(Command command, pid_t runtime, Reach reach) {
  switch (command) {
    case Command::kTerminate:
      ::kill(runtime, SIGTERM);
      return;
    case Command::kStop:
      return signal_everything(reach, SIGSTOP);
    case Command::kContinue:
      return signal_everything(reach, SIGCONT);
    case Command::kKill:
      return signal_everything(reach, SIGKILL);  // the runtime's end, seen next, ends the rest
  }
}

}  // namespace

void report_failure(int control, const char* step, int error) {
  Report report;
  report.stage = Report::Stage::kFailed;
  report.error = error;
  const std::string_view text = step;
  text.copy(report.step, std::min(text.size(), sizeof report.step - 1));
  send(control, report);
  ::_exit(kExitAfterFailure);
}

void run_init(int control, const InitPlan& plan) {
  sigset_t watched;
  sigemptyset(&watched);
  sigaddset(&watched, SIGCHLD);
  ::sigprocmask(SIG_SETMASK, &watched, nullptr);
  const int signals = ::signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signals < 0) report_failure(control, "init: signalfd", errno);

  const std::vector<char*> argv_pointers = pointers(plan.argv);
  const std::vector<char*> env_pointers = pointers(plan.env);
  volatile int confine_error = 0;
  volatile int exec_error = 0;
  const pid_t runtime = start_runtime(plan, argv_pointers.data(), env_pointers.data(), confine_error, exec_error);
  if (runtime < 0) report_failure(control, "init: vfork", errno);
  if (confine_error != 0) report_failure(control, "confining the runtime", confine_error);
  if (exec_error != 0) report_failure(control, ("starting " + plan.argv.front()).c_str(), exec_error);
  // The runtime has its own copies of the output pipes; held here they would never see end of file.
  for (int fd = 0; fd < control; ++fd) ::close(fd);
  // A Landlock rule names the runtime's folder in /proc as it is in memory now: held, it is not made anew.
  const bool holds_rules = plan.confine_runtime != nullptr;
  const UniqueFd runtime_folder(
      holds_rules ? ::open(("/proc/" + std::to_string(runtime)).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC) : -1);
  Report report;
  report.stage = Report::Stage::kStarted;
  send(control, report);

  pollfd waits[] = {{.fd = signals, .events = POLLIN, .revents = 0}, {.fd = control, .events = POLLIN, .revents = 0}};
  for (;;) {
    if (::poll(waits, std::size(waits), -1) < 0 && errno != EINTR) ::_exit(kExitAfterFailure);
    signalfd_siginfo ignored;
    while (::read(signals, &ignored, sizeof ignored) > 0) {
    }
    int status = 0;
    if (reap(runtime, status)) {
      report.stage = Report::Stage::kExited;
      report.code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
      report.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
      if (plan.reach != Reach::kNamespace) kill_everything(plan.reach);
      send(control, report);
      ::_exit(0);
    }
    char command = 0;
    const ssize_t count = ::recv(control, &command, 1, MSG_DONTWAIT);
    if (count == 0 && barrier_up(Barrier::kInitWatchesLauncher)) {
      if (plan.reach != Reach::kNamespace) kill_everything(plan.reach);
      ::_exit(kExitAfterFailure);
    }
    if (count > 0) obey(static_cast<Command>(command), runtime, plan.reach);
  }
}

}  // namespace hearth::launcher
