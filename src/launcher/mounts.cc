#include "launcher/mounts.h"

#include <sys/mount.h>
#include <sys/stat.h>

#include "launcher/base_root.h"
#include "launcher/protocol.h"
#include "launcher/sys.h"

namespace hearth::launcher {
namespace {

using namespace sys;

// AWS has no usable /dev/shm; a small one lets POSIX semaphores work.
constexpr const char* kShmOptions = "size=16m,nr_inodes=1024";

// Host-wide entries of /proc. What container runtimes mask, and what tells about other work on the machine.
constexpr const char* kProcEntries[] = {"acpi",          "asound",     "config.gz",   "interrupts", "kallsyms",
                                        "kcore",         "key-users",  "keys",        "kmsg",       "latency_stats",
                                        "locks",         "modules",    "sched_debug", "scsi",       "slabinfo",
                                        "sysrq-trigger", "timer_list", "timer_stats"};

int mount_tmpfs(const char* path, const std::string& options) {
  const std::string target = std::string(kBaseRoot) + path;
  return ::mount("tmpfs", target.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, options.c_str()) == 0 ? 0 : errno;
}

// Covers `target` with a clone of the mount at `source`.
int cover(const char* source, const std::string& target) {
  const UniqueFd tree(open_tree(AT_FDCWD, source, kOpenTreeClone));
  if (!tree) return errno;
  return move_mount(tree.get(), "", AT_FDCWD, target.c_str(), kMoveFromEmptyPath) == 0 ? 0 : errno;
}

}  // namespace

Result<PreparedMount> prepare_mount(const UniqueFd& source, const std::string& destination) {
  UniqueFd tree(open_tree(source.get(), "", kOpenTreeClone | AT_EMPTY_PATH));
  if (tree && mount_setattr(tree.get(), "", AT_EMPTY_PATH, {.set = kReadOnly | kNoSuid | kNoDev}) == 0) {
    return PreparedMount{std::move(tree), destination};
  }
  const bool full = errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOSPC;
  return fail(full ? FailureKind::kNoResources : FailureKind::kRefused,
              error_text("the mount source for " + destination, errno));
}

int mount_scratch(unsigned host_uid, std::uint64_t bytes, std::uint64_t inodes) {
  const std::string uid = std::to_string(host_uid);
  const std::string owner = ",mode=700,uid=" + uid + ",gid=" + uid;
  if (const int error =
          mount_tmpfs("/tmp", "size=" + std::to_string(bytes) + ",nr_inodes=" + std::to_string(inodes) + owner);
      error != 0) {
    return error;
  }
  return mount_tmpfs("/dev/shm", kShmOptions + owner);
}

std::vector<ProcMask> find_proc_masks() {
  std::vector<ProcMask> masks;
  for (const char* entry : kProcEntries) {
    struct stat status{};
    if (::stat((std::string("/proc/") + entry).c_str(), &status) != 0) continue;
    // A sandbox is never root on the host, so what only root may open needs no mount: each costs creation time.
    if ((status.st_mode & 0007U) == 0) continue;
    masks.push_back({std::string(kBaseRoot) + "/proc/" + entry,
                     S_ISDIR(status.st_mode) ? ProcMask::Kind::kFolder : ProcMask::Kind::kFile});
  }
  return masks;
}

int mount_proc(const std::vector<ProcMask>& masks) {
  const std::string proc = std::string(kBaseRoot) + "/proc";
  const std::string null = std::string(kBaseRoot) + "/dev/null";
  const std::string empty = std::string(kBaseRoot) + "/sys";
  const std::string proc_sys = proc + "/sys";
  if (::mount("proc", proc.c_str(), "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, "hidepid=2") != 0) return errno;
  for (const ProcMask& mask : masks) {
    const int error = cover(mask.kind == ProcMask::Kind::kFile ? null.c_str() : empty.c_str(), mask.path);
    if (error != 0 && error != ENOENT) return error;
  }
  const UniqueFd tree(open_tree(AT_FDCWD, proc_sys.c_str(), kOpenTreeClone));
  if (!tree) return errno;
  if (mount_setattr(tree.get(), "", AT_EMPTY_PATH, {.set = kReadOnly}) != 0) return errno;
  return move_mount(tree.get(), "", AT_FDCWD, proc_sys.c_str(), kMoveFromEmptyPath) == 0 ? 0 : errno;
}

int attach(const PreparedMount& mount) {
  const UniqueFd root(::open(kBaseRoot, O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) return errno;
  const UniqueFd target(
      openat2(root.get(), mount.destination.c_str() + 1, O_PATH, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS));
  if (!target) return errno;
  constexpr unsigned kByDescriptors = kMoveFromEmptyPath | kMoveToEmptyPath;
  return move_mount(mount.tree.get(), "", target.get(), "", kByDescriptors) == 0 ? 0 : errno;
}

int enter_root() {
  if (::chdir(kBaseRoot) != 0) return errno;
  if (pivot_root(".", ".") != 0) return errno;
  if (::umount2(".", MNT_DETACH) != 0) return errno;
  return ::chdir("/") == 0 ? 0 : errno;
}

}  // namespace hearth::launcher
