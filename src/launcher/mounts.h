#pragma once
// Mounts: the parts of a sandbox's file tree that are its own, put on the base root by the child itself.
//
// Except where it is said otherwise, functions run in the child, in its own mount namespace, and return 0 or an errno.

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace hearth::launcher {

// A read-only, nosuid, nodev mount of a host folder or file that is not attached yet, and where it goes.
struct PreparedMount {
  UniqueFd tree;
  std::string destination;
};
// In the launcher: only the mount namespace that a source is in can clone it. `source` may be O_PATH.
// What is mounted below the source on the host is not part of it. Errors: FailureKind::kRefused, kNoResources.
Result<PreparedMount> prepare_mount(const UniqueFd& source, const std::string& destination);

// tmpfs on /tmp (`bytes`, `inodes`) and a small one on /dev/shm, both owned by `host_uid` and closed to others.
int mount_scratch(unsigned host_uid, std::uint64_t bytes, std::uint64_t inodes);

// For a sandbox without a user namespace, in which `host_uid` is the user inside too: /etc/passwd and /etc/group that
// know it. Programs ask for the home folder of who they are. Before mount_scratch().
int mount_names(unsigned host_uid);

// Files of /proc that show or steer the whole machine, as far as this kernel has them and others than root may use
// them. Asked once, in the launcher.
struct ProcMask {
  std::string path;  // below the base root
  enum class Kind : std::uint8_t { kFile, kFolder } kind;
};
std::vector<ProcMask> find_proc_masks();

// A /proc that shows only this sandbox's processes, with `masks` covered and /proc/sys read-only.
int mount_proc(const std::vector<ProcMask>& masks);

// The destination must exist in the tree; no symbolic link is followed.
int attach(const PreparedMount& mount);

// Makes the base root "/" and lets go of the machine's tree.
int enter_root();

}  // namespace hearth::launcher
