#pragma once
// Cgroups: limits of each sandbox on memory, processor time and processes, and the tree to freeze and kill by.
//
// Machines differ: all controllers in the v2 tree, all in v1 hierarchies, or v1 controllers beside a v2 tree without
// any. detect() finds which hierarchy carries which controller. In every hierarchy in use the launcher owns one
// directory `hearth.PREFIX`, with one child per sandbox. The v2 tree is used for freeze and kill wherever it exists,
// even without controllers: it is ten times faster, and tasks frozen by v1 cannot be killed.
//
// Tests: cgroups_test.cc (pure parts), launcher_e2e_test.cc

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace hearth::launcher {

enum class CgroupVersion : std::uint8_t { kV1, kV2 };

// A cgroup hierarchy as the mount table shows it.
struct CgroupMount {
  CgroupVersion version = CgroupVersion::kV1;
  std::string mount_point = {};
  std::vector<std::string> controllers = {};  // v1 only; of v2 the file cgroup.controllers tells
  bool operator==(const CgroupMount&) const = default;
};
// Reads the text of /proc/self/mountinfo.
std::vector<CgroupMount> parse_cgroup_mounts(std::string_view mountinfo);

struct CgroupLimits {
  std::uint64_t memory_bytes = 0;
  std::uint32_t cpu_milli = 0;  // 0: no quota
  std::uint32_t pids = 0;
};
enum class Controller : std::uint8_t { kMemory, kCpu, kPids };

// One write that sets a limit. `required`: failing to write it fails the creation (swap files may not exist).
struct LimitWrite {
  std::string file;
  std::string text;
  enum class Need : std::uint8_t { kRequired, kIfPresent } need = Need::kRequired;
  bool operator==(const LimitWrite&) const = default;
};
std::vector<LimitWrite> limit_writes(Controller controller, CgroupVersion version, const CgroupLimits& limits);

// How often the kernel killed for want of memory, from the text of memory.oom_control (v1) or memory.events (v2).
std::uint64_t parse_oom_kills(std::string_view text);

// The directories of one sandbox. Closing the descriptors removes nothing: Cgroups::remove does.
struct Cgroup {
  std::string name;
  std::vector<UniqueFd> v1_directories = {};  // the child writes itself into their `tasks`
  UniqueFd v2_directory = {};                 // for CLONE_INTO_CGROUP; empty without a v2 tree
  // For the server, which writes them later without privileges: the kernel checks permission at open.
  UniqueFd freeze = {}, freezer_state = {}, kill = {};
  UniqueFd memory_peak = {}, memory_stat = {}, memory_current = {}, memory_limit = {};
  UniqueFd cpu_quota = {};
};

// Thread: the launcher has one.
class Cgroups {
 public:
  // Finds the hierarchies, makes `hearth.PREFIX` in each, and kills and removes what earlier launchers left there and
  // what launchers of other prefixes left that are dead. Error: FailureKind::kFailed.
  static Result<Cgroups> open(const std::string& prefix);
  // For a launcher that is an ordinary user: the part of the v2 tree that was delegated to it, if any, else no
  // hierarchy at all. Error: FailureKind::kFailed.
  static Result<Cgroups> open_delegated(const std::string& prefix);
  Cgroups(Cgroups&&) = default;
  Cgroups& operator=(Cgroups&&) = delete;
  ~Cgroups();  // removes the prefix directories if they are empty

  // The directories of one sandbox, without limits yet; 150 us, so it is done ahead (CgroupPool).
  // Errors: FailureKind::kNoResources, kFailed. On failure nothing is left.
  Result<Cgroup> make(const std::string& name) const;
  // Error: FailureKind::kFailed, naming file and value.
  Status limit(const Cgroup& cgroup, const CgroupLimits& limits) const;
  std::uint64_t oom_kills(const std::string& name) const;
  // SIGKILL to everything in it. Idempotent.
  void kill(const std::string& name) const;
  // False while the kernel still counts tasks in it; try again later.
  bool remove(const std::string& name) const;

  // Whether sandboxes have any cgroup: without, kill() and remove() do nothing.
  bool has_any() const { return !hierarchies_.empty(); }
  bool limits(Controller controller) const { return with(controller) != nullptr; }

  // For people: "memory limit (cgroup v1)", and what is missing.
  std::vector<std::string> mechanisms() const;
  std::vector<std::string> warnings() const;

 private:
  struct Hierarchy {
    CgroupVersion version = CgroupVersion::kV1;
    std::string path = {};  // of hearth.PREFIX, for messages
    UniqueFd parent = {};
    UniqueFd directory = {};
    std::vector<Controller> controllers = {};
    bool freezer_v1 = false;
  };
  Cgroups() = default;
  static Result<Hierarchy> open_hierarchy(const CgroupMount& mount, const std::string& prefix);
  void sweep() const;
  Status open_server_files(Cgroup& cgroup, const Hierarchy& hierarchy, int directory) const;
  const Hierarchy* unified() const;
  const Hierarchy* with(Controller controller) const;

  std::vector<Hierarchy> hierarchies_;
};

// Cgroups made ahead. Their directories are named s1, s2, ...; removing those of taken ones is the taker's business.
// Thread: the launcher has one. Lifetime: `cgroups` outlives the pool.
class CgroupPool {
 public:
  CgroupPool(const Cgroups& cgroups, std::size_t target) : cgroups_(cgroups), target_(target) {}
  ~CgroupPool();  // removes those not taken

  // Errors: as Cgroups::make, when the pool is empty.
  Result<Cgroup> take();
  bool is_full() const { return ready_.size() >= target_; }
  Status add_one();

 private:
  const Cgroups& cgroups_;
  std::size_t target_;
  std::uint64_t made_ = 0;
  std::deque<Cgroup> ready_;
};

}  // namespace hearth::launcher
