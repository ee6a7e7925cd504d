#include "main/isolation.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>

#include "base/clock.h"
#include "base/unique_fd.h"
#include "main/data_access.h"

namespace hearth::main {
namespace {

constexpr std::chrono::seconds kPatience{20};
constexpr std::size_t kMaxComplaint = 8192;

struct Tier {
  config::Isolation setting;
  const char* name;
};
// The strongest first.
constexpr Tier kTiers[] = {{config::Isolation::kNamespace, "namespace"},
                           {config::Isolation::kUser, "user"},
                           {config::Isolation::kLandlock, "landlock"}};

Error no_isolation(std::string message) { return {CommandError::kNoIsolation, std::move(message)}; }

// What is written to `pipe` until its writers have closed it or time is up.
std::string read_all(const UniqueFd& pipe, SteadyTime deadline) {
  std::string text;
  std::array<char, 1024> buffer{};
  while (text.size() < kMaxComplaint) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd wait{.fd = pipe.get(), .events = POLLIN, .revents = 0};
    if (left.count() <= 0 || ::poll(&wait, 1, static_cast<int>(left.count())) <= 0) return text;
    const ssize_t got = ::read(pipe.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return text;
}

std::string as_sentence(std::string text) {
  constexpr std::string_view kName = "hearth-launcher: ";
  if (text.starts_with(kName)) text.erase(0, kName.size());
  while (!text.empty() && text.back() == '\n') text.pop_back();
  for (char& c : text) {
    if (c == '\n') c = ' ';
  }
  return text;
}

// Has the launcher build a sandbox. Error: what it says against it.
Status try_tier(const SupervisorOptions& options, const ChosenIsolation& chosen) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    return fail(CommandError::kSystem, fmt::format("pipe: {}", std::strerror(errno)));
  const UniqueFd complaints(ends[0]);
  UniqueFd writer(ends[1]);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return fail(CommandError::kSystem, fmt::format("fork: {}", std::strerror(errno)));
  if (pid == 0) {
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || ::dup2(null, STDIN_FILENO) < 0 || ::dup2(null, STDOUT_FILENO) < 0) ::_exit(126);
    if (::dup2(writer.get(), STDERR_FILENO) < 0) ::_exit(126);
    SupervisorOptions described = options;
    described.launcher = chosen.launcher;
    described.launcher_arguments = chosen.launcher_arguments;
    become_launcher(described, {"--describe"}, parent);
  }
  writer.reset();
  const std::string said = read_all(complaints, std::chrono::steady_clock::now() + kPatience);
  // Still running only if it took too long: what it says of itself is then cut off.
  int status = 0;
  pid_t ended = ::waitpid(pid, &status, WNOHANG);
  if (ended == 0) {
    pollfd nothing{.fd = -1, .events = 0, .revents = 0};
    ::poll(&nothing, 1, 100);
    ended = ::waitpid(pid, &status, WNOHANG);
  }
  if (ended == 0) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, &status, 0);
    return fail(CommandError::kNoIsolation, "the launcher did not answer");
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
    return fail(CommandError::kNoIsolation,
                fmt::format("{} cannot be run by user '{}'", options.launcher_path, options.user.name));
  }
  const std::string sentence = as_sentence(said);
  return fail(CommandError::kNoIsolation, sentence.empty() ? "the launcher failed without a word" : sentence);
}

ChosenIsolation plan(const Tier& tier, const config::Config& config, const std::string& data_folder) {
  ChosenIsolation chosen{.tier = tier.name, .launcher_arguments = {"--tier", tier.name}, .notes = {}};
  if (tier.setting != config::Isolation::kNamespace) chosen.launcher = SupervisorOptions::Launcher::kAsUser;
  if (tier.setting == config::Isolation::kLandlock) {
    chosen.launcher_arguments.insert(chosen.launcher_arguments.end(), {"--scratch", data_folder + "/sandboxes"});
    if (config.unsafe_single_tenant) chosen.launcher_arguments.emplace_back("--unsafe-single-tenant");
  }
  return chosen;
}

}  // namespace

Result<ChosenIsolation> choose_isolation(const config::Config& config, const SupervisorOptions& options,
                                         const std::string& data_folder) {
  const bool any = config.isolation == config::Isolation::kAuto;
  std::vector<std::string> reasons;
  for (const Tier& tier : kTiers) {
    if (!any && config.isolation != tier.setting) continue;
    ChosenIsolation chosen = plan(tier, config, data_folder);
    Status tried = tier.setting == config::Isolation::kNamespace && ::geteuid() != 0
                       ? Status(std::unexpected(no_isolation("it needs root")))
                       : try_tier(options, chosen);
    if (tried) {
      chosen.notes = std::move(reasons);
      return chosen;
    }
    reasons.push_back(fmt::format("isolation \"{}\" is not in force: {}", tier.name, tried.error().message()));
  }
  if (any) {
    std::string message = "functions cannot be kept apart on this machine, so nothing is started";
    for (const std::string& reason : reasons) message += "\n  " + reason;
    return std::unexpected(no_isolation(std::move(message)));
  }
  return std::unexpected(no_isolation(
      fmt::format("{}; mend that, or start with --isolation auto for the strongest there is", reasons.front())));
}

}  // namespace hearth::main
