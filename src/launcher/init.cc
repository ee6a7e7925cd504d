#include "launcher/init.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>

#include "base/barriers.h"
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
__attribute__((noinline)) pid_t start_runtime(char* const* argv, char* const* env, volatile int& exec_error) {
  const pid_t pid = ::vfork();
  if (pid != 0) return pid;
  ::setsid();
  forget_signal_handling();
  ::execve(argv[0], argv, env);
  exec_error = errno;
  ::_exit(kExitAfterFailure);
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

void run_init(int control, const std::vector<std::string>& argv, const std::vector<std::string>& env) {
  sigset_t watched;
  sigemptyset(&watched);
  sigaddset(&watched, SIGCHLD);
  ::sigprocmask(SIG_SETMASK, &watched, nullptr);
  const int signals = ::signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signals < 0) report_failure(control, "init: signalfd", errno);

  const std::vector<char*> argv_pointers = pointers(argv);
  const std::vector<char*> env_pointers = pointers(env);
  volatile int exec_error = 0;
  const pid_t runtime = start_runtime(argv_pointers.data(), env_pointers.data(), exec_error);
  if (runtime < 0) report_failure(control, "init: vfork", errno);
  if (exec_error != 0) report_failure(control, ("starting " + argv.front()).c_str(), exec_error);
  // The runtime has its own copies of the output pipes; held here they would never see end of file.
  for (int fd = 0; fd < control; ++fd) ::close(fd);
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
      send(control, report);
      ::_exit(0);
    }
    char request = 0;
    const ssize_t count = ::recv(control, &request, 1, MSG_DONTWAIT);
    if (count == 0 && barrier_up(Barrier::kInitWatchesLauncher)) ::_exit(kExitAfterFailure);
    if (count > 0) ::kill(runtime, SIGTERM);
  }
}

}  // namespace hearth::launcher
