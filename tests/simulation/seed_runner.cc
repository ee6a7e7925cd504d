#include "seed_runner.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <utility>

#include "base/check.h"
#include "base/unique_fd.h"

namespace hearth::simulation {
namespace {

constexpr std::chrono::seconds kRealPatience{
    180};  // of the machine the simulation runs on; a story takes a fraction of one

std::string render(const StoryEnd& end) {
  std::string text = fmt::format("{}\n{} {} {} {} {}\n", end.trace_hash, end.lines, end.invocations, end.runs,
                                 end.lives, end.virtual_seconds);
  for (std::string violation : end.violations) {
    std::ranges::replace(violation, '\n', ' ');
    text += violation + "\n";
  }
  return text + "whole\n";
}

std::optional<StoryEnd> parse(const std::string& text) {
  if (!text.ends_with("whole\n")) return std::nullopt;
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t stop = text.find('\n', at);
    lines.push_back(text.substr(at, stop - at));
    at = stop + 1;
  }
  lines.pop_back();
  StoryEnd end;
  end.trace_hash = lines.at(0);
  std::sscanf(lines.at(1).c_str(), "%lu %lu %lu %lu %lu", &end.lines, &end.invocations, &end.runs, &end.lives,
              &end.virtual_seconds);
  end.violations.assign(lines.begin() + 2, lines.end());
  return end;
}

[[noreturn]] void tell_in_child(const StoryOptions& options, const std::string& folder, int result) {
  if (::chdir(folder.c_str()) != 0) std::_Exit(3);
  const std::string text = render(tell(options));
  std::fflush(stdout);
  const ssize_t written = ::write(result, text.data(), text.size());
  // Not exit(): what a power cut ended must not be destroyed now.
  std::_Exit(written == static_cast<ssize_t>(text.size()) ? 0 : 4);
}

// A child that tells a story.
class Child {
 public:
  explicit Child(StoryOptions options) : options_(options) {
    const bool has_memory = ::access("/dev/shm", W_OK) == 0;
    std::string pattern = std::string(has_memory ? "/dev/shm" : "/tmp") + "/hearth-simulation-XXXXXX";
    HEARTH_CHECK(::mkdtemp(pattern.data()) != nullptr, "mkdtemp");
    folder_ = pattern;
    int ends[2];
    HEARTH_CHECK(::pipe2(ends, O_CLOEXEC) == 0, "pipe2");
    result_ = UniqueFd(ends[0]);
    const UniqueFd write_end(ends[1]);
    pid_ = ::fork();
    HEARTH_CHECK(pid_ >= 0, "fork");
    if (pid_ == 0) tell_in_child(options_, folder_, write_end.get());
  }
  ~Child() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  int fd() const { return result_.get(); }
  bool is_late() const {
    const auto elapsed = std::chrono::steady_clock::now() - started_;
    if (elapsed <= kRealPatience) return false;
    std::ifstream file(fmt::format("/proc/{}/schedstat", pid_));
    std::string schedstat;
    std::getline(file, schedstat);
    return time_it_was_given(elapsed, schedstat) > kRealPatience;
  }
  // Reads what is there. True at the end.
  bool read_more() {
    char buffer[4096];
    const ssize_t got = ::read(result_.get(), buffer, sizeof(buffer));
    if (got > 0) text_.append(buffer, static_cast<std::size_t>(got));
    return got <= 0;
  }
  SeedResult finish(bool is_hanging) {
    if (is_hanging) ::kill(pid_, SIGKILL);
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    SeedResult result{.seed = options_.seed, .end = {}};
    if (auto end = parse(text_)) result.end = *std::move(end);
    if (is_hanging) {
      result.end.violations.emplace_back("the simulation itself hangs");
    } else if (status != 0) {
      result.end.violations.push_back(WIFSIGNALED(status)
                                          ? fmt::format("it crashed: signal {}", WTERMSIG(status))
                                          : fmt::format("it ended with status {}", WEXITSTATUS(status)));
    }
    return result;
  }

 private:
  StoryOptions options_;
  std::string folder_;
  UniqueFd result_;
  pid_t pid_ = -1;
  std::string text_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

}  // namespace

std::chrono::nanoseconds time_it_was_given(std::chrono::nanoseconds elapsed, const std::string& schedstat) {
  std::uint64_t ran = 0;
  std::uint64_t waited = 0;
  if (std::sscanf(schedstat.c_str(), "%lu %lu", &ran, &waited) != 2) return elapsed;
  return std::max(elapsed - std::chrono::nanoseconds(waited), std::chrono::nanoseconds(ran));
}

SeedResult run_seed(const StoryOptions& options) {
  SeedResult only;
  run_seeds(options, options.seed, options.seed, 1, [&](const SeedResult& result) {
    only = result;
    return true;
  });
  return only;
}

void run_seeds(StoryOptions options, std::uint64_t first, std::uint64_t last, unsigned jobs,
               const std::function<bool(const SeedResult&)>& on_result) {
  std::vector<std::unique_ptr<Child>> children;
  std::uint64_t next = first;
  while (next <= last || !children.empty()) {
    while (next <= last && children.size() < std::max(jobs, 1U)) {
      options.seed = next++;
      std::fflush(stdout);
      children.push_back(std::make_unique<Child>(options));
    }
    std::vector<pollfd> waiting;
    for (const auto& child : children) waiting.push_back({.fd = child->fd(), .events = POLLIN, .revents = 0});
    ::poll(waiting.data(), waiting.size(), 1000);
    for (std::size_t i = children.size(); i-- > 0;) {
      const bool has_ended = waiting[i].revents != 0 && children[i]->read_more();
      const bool is_hanging = !has_ended && children[i]->is_late();
      if (!has_ended && !is_hanging) continue;
      const SeedResult result = children[i]->finish(is_hanging);
      children.erase(children.begin() + static_cast<std::ptrdiff_t>(i));
      if (!on_result(result)) return;
    }
  }
}

}  // namespace hearth::simulation
