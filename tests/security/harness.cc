#include "harness.h"

#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>

#include "launcher/landlock.h"

namespace hearth::security {
namespace {

int remaining_ms(SteadyTime deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  return static_cast<int>(std::max<std::int64_t>(0, left.count()));
}

// Waits until `fd` is readable or closed at the other end.
bool wait_readable(int fd, SteadyTime deadline) {
  pollfd wait{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&wait, 1, remaining_ms(deadline)) > 0;
}

using Created = Result<std::unique_ptr<sandbox::Sandbox>>;
net::Task<> create_into(sandbox::LauncherClient* client, sandbox::SandboxSpec spec, std::promise<Created>* out) {
  Created created = co_await client->create(std::move(spec));
  out->set_value(std::move(created));
}
net::Task<> stop_into(sandbox::LauncherClient* client, std::promise<void>* out) {
  co_await client->stop();
  out->set_value();
}

}  // namespace

std::chrono::milliseconds patience() {
  const char* factor = std::getenv("HEARTH_TIMEOUT_FACTOR");
  return std::chrono::seconds(20) * std::max(1, factor == nullptr ? 1 : std::atoi(factor));
}

std::string tier_under_test() {
  const char* named = std::getenv("HEARTH_TIER");
  return named == nullptr || *named == '\0' ? "namespace" : named;
}

namespace {
bool is_dropped() { return tier_under_test() != "namespace" && ::geteuid() == 0; }
}  // namespace

void give_to_launcher(const std::string& folder) {
  if (!is_dropped()) return;
  const auto give = [](const std::filesystem::path& path) {
    EXPECT_EQ(::lchown(path.c_str(), kOrdinaryUser, kOrdinaryUser), 0) << path;
  };
  give(folder);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) give(entry.path());
}

void become_ordinary() {
  if (!is_dropped()) return;
  if (::setgroups(0, nullptr) != 0 || ::setresgid(kOrdinaryUser, kOrdinaryUser, kOrdinaryUser) != 0 ||
      ::setresuid(kOrdinaryUser, kOrdinaryUser, kOrdinaryUser) != 0) {
    ::_exit(126);
  }
}

std::string reason_to_skip() {
  if (tier_under_test() == "namespace" && ::geteuid() != 0) return "building sandboxes needs root";
  if (tier_under_test() == "landlock" && launcher::landlock_abi() < launcher::kLandlockForSeveralOwners) {
    return "the landlock tier is refused on this kernel (Landlock ABI " + std::to_string(launcher::landlock_abi()) +
           ")";
  }
  return {};
}

Inside::Inside(net::Loop& loop, std::unique_ptr<sandbox::Sandbox> sandbox) : loop_(loop), sandbox_(std::move(sandbox)) {
  with_sandbox([this](sandbox::Sandbox& inside) {
    listeners_ = inside.take_listeners();
    stdout_ = inside.take_stdout();
    stderr_ = inside.take_stderr();
    log_pipe_ = inside.take_log_pipe();
    inside.on_exit([exited = exited_](sandbox::Exit exit) { exited->set_value(exit); });
  });
}

Inside::~Inside() {
  std::promise<void> done;
  loop_.post([&] {
    sandbox_.reset();
    done.set_value();
  });
  done.get_future().get();
}

std::string Inside::read_all(const UniqueFd& pipe) {
  std::string text;
  const SteadyTime deadline = std::chrono::steady_clock::now() + patience();
  char buffer[4096];
  while (wait_readable(pipe.get(), deadline)) {
    const ssize_t count = ::read(pipe.get(), buffer, sizeof buffer);
    if (count == 0) return text;
    if (count > 0) text.append(buffer, static_cast<std::size_t>(count));
  }
  ADD_FAILURE() << "the output did not end";
  return text;
}

std::optional<std::string> Inside::read_line() {
  const SteadyTime deadline = std::chrono::steady_clock::now() + patience();
  for (;;) {
    const std::size_t newline = line_buffer_.find('\n');
    if (newline != std::string::npos) {
      std::string line = line_buffer_.substr(0, newline);
      line_buffer_.erase(0, newline + 1);
      return line;
    }
    char buffer[4096];
    if (!wait_readable(stdout_.get(), deadline)) return std::nullopt;
    const ssize_t count = ::read(stdout_.get(), buffer, sizeof buffer);
    if (count == 0) return std::nullopt;
    if (count > 0) line_buffer_.append(buffer, static_cast<std::size_t>(count));
  }
}

std::optional<sandbox::Exit> Inside::wait_exit(std::chrono::milliseconds limit) {
  if (exit_.wait_for(limit) != std::future_status::ready) return std::nullopt;
  return exit_.get();
}

