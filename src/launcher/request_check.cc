#include "launcher/request_check.h"

#include <algorithm>
#include <string>

#include "base/barriers.h"

namespace hearth::launcher {
namespace {

constexpr std::size_t kMaxName = 64;
constexpr std::size_t kMaxPath = 4095;
constexpr std::size_t kMaxMounts = 64;
// Below this not even the set-up of a sandbox fits.
constexpr std::uint64_t kMinMemoryBytes = std::uint64_t{8} << 20U;
constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 44U;
constexpr std::uint64_t kMaxInodes = 16U << 20U;
constexpr std::uint32_t kMaxPids = 32'768;
constexpr std::uint32_t kMaxOpenFiles = 1U << 20U;
constexpr std::uint32_t kMaxCpuMilli = 1'000'000;

// Where things may be attached: AWS's places for code and runtimes, and the trust bundle.
constexpr std::string_view kDestinations[] = {"/var/task", "/opt", "/var/runtime", "/var/lang"};
constexpr std::string_view kFileDestinations = "/etc/ssl/certs/";

std::unexpected<Error> refused(const std::string& why) { return fail(FailureKind::kRefused, why); }

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kMaxName && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

bool has_nul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

bool is_destination(std::string_view path) {
  if (!barrier_up(Barrier::kDestinationsListed)) return true;
  if (path.starts_with(kFileDestinations)) return true;
  return std::ranges::any_of(kDestinations, [&](std::string_view allowed) {
    return path == allowed || (path.starts_with(allowed) && path[allowed.size()] == '/');
  });
}

Status check_mounts(const CreateMessage& request) {
  if (request.mounts.size() > kMaxMounts) return refused("more than " + std::to_string(kMaxMounts) + " mounts");
  for (const Mount& mount : request.mounts) {
    if (!is_plain_absolute_path(mount.source))
      return refused("mount source '" + mount.source + "' is no plain absolute path");
    if (!is_plain_absolute_path(mount.destination) || !is_destination(mount.destination)) {
      return refused("nothing may be mounted on '" + mount.destination + "'");
    }
  }
  return {};
}

Status check_program(const CreateMessage& request) {
  if (request.argv.empty()) return refused("no program");
  if (!request.argv.front().starts_with('/'))
    return refused("program '" + request.argv.front() + "' is no absolute path");
  if (std::ranges::any_of(request.argv, has_nul)) return refused("an argument holds a NUL byte");
  for (const std::string& variable : request.env) {
    const std::size_t equals = variable.find('=');
    if (has_nul(variable) || equals == std::string::npos || equals == 0) {
      return refused("environment entry '" + variable.substr(0, std::min<std::size_t>(equals, 64)) +
                     "' is not NAME=value");
    }
  }
  if (request.working_directory != "/" && !is_plain_absolute_path(request.working_directory)) {
    return refused("working directory '" + request.working_directory + "' is no plain absolute path");
  }
  return {};
}

Status check_limits(const CreateMessage& request) {
  const auto within = [](std::uint64_t value, std::uint64_t low, std::uint64_t high) {
    return value >= low && value <= high;
  };
  if (!within(request.memory_bytes, kMinMemoryBytes, kMaxBytes)) return refused("memory limit out of range");
  if (!within(request.tmp_bytes, 4096, kMaxBytes)) return refused("size of /tmp out of range");
  if (!within(request.tmp_inodes, 2, kMaxInodes)) return refused("inodes of /tmp out of range");
  if (!within(request.cpu_milli, 0, kMaxCpuMilli)) return refused("processor quota out of range");
  if (!within(request.pids, 1, kMaxPids)) return refused("process limit out of range");
  if (!within(request.open_files, 16, kMaxOpenFiles)) return refused("open file limit out of range");
  return {};
}

}  // namespace

bool is_plain_absolute_path(std::string_view path) {
  if (path.size() < 2 || path.size() > kMaxPath || path.front() != '/' || has_nul(path)) return false;
  std::string_view rest = path.substr(1);
  for (;;) {
    const std::size_t slash = rest.find('/');
    const std::string_view part = rest.substr(0, slash);
    if (part.empty() || part == "." || part == "..") return false;
    if (slash == std::string_view::npos) return true;
    rest.remove_prefix(slash + 1);
  }
}

Status check_request(const CreateMessage& request) {
  if (!is_name(request.name)) return refused("sandbox name '" + request.name.substr(0, kMaxName) + "' is not allowed");
  TRY_STATUS(check_mounts(request));
  TRY_STATUS(check_program(request));
  return check_limits(request);
}

}  // namespace hearth::launcher
