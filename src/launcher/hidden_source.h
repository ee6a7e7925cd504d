#pragma once
// Hidden sources: mounts of host folders and files that do not tell where on the host they are.
//
// /proc/self/mountinfo names, for a bind mount, its path within the file system. A folder is therefore mounted as an
// overlay of nothing but itself, which says "."; a file as its copy on a small tmpfs of the launcher. Both stand still
// while they are mounted: trees of code never change, and a changed file is another one (its time).
//
// Path: mounts.cc -> here        Tests: tests/security/ (the attempt code_path)

#include "base/result.h"
#include "base/unique_fd.h"

namespace hearth::launcher {

// In the launcher, once, while the base root is built. Error: FailureKind::kFailed.
Status make_place_for_copies();
// In the child: sandboxes do not see it. 0 or an errno.
int drop_place_for_copies();

// In the launcher: a mount of `source` (O_PATH, a folder or a file), not attached yet. Empty where this kernel or file
// system has no such thing, or the file is larger than such files are; a bind mount is what is left then.
UniqueFd open_hidden_tree(const UniqueFd& source);

}  // namespace hearth::launcher
