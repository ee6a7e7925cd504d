#pragma once
// Base root: the read-only file tree that every sandbox starts from, built once.
//
// A small tmpfs in the launcher's own mount namespace: the machine's /usr, an /etc of our own, five device nodes, and
// empty mount points. Sandboxes inherit the tree with their mount namespace and put their private parts on top
// (mounts.h). Sizes and names inside follow what AWS shows to functions.

#include <string>
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

// Places on the host that mounts may come from.
class SourceRoots {
 public:
  // Error: FailureKind::kFailed (not a folder). Call between the two functions above: only the mount namespace that a
  // folder was opened in can clone its mounts, and the base root may hide some folders.
  static Result<SourceRoots> open(const std::vector<std::string>& paths);

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
