#pragma once
// Base root: the read-only file tree that every sandbox starts from, built once.
//
// A small tmpfs in the launcher's own mount namespace: the machine's /usr, an /etc of our own, five device nodes, and
// empty mount points. Sandboxes inherit the tree with their mount namespace and put their private parts on top
// (mounts.h). Sizes and names inside follow what AWS shows to functions.

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace hearth::launcher {

// Where the tree is mounted: a folder that every machine has, hidden in the launcher's mount namespace only.
constexpr const char* kBaseRoot = "/mnt";

// First of all: what the launcher mounts, the machine never sees. Error: FailureKind::kFailed.
Status enter_own_mount_namespace();
// Builds the tree at kBaseRoot. Error: FailureKind::kFailed naming the step.
Status build_base_root();

// /etc/passwd and /etc/group where functions run as `uid` and `gid`.
std::string passwd_text(std::uint64_t uid, std::uint64_t gid);
std::string group_text(std::uint64_t gid);

// Folders of /etc that interpreters do not start without (Debian keeps parts of Java and Python there).
std::vector<std::string> interpreter_folders();

// A line of /proc/self/mountinfo.
struct MountEntry {
  std::uint64_t id = 0;
  std::uint64_t parent = 0;
  std::string path;
};
std::vector<MountEntry> parse_mounts(std::string_view mountinfo);

// Which of `mounts` to unmount, deepest first: all but those in `needed`, what they are mounted on, and what lies below
// one of `folders`.
std::vector<std::string> unneeded_mounts(const std::vector<MountEntry>& mounts, std::set<std::uint64_t> needed,
                                         const std::vector<std::string>& folders);

// Places on the host that mounts may come from.
class SourceRoots {
 public:
  // Error: FailureKind::kFailed (not a folder). Call between the two functions above: only the mount namespace that a
  // folder was opened in can clone its mounts, and the base root may hide some folders.
  static Result<SourceRoots> open(const std::vector<std::string>& paths);

  // Unmounts, in the launcher's own mount namespace, everything that neither a source nor the launcher needs. Every
  // sandbox copies what is mounted and lets go of it again: that costs time per mount. Errors leave mounts in place.
  void forget_other_mounts() const;

  // Opens `path` (O_PATH), a folder or a file below one of the roots, following no link that leaves it.
  // Errors: FailureKind::kRefused naming the path, kNoResources.
  Result<UniqueFd> open_source(const std::string& path) const;

 private:
  struct Root {
    std::string path;
    UniqueFd directory;
  };
  std::vector<Root> roots_;
};

}  // namespace hearth::launcher
