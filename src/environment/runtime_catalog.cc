#include "environment/runtime_catalog.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <string_view>

#include "base/unique_fd.h"

namespace hearth::environment {
namespace {

constexpr std::string_view kBootstrap = "/bootstrap";

// What execve would say of a bootstrap that exists; AWS reports it in these words. Empty: it can run.
std::string why_not_executable(const std::string& host_path, const std::string& inside_path) {
  struct stat status{};
  const std::string prefix = "fork/exec " + inside_path + ": ";
  if (::stat(host_path.c_str(), &status) != 0 || (status.st_mode & 0111U) == 0) return prefix + "permission denied";
  const UniqueFd fd(::open(host_path.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, sizeof(Elf64_Ehdr)> head{};
  const ssize_t size = fd ? ::read(fd.get(), head.data(), head.size()) : -1;
  if (size >= 2 && head[0] == '#' && head[1] == '!') return {};
  if (size == static_cast<ssize_t>(sizeof(Elf64_Ehdr)) && std::memcmp(head.data(), ELFMAG, SELFMAG) == 0) {
    Elf64_Ehdr header{};
    std::memcpy(&header, head.data(), sizeof(header));
    if (header.e_machine == EM_X86_64) return {};
  }
  return prefix + "exec format error";
}

Result<std::vector<std::string>> provided_command(const std::string& code_tree, const std::string& opt_tree) {
  const std::array<std::pair<std::string, std::string>, 2> candidates{
      {{code_tree, "/var/task/bootstrap"}, {opt_tree, "/opt/bootstrap"}}};
  for (const auto& [tree, inside] : candidates) {
    if (tree.empty()) continue;
    const std::string host_path = tree + std::string(kBootstrap);
    struct stat status{};
    // A link may point to what exists only inside (/var/task/...): the sandbox decides about it.
    if (::lstat(host_path.c_str(), &status) != 0 || S_ISDIR(status.st_mode)) continue;
    if (!S_ISLNK(status.st_mode)) {
      if (std::string reason = why_not_executable(host_path, inside); !reason.empty()) {
        return fail(RuntimeError::kInvalidEntrypoint, std::move(reason));
      }
    }
    return std::vector<std::string>{inside};
  }
  return fail(RuntimeError::kInvalidEntrypoint,
              "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]");
}

}  // namespace

Result<std::vector<std::string>> command_line(const RuntimeChoice& choice, std::uint32_t memory_mib,
                                              const std::string& code_tree, const std::string& opt_tree) {
  if (choice.name.starts_with("provided")) return provided_command(code_tree, opt_tree);
  std::vector<std::string> argv = choice.argv;
  if (choice.name.starts_with("nodejs")) {
    // As AWS divides a function's memory: a tenth for the young generation, in two halves.
    const std::uint32_t young = memory_mib / 10;
    argv.insert(argv.begin() + 1, {"--max-semi-space-size=" + std::to_string(young / 2),
                                   "--max-old-space-size=" + std::to_string(memory_mib - young)});
  }
  return argv;
}

}  // namespace hearth::environment
