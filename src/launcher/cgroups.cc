#include "launcher/cgroups.h"

#include <dirent.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <csignal>
#include <memory>
#include <thread>

#include "base/barriers.h"
#include "launcher/delegation.h"
#include "launcher/protocol.h"
#include "launcher/sys.h"

namespace hearth::launcher {
namespace {

constexpr std::string_view kNames[] = {"memory", "cpu", "pids"};

// Of the names of launchers' directories.
constexpr const char* kOwnPrefix = "hearth.";
// Holds the processes that were in a container's own cgroup; see enable_controller().
constexpr const char* kHostLeaf = "hearth-host";

std::string_view name_of(Controller controller) { return kNames[static_cast<std::size_t>(controller)]; }

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    if (end > 0) parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

// mountinfo writes space, tab, newline and backslash as three octal digits.
std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned code = 0;
    if (text[i] == '\\' && i + 3 < text.size() + 0 &&
        std::from_chars(text.data() + i + 1, text.data() + i + 4, code, 8).ptr == text.data() + i + 4) {
      out.push_back(static_cast<char>(code));
      i += 3;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

bool contains(const std::vector<std::string>& list, std::string_view entry) {
  return std::ranges::find(list, entry) != list.end();
}

std::vector<std::string> child_directories(int directory) {
  std::vector<std::string> names;
  UniqueFd copy(::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!copy) return names;
  const std::unique_ptr<DIR, decltype([](DIR* open) { ::closedir(open); })> listing(::fdopendir(copy.get()));
  if (!listing) return names;
  [[maybe_unused]] const int now_owned_by_listing = copy.release();
  while (const dirent* entry = ::readdir(listing.get())) {
    const std::string_view name = entry->d_name;
    if (entry->d_type == DT_DIR && name != "." && name != "..") names.emplace_back(name);
  }
  return names;
}

// A container's own cgroup, seen as the root of its cgroup namespace, has processes in it, and v2 enables controllers
// for children only where there are none (EBUSY): they move into a leaf first.
int enable_controller(int root, std::string_view controller) {
  const std::string text = "+" + std::string(controller);
  int error = sys::write_file_at(root, "cgroup.subtree_control", text);
  if (error != EBUSY) return error;
  if (::mkdirat(root, kHostLeaf, 0755) != 0 && errno != EEXIST) return errno;
  const std::string processes = sys::read_file_at(root, "cgroup.procs");
  for (const std::string_view pid : split(processes, '\n')) {
    error = sys::write_file_at(root, (std::string(kHostLeaf) + "/cgroup.procs").c_str(), pid);
    if (error != 0 && error != ESRCH) return error;
  }
  return sys::write_file_at(root, "cgroup.subtree_control", text);
}

void kill_listed(std::string_view pids) {
  for (const std::string_view text : split(pids, '\n')) {
    pid_t pid = 0;
    std::from_chars(text.data(), text.data() + text.size(), pid);
    if (pid > 1) ::kill(pid, SIGKILL);
  }
}

// The directory of a launcher is locked as long as the launcher lives; so is it known to be abandoned.
bool try_lock(int directory) { return ::flock(directory, LOCK_EX | LOCK_NB) == 0; }

bool is_at(int directory, int parent, const std::string& name) {
  struct stat there{}, here{};
  return ::fstatat(parent, name.c_str(), &there, 0) == 0 && ::fstat(directory, &here) == 0 &&
         there.st_ino == here.st_ino;
}

Result<UniqueFd> make_own_directory(int root, const std::string& name, const std::string& path) {
  // Another launcher may take the new directory for abandoned before it is locked.
  for (int attempt = 0; attempt < 10; ++attempt) {
    if (::mkdirat(root, name.c_str(), 0755) != 0 && errno != EEXIST) break;
    UniqueFd directory(::openat(root, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory && errno == ENOENT) continue;
    if (!directory) break;
    if (!try_lock(directory.get())) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));  // being swept, or its launcher is just ending
      continue;
    }
    if (is_at(directory.get(), root, name)) return directory;
  }
  if (errno == EWOULDBLOCK) return fail(FailureKind::kFailed, "another launcher uses the name of " + path);
  return fail(FailureKind::kFailed, sys::error_text(path, errno));
}

// Removes what launchers left that were killed outright, whatever their prefix.
void sweep_abandoned(int root, const std::string& own_name, CgroupVersion version) {
  for (const std::string& name : child_directories(root)) {
    if (!name.starts_with(kOwnPrefix) || name == own_name) continue;
    const UniqueFd directory(::openat(root, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory || !try_lock(directory.get())) continue;
    for (const std::string& child : child_directories(directory.get())) {
      for (int attempt = 0; attempt < 100; ++attempt) {
        if (version == CgroupVersion::kV2) sys::write_file_at(directory.get(), (child + "/cgroup.kill").c_str(), "1");
        if (version == CgroupVersion::kV1) {
          kill_listed(sys::read_file_at(directory.get(), (child + "/cgroup.procs").c_str()));
        }
        if (::unlinkat(directory.get(), child.c_str(), AT_REMOVEDIR) == 0 || errno != EBUSY) break;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    }
    ::unlinkat(root, name.c_str(), AT_REMOVEDIR);
  }
}

}  // namespace

std::vector<CgroupMount> parse_cgroup_mounts(std::string_view mountinfo) {
  std::vector<CgroupMount> mounts;
  for (const std::string_view line : split(mountinfo, '\n')) {
    const std::size_t dash = line.find(" - ");
    if (dash == std::string_view::npos) continue;
    const auto head = split(line.substr(0, dash), ' ');
    const auto tail = split(line.substr(dash + 3), ' ');
    if (head.size() < 6 || tail.size() < 3) continue;
    CgroupMount mount{.mount_point = unescape(head[4])};
    if (tail[0] == "cgroup2") {
      mount.version = CgroupVersion::kV2;
    } else if (tail[0] == "cgroup") {
      for (const std::string_view option : split(tail[2], ',')) {
        if (option == "memory" || option == "cpu" || option == "pids" || option == "freezer") {
          mount.controllers.emplace_back(option);
        }
      }
      if (mount.controllers.empty()) continue;
    } else {
      continue;
    }
    mounts.push_back(std::move(mount));
  }
  return mounts;
}

namespace {

bool is_limited(Controller controller) {
  switch (controller) {
    case Controller::kMemory:
      return barrier_up(Barrier::kMemoryLimit);
    case Controller::kCpu:
      return barrier_up(Barrier::kCpuLimit);
    case Controller::kPids:
      return barrier_up(Barrier::kPidsLimit);
  }
  return true;
}

}  // namespace

std::vector<LimitWrite> limit_writes(Controller controller, CgroupVersion version, const CgroupLimits& limits) {
  using enum LimitWrite::Need;
  const bool v2 = version == CgroupVersion::kV2;
  switch (controller) {
    case Controller::kMemory: {
      const std::string bytes = std::to_string(limits.memory_bytes);
      if (v2) return {{"memory.max", bytes}, {"memory.swap.max", "0", kIfPresent}};
      // memory.memsw limits memory and swap together, so an equal value means no swap; it exists with swap accounting.
      return {{"memory.limit_in_bytes", bytes}, {"memory.memsw.limit_in_bytes", bytes, kIfPresent}};
    }
    case Controller::kCpu: {
      if (limits.cpu_milli == 0) return {};
      // A short period spares small functions long stalls; the kernel's least quota is 1 ms.
      const std::uint32_t period_us = limits.cpu_milli >= 50 ? 20'000 : 100'000;
      const std::uint64_t quota_us =
          std::max<std::uint64_t>(1'000, std::uint64_t{limits.cpu_milli} * period_us / 1'000);
      if (v2) return {{"cpu.max", std::to_string(quota_us) + " " + std::to_string(period_us)}};
      return {{"cpu.cfs_period_us", std::to_string(period_us)}, {"cpu.cfs_quota_us", std::to_string(quota_us)}};
    }
    case Controller::kPids:
      return {{"pids.max", std::to_string(limits.pids)}};
  }
  return {};
}

std::uint64_t parse_oom_kills(std::string_view text) {
  for (const std::string_view line : split(text, '\n')) {
    const auto words = split(line, ' ');
    if (words.size() != 2 || words[0] != "oom_kill") continue;
    std::uint64_t count = 0;
    std::from_chars(words[1].data(), words[1].data() + words[1].size(), count);
    return count;
  }
  return 0;
}

Result<Cgroups::Hierarchy> Cgroups::open_hierarchy(const CgroupMount& mount, const std::string& prefix) {
  Hierarchy hierarchy{.version = mount.version};
  UniqueFd root(::open(mount.mount_point.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root) return fail(FailureKind::kFailed, sys::error_text(mount.mount_point, errno));
  const std::string name = kOwnPrefix + prefix;
  hierarchy.path = mount.mount_point + "/" + name;
  TRY(hierarchy.directory, make_own_directory(root.get(), name, hierarchy.path));
  sweep_abandoned(root.get(), name, mount.version);

  std::vector<std::string> available = mount.controllers;
  if (mount.version == CgroupVersion::kV2) {
    const std::string listed = sys::read_file_at(root.get(), "cgroup.controllers");
    for (const std::string_view word : split(listed, ' ')) {
      available.emplace_back(word.substr(0, word.find('\n')));
    }
  }
  for (const Controller controller : {Controller::kMemory, Controller::kCpu, Controller::kPids}) {
    if (!contains(available, name_of(controller))) continue;
    if (mount.version == CgroupVersion::kV2) {
      if (enable_controller(root.get(), name_of(controller)) != 0) continue;
      if (enable_controller(hierarchy.directory.get(), name_of(controller)) != 0) continue;
    }
    hierarchy.controllers.push_back(controller);
  }
  hierarchy.freezer_v1 = mount.version == CgroupVersion::kV1 && contains(available, "freezer");
  hierarchy.parent = std::move(root);
  return hierarchy;
}

Result<Cgroups> Cgroups::open(const std::string& prefix) {
  Cgroups cgroups;
  std::vector<CgroupMount> mounts = parse_cgroup_mounts(sys::read_file("/proc/self/mountinfo"));
  const bool has_v2 = std::ranges::any_of(mounts, [](const auto& m) { return m.version == CgroupVersion::kV2; });
  if (!has_v2) {
    // The v2 tree exists in the kernel even where nobody mounted it. Ours is seen in our mount namespace alone.
    if (::mount("none", "/sys/fs/cgroup", "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) == 0) {
      // It covers v1 hierarchies mounted below, so only the descriptors of our directories are kept.
      TRY(Hierarchy hierarchy,
          open_hierarchy({.version = CgroupVersion::kV2, .mount_point = "/sys/fs/cgroup"}, prefix));
      cgroups.hierarchies_.push_back(std::move(hierarchy));
      ::umount2("/sys/fs/cgroup", MNT_DETACH);
    }
  }
  // v2 first, so that a controller it carries is not looked for elsewhere; v1 mounts may repeat (bind mounts).
  std::ranges::sort(mounts, {},
                    [](const auto& m) { return std::pair(m.version != CgroupVersion::kV2, m.mount_point); });
  for (const CgroupMount& mount : mounts) {
    const bool needed =
        mount.version == CgroupVersion::kV2
            ? cgroups.unified() == nullptr
            : std::ranges::any_of(mount.controllers, [&](const std::string& name) {
                if (name == "freezer") return cgroups.unified() == nullptr;
                for (const Controller controller : {Controller::kMemory, Controller::kCpu, Controller::kPids}) {
                  if (name == name_of(controller)) return cgroups.with(controller) == nullptr;
                }
                return false;
              });
    if (!needed) continue;
    auto hierarchy = open_hierarchy(mount, prefix);
    if (hierarchy) cgroups.hierarchies_.push_back(std::move(*hierarchy));
  }
  cgroups.sweep();
  return cgroups;
}

Result<Cgroups> Cgroups::open_delegated(const std::string& prefix) {
  Cgroups cgroups;
  const std::vector<CgroupMount> mounts = parse_cgroup_mounts(sys::read_file("/proc/self/mountinfo"));
  if (const std::string path = find_delegated_cgroup(mounts, kHostLeaf); !path.empty()) {
    TRY(Hierarchy hierarchy, open_hierarchy({.version = CgroupVersion::kV2, .mount_point = path}, prefix));
    cgroups.hierarchies_.push_back(std::move(hierarchy));
    cgroups.sweep();
  }
  return cgroups;
}

Cgroups::~Cgroups() {
  for (const Hierarchy& hierarchy : hierarchies_) {
    if (!hierarchy.parent) continue;
    const std::string name = hierarchy.path.substr(hierarchy.path.rfind('/') + 1);
    ::unlinkat(hierarchy.parent.get(), name.c_str(), AT_REMOVEDIR);  // stays while a sandbox is in it: swept later
  }
}

const Cgroups::Hierarchy* Cgroups::unified() const {
  const auto found = std::ranges::find(hierarchies_, CgroupVersion::kV2, &Hierarchy::version);
  return found == hierarchies_.end() ? nullptr : &*found;
}

const Cgroups::Hierarchy* Cgroups::with(Controller controller) const {
  for (const Hierarchy& hierarchy : hierarchies_) {
    if (std::ranges::find(hierarchy.controllers, controller) != hierarchy.controllers.end()) return &hierarchy;
  }
  return nullptr;
}

void Cgroups::sweep() const {
  std::vector<std::string> stale;
  for (const Hierarchy& hierarchy : hierarchies_) {
    for (std::string& name : child_directories(hierarchy.directory.get())) {
      if (!contains(stale, name)) stale.push_back(std::move(name));
    }
  }
  for (const std::string& name : stale) kill(name);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  for (const std::string& name : stale) {
    while (!remove(name) && std::chrono::steady_clock::now() < deadline) {
      kill(name);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
}

Status Cgroups::open_server_files(Cgroup& cgroup, const Hierarchy& hierarchy, int directory) const {
  const auto open_file = [directory](UniqueFd& fd, const char* name, int flags) {
    fd.reset(::openat(directory, name, flags | O_CLOEXEC));
  };
  const bool v2 = hierarchy.version == CgroupVersion::kV2;
  if (v2) {
    open_file(cgroup.freeze, "cgroup.freeze", O_WRONLY);
    open_file(cgroup.kill, "cgroup.kill", O_WRONLY);  // since Linux 5.14
  } else if (hierarchy.freezer_v1) {
    open_file(cgroup.freezer_state, "freezer.state", O_WRONLY);
  }
  if (&hierarchy == with(Controller::kCpu)) open_file(cgroup.cpu_quota, v2 ? "cpu.max" : "cpu.cfs_quota_us", O_WRONLY);
  if (&hierarchy == with(Controller::kMemory)) {
    open_file(cgroup.memory_stat, "memory.stat", O_RDONLY);
    open_file(cgroup.memory_current, v2 ? "memory.current" : "memory.usage_in_bytes", O_RDONLY);
    open_file(cgroup.memory_limit, v2 ? "memory.max" : "memory.limit_in_bytes", O_RDWR);
    // memory.peak can be reset, and so opened for writing, since Linux 6.12; it exists since 5.19.
    open_file(cgroup.memory_peak, v2 ? "memory.peak" : "memory.max_usage_in_bytes", O_RDWR);
    if (!cgroup.memory_peak && v2) open_file(cgroup.memory_peak, "memory.peak", O_RDONLY);
    if (!cgroup.memory_stat || !cgroup.memory_limit) {
      return fail(FailureKind::kFailed, "the memory cgroup's files cannot be opened");
    }
  }
  return {};
}

Result<Cgroup> Cgroups::make(const std::string& name) const {
  const auto build = [&](Cgroup& cgroup) -> Status {
    for (const Hierarchy& hierarchy : hierarchies_) {
      const std::string path = hierarchy.path + "/" + name;
      if (::mkdirat(hierarchy.directory.get(), name.c_str(), 0755) != 0) {
        const bool full = errno == ENOMEM || errno == ENOSPC || errno == EAGAIN || errno == EMFILE;
        return fail(full ? FailureKind::kNoResources : FailureKind::kFailed, sys::error_text(path, errno));
      }
      UniqueFd directory(::openat(hierarchy.directory.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      if (!directory) return fail(FailureKind::kNoResources, sys::error_text(path, errno));
      TRY_STATUS(open_server_files(cgroup, hierarchy, directory.get()));
      if (hierarchy.version == CgroupVersion::kV2) {
        cgroup.v2_directory = std::move(directory);
      } else {
        cgroup.v1_directories.push_back(std::move(directory));
      }
    }
    return {};
  };
  Cgroup cgroup{.name = name};
  if (Status built = build(cgroup); !built) {
    cgroup = Cgroup{};
    remove(name);
    return fail(std::move(built).error());
  }
  return cgroup;
}

Status Cgroups::limit(const Cgroup& cgroup, const CgroupLimits& limits) const {
  std::size_t next_v1 = 0;
  for (const Hierarchy& hierarchy : hierarchies_) {
    const bool v2 = hierarchy.version == CgroupVersion::kV2;
    const UniqueFd& directory = v2 ? cgroup.v2_directory : cgroup.v1_directories.at(next_v1++);
    for (const Controller controller : hierarchy.controllers) {
      if (&hierarchy != with(controller) || !is_limited(controller)) continue;
      for (const LimitWrite& write : limit_writes(controller, hierarchy.version, limits)) {
        const int error = sys::write_file_at(directory.get(), write.file.c_str(), write.text);
        if (error == ENOENT && write.need == LimitWrite::Need::kIfPresent) continue;
        if (error != 0) {
          return fail(
              FailureKind::kFailed,
              sys::error_text(hierarchy.path + "/" + cgroup.name + "/" + write.file + " = " + write.text, error));
        }
      }
    }
  }
  return {};
}

CgroupPool::~CgroupPool() {
  for (const Cgroup& cgroup : ready_) cgroups_.remove(cgroup.name);
}

Result<Cgroup> CgroupPool::take() {
  if (ready_.empty()) TRY_STATUS(add_one());
  Cgroup cgroup = std::move(ready_.front());
  ready_.pop_front();
  return cgroup;
}

Status CgroupPool::add_one() {
  TRY(Cgroup cgroup, cgroups_.make("s" + std::to_string(++made_)));
  ready_.push_back(std::move(cgroup));
  return {};
}

std::uint64_t Cgroups::oom_kills(const std::string& name) const {
  const Hierarchy* memory = with(Controller::kMemory);
  if (memory == nullptr) return 0;
  const char* file = memory->version == CgroupVersion::kV2 ? "/memory.events" : "/memory.oom_control";
  return parse_oom_kills(sys::read_file_at(memory->directory.get(), (name + file).c_str()));
}

void Cgroups::kill(const std::string& name) const {
  if (const Hierarchy* tree = unified()) {
    if (sys::write_file_at(tree->directory.get(), (name + "/cgroup.kill").c_str(), "1") == 0) return;
  }
  for (const Hierarchy& hierarchy : hierarchies_) {
    // Frozen tasks of a v1 hierarchy do not die before they are thawed.
    if (hierarchy.freezer_v1) {
      sys::write_file_at(hierarchy.directory.get(), (name + "/freezer.state").c_str(), "THAWED");
    }
    kill_listed(sys::read_file_at(hierarchy.directory.get(), (name + "/cgroup.procs").c_str()));
  }
}

bool Cgroups::remove(const std::string& name) const {
  bool gone = true;
  for (const Hierarchy& hierarchy : hierarchies_) {
    if (::unlinkat(hierarchy.directory.get(), name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) gone = false;
  }
  return gone;
}

std::vector<std::string> Cgroups::mechanisms() const {
  std::vector<std::string> found;
  for (const Controller controller : {Controller::kMemory, Controller::kCpu, Controller::kPids}) {
    if (const Hierarchy* hierarchy = with(controller)) {
      found.push_back(std::string(name_of(controller)) + " limit (cgroup " +
                      (hierarchy->version == CgroupVersion::kV2 ? "v2)" : "v1)"));
    }
  }
  if (unified() != nullptr) {
    found.emplace_back("freeze and kill (cgroup v2)");
  } else if (std::ranges::any_of(hierarchies_, &Hierarchy::freezer_v1)) {
    found.emplace_back("freeze (cgroup v1)");
  }
  return found;
}

std::vector<std::string> Cgroups::warnings() const {
  std::vector<std::string> missing;
  for (const Controller controller : {Controller::kMemory, Controller::kCpu, Controller::kPids}) {
    if (with(controller) != nullptr) continue;
    missing.push_back("no cgroup controller for " + std::string(name_of(controller)) +
                      ": sandboxes have no such limit of their own");
  }
  if (unified() == nullptr && std::ranges::none_of(hierarchies_, &Hierarchy::freezer_v1)) {
    missing.emplace_back("no cgroup freezer: idle sandboxes are stopped by signals");
  }
  return missing;
}

}  // namespace hearth::launcher
