#include "launcher/delegation.h"

#include <sys/xattr.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <system_error>

#include "launcher/sys.h"

namespace hearth::launcher {
namespace {

// Whether nobody else's processes are in the cgroup: only this process, its parent, and the parent's other children.
// The text of cgroup.procs lists them.
bool is_family(std::string_view processes) {
  const pid_t parent = ::getppid();
  while (!processes.empty()) {
    const std::string_view text = processes.substr(0, processes.find('\n'));
    processes.remove_prefix(std::min(text.size() + 1, processes.size()));
    pid_t pid = 0;
    std::from_chars(text.data(), text.data() + text.size(), pid);
    if (pid == ::getpid() || pid == parent) continue;
    const std::string status = sys::read_file(("/proc/" + std::string(text) + "/status").c_str());
    if (status.find("\nPPid:\t" + std::to_string(parent) + "\n") == std::string::npos) return false;
  }
  return true;
}

// systemd marks what it delegates; a cgroup that is ours alone serves as well. Anybody else's would have its
// processes moved about.
bool is_delegated(const std::string& path) {
  for (const char* file : {"", "/cgroup.procs", "/cgroup.subtree_control"}) {
    if (::access((path + file).c_str(), W_OK) != 0) return false;
  }
  char mark = 0;
  if (::getxattr(path.c_str(), "user.delegate", &mark, 1) == 1 && mark == '1') return true;
  return is_family(sys::read_file((path + "/cgroup.procs").c_str()));
}

// Whether the cgroup above holds nothing but this leaf, as when systemd puts a service into a subgroup of what it
// delegates: the controllers are there then.
bool is_only_leaf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string parent = path.substr(0, slash);
  if (!sys::read_file((path + "/cgroup.controllers").c_str()).empty()) return false;
  if (parent.empty() || ::access((parent + "/cgroup.subtree_control").c_str(), W_OK) != 0) return false;
  if (!sys::read_file((parent + "/cgroup.procs").c_str()).empty()) return false;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(parent, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (!entry->is_directory() || name == path.substr(slash + 1) || name.starts_with("hearth.")) continue;
    return false;
  }
  return !error;
}

}  // namespace

std::string parse_own_cgroup(std::string_view text) {
  constexpr std::string_view kV2 = "0::/";
  for (std::size_t at = 0; at < text.size(); at = std::min(text.find('\n', at), text.size() - 1) + 1) {
    const std::string_view line = text.substr(at, text.substr(at).find('\n'));
    if (line.starts_with(kV2)) return std::string(line.substr(kV2.size() - 1));
  }
  return {};
}

std::string find_delegated_cgroup(const std::vector<CgroupMount>& mounts, std::string_view leaf) {
  std::string own = parse_own_cgroup(sys::read_file("/proc/self/cgroup"));
  if (own.ends_with("/" + std::string(leaf))) own.resize(own.size() - leaf.size() - 1);
  if (own.empty()) return {};
  for (const CgroupMount& mount : mounts) {
    if (mount.version != CgroupVersion::kV2) continue;
    const std::string path = own == "/" ? mount.mount_point : mount.mount_point + own;
    if (!is_delegated(path)) continue;
    return is_only_leaf(path) ? path.substr(0, path.rfind('/')) : path;
  }
  return {};
}

}  // namespace hearth::launcher