Harness::Harness(const std::string& left_out)
    : left_out_(left_out), log_(STDERR_FILENO, observe::Level::kError, observe::LogFormat::kText) {
  static std::atomic<int> instance = 0;
  prefix_ = "test-" + std::to_string(::getpid()) + "-" + std::to_string(instance++);
  folder_ = (std::filesystem::temp_directory_path() / ("hearth-" + prefix_)).string();
  std::filesystem::create_directories(folder_);
  give_to_launcher(folder_);
  UniqueFd socket = launch(prefix_, folder_, launcher_pid_, left_out_);
  client_ = std::make_unique<sandbox::LauncherClient>(loop_, log_, patience());
  client_->reconnect(std::move(socket));
  // Without a launcher the loop would run out of work and end.
  loop_.spawn(net::sleep_for(std::chrono::hours(24)));
  thread_ = std::thread([this] { loop_.run(); });
}

Harness::~Harness() {
  std::promise<void> stopped;
  loop_.post([&] { loop_.spawn(stop_into(client_.get(), &stopped)); });
  stopped.get_future().get();
  loop_.stop();
  thread_.join();
  client_.reset();
  if (launcher_pid_ > 0) {
    int status = 0;
    ::waitpid(launcher_pid_, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "the launcher ended with status " << status;
    EXPECT_TRUE(cgroup_directories().empty()) << cgroup_directories().front() << " was left behind";
  }
  std::filesystem::remove_all(folder_);
}

UniqueFd Harness::launch(const std::string& prefix, const std::string& source_folder, pid_t& pid,
                         const std::string& left_out) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) std::abort();
  UniqueFd ours(ends[0]);
  const UniqueFd theirs(ends[1]);
  const std::string socket_number = std::to_string(theirs.get());
  pid = ::fork();
  if (pid < 0) std::abort();
  if (pid == 0) {
    ::fcntl(theirs.get(), F_SETFD, 0);
    if (!left_out.empty()) ::setenv("HEARTH_LEFT_OUT", left_out.c_str(), 1);
    become_ordinary();
    const std::string scratch = source_folder + "/sandboxes-" + prefix;
    ::execl(left_out.empty() ? HEARTH_LAUNCHER : HEARTH_LAUNCHER_MUTANT, "hearth-launcher", "--socket-fd",
            socket_number.c_str(), "--prefix", prefix.c_str(), "--source-root", HEARTH_ATTACK_FOLDER, "--source-root",
            source_folder.c_str(), "--network-pool", "4", "--tier", tier_under_test().c_str(), "--scratch",
            scratch.c_str(), nullptr);
    ::_exit(127);
  }
  return ours;
}

void Harness::kill_launcher() {
  // Never a pid that is not a child of ours: -1 would be every process of the machine.
  if (launcher_pid_ <= 0) return;
  ::kill(launcher_pid_, SIGKILL);
  ::waitpid(launcher_pid_, nullptr, 0);
  launcher_pid_ = -1;
}

void Harness::replace_launcher() {
  kill_launcher();
  UniqueFd socket = launch(prefix_, folder_, launcher_pid_, left_out_);
  std::promise<void> done;
  loop_.post([&] {
    client_->reconnect(std::move(socket));
    done.set_value();
  });
  done.get_future().get();
}

sandbox::SandboxSpec Harness::spec(std::vector<std::string> arguments) {
  sandbox::SandboxSpec spec;
  spec.name = "t" + std::to_string(next_name_++);
  spec.mounts.push_back({HEARTH_ATTACK_FOLDER, "/var/task"});
  spec.argv = std::move(arguments);
  spec.argv.insert(spec.argv.begin(), "/var/task/attack");
  spec.env = {"PATH=/usr/bin:/bin"};
  spec.memory = ByteCount::mib(128);
  spec.tmp_size = ByteCount::mib(16);
  spec.tmp_inodes = 1024;
  spec.pids = 64;
  return spec;
}

Result<std::unique_ptr<sandbox::Sandbox>> Harness::create(sandbox::SandboxSpec spec) {
  std::promise<Created> created;
  loop_.post([&] { loop_.spawn(create_into(client_.get(), std::move(spec), &created)); });
  return created.get_future().get();
}

std::unique_ptr<Inside> Harness::start(sandbox::SandboxSpec spec) {
  auto created = create(std::move(spec));
  if (!created) {
    ADD_FAILURE() << created.error().message();
    return nullptr;
  }
  return std::make_unique<Inside>(loop_, std::move(*created));
}

std::vector<std::string> Harness::cgroup_directories(const std::string& prefix) {
  std::vector<std::string> found;
  std::error_code ignored;
  // Hierarchies are mounted one or two levels below.
  const auto look = [&](const std::filesystem::path& root) {
    const std::filesystem::path mine = root / ("hearth." + prefix);
    if (!std::filesystem::exists(mine, ignored)) return;
    found.push_back(mine.string());
    for (const auto& entry : std::filesystem::directory_iterator(mine, ignored)) {
      if (entry.is_directory(ignored)) found.push_back(entry.path().string());
    }
  };
  look("/sys/fs/cgroup");
  for (const auto& entry : std::filesystem::directory_iterator("/sys/fs/cgroup", ignored)) {
    if (entry.is_directory(ignored)) look(entry.path());
  }
  return found;
}

}  // namespace hearth::security
