#include "environment/runtime_process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>

#include "base/unique_fd.h"

namespace hearth::environment {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::size_t kMaxOutput = std::size_t{1} << 20U;
constexpr std::size_t kMaxErrorShown = 2000;

struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> fds{};
  if (::pipe2(fds.data(), O_CLOEXEC) != 0) {
    return fail(ProcessError::kNotStarted, std::string("pipe: ") + std::strerror(errno));
  }
  return Pipe{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

std::string find_program(const std::string& name, const std::string& search_path) {
  if (name.find('/') != std::string::npos) return name;
  std::size_t begin = 0;
  while (begin <= search_path.size()) {
    const std::size_t end = std::min(search_path.find(':', begin), search_path.size());
    const std::string candidate = search_path.substr(begin, end - begin) + "/" + name;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    begin = end + 1;
  }
  return {};
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (const auto& string : strings) result.push_back(const_cast<char*>(string.c_str()));
  result.push_back(nullptr);
  return result;
}

// Spawn attributes and file actions, released together.
class SpawnPlan {
 public:
  SpawnPlan() {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawnattr_init(&attributes_);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }

  // 0 or an errno.
  int prepare(const Pipe& out, const Pipe& err, const std::string& directory) {
    sigset_t defaults;
    sigset_t none;
    sigemptyset(&none);
    sigfillset(&defaults);
    for (const int result :
         {::posix_spawn_file_actions_addopen(&actions_, 0, "/dev/null", O_RDONLY, 0),
          ::posix_spawn_file_actions_adddup2(&actions_, out.write_end.get(), 1),
          ::posix_spawn_file_actions_adddup2(&actions_, err.write_end.get(), 2),
          ::posix_spawn_file_actions_addchdir_np(&actions_, directory.c_str()),
          ::posix_spawnattr_setpgroup(&attributes_, 0), ::posix_spawnattr_setsigmask(&attributes_, &none),
          ::posix_spawnattr_setsigdefault(&attributes_, &defaults),
          ::posix_spawnattr_setflags(&attributes_,
                                     POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF)}) {
      if (result != 0) return result;
    }
    return 0;
  }

  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

// Reads both pipes to their ends. False: the deadline passed first.
bool drain(Pipe& out, Pipe& err, std::string& output, std::string& errors, Steady::time_point deadline) {
  std::array<UniqueFd*, 2> fds{&out.read_end, &err.read_end};
  std::array<std::string*, 2> targets{&output, &errors};
  while (*fds[0] || *fds[1]) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Steady::now()).count();
    if (left <= 0) return false;
    std::array<pollfd, 2> polls{{{fds[0]->get(), POLLIN, 0}, {fds[1]->get(), POLLIN, 0}}};
    if (::poll(polls.data(), polls.size(), static_cast<int>(left)) < 0 && errno != EINTR) return false;
    for (std::size_t i = 0; i < polls.size(); ++i) {
      if (polls[i].revents == 0) continue;
      std::array<char, 8192> buffer{};
      const ssize_t size = ::read(polls[i].fd, buffer.data(), buffer.size());
      if (size < 0 && errno == EINTR) continue;
      if (size <= 0) {
        fds[i]->reset();
      } else if (targets[i]->size() < kMaxOutput) {
        targets[i]->append(buffer.data(), static_cast<std::size_t>(size));
      }
    }
  }
  return true;
}

// Output may end before the process does: it gets the rest of the deadline. Unset: it did not end.
std::optional<int> wait_until(pid_t pid, Steady::time_point deadline) {
  const UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  for (;;) {
    int status = 0;
    const pid_t ended = ::waitpid(pid, &status, WNOHANG);
    if (ended == pid) return status;
    if (ended < 0 && errno != EINTR) return 0;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Steady::now()).count();
    if (left <= 0) return std::nullopt;
    pollfd poll{pidfd.get(), POLLIN, 0};
    if (::poll(&poll, 1, static_cast<int>(left)) < 0 && errno != EINTR) return std::nullopt;
  }
}

std::string tail(const std::string& text) {
  std::string shown = text.size() > kMaxErrorShown ? text.substr(text.size() - kMaxErrorShown) : text;
  while (!shown.empty() && shown.back() == '\n') shown.pop_back();
  return shown;
}

}  // namespace

Result<std::string> run_process(const ProcessSpec& spec) {
  const std::string program = find_program(spec.argv.front(), spec.search_path);
  if (program.empty()) {
    return fail(ProcessError::kNotStarted, spec.argv.front() + ": not found in " + spec.search_path);
  }
  TRY(Pipe out, make_pipe());
  TRY(Pipe err, make_pipe());
  SpawnPlan plan;
  if (const int error = plan.prepare(out, err, spec.directory); error != 0) {
    return fail(ProcessError::kNotStarted, program + ": " + std::strerror(error));
  }
  pid_t pid = -1;
  const auto argv = pointers(spec.argv);
  const auto env = pointers(spec.env);
  const int error = ::posix_spawn(&pid, program.c_str(), &plan.actions_, &plan.attributes_, argv.data(), env.data());
  if (error != 0) return fail(ProcessError::kNotStarted, program + ": " + std::strerror(error));
  out.write_end.reset();
  err.write_end.reset();

  const auto deadline = Steady::now() + spec.deadline;
  std::string output;
  std::string errors;
  std::optional<int> status;
  if (drain(out, err, output, errors, deadline)) status = wait_until(pid, deadline);
  if (!status) {
    ::kill(-pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return fail(ProcessError::kTimeout,
                program + " did not end within " + std::to_string(spec.deadline.count()) + " ms");
  }
  if (!WIFEXITED(*status) || WEXITSTATUS(*status) != 0) {
    const std::string how = WIFSIGNALED(*status) ? "was killed by signal " + std::to_string(WTERMSIG(*status))
                                                 : "ended with status " + std::to_string(WEXITSTATUS(*status));
    return fail(ProcessError::kFailed, program + " " + how + (errors.empty() ? "" : ": " + tail(errors)));
  }
  return output;
}

}  // namespace hearth::environment
