#include "launcher/mounts.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/barriers.h"
#include "launcher/base_root.h"
#include "launcher/hidden_source.h"
#include "launcher/protocol.h"
#include "launcher/sys.h"

namespace hearth::launcher {
namespace {

using namespace sys;

// AWS has no usable /dev/shm; a small one lets POSIX semaphores work.
constexpr const char* kShmOptions = "size=16m,nr_inodes=1024";

// A folder in which something may be mounted for a moment, before what belongs there.
constexpr const char* kWorkshop = "/dev/shm";

// Host-wide entries of /proc. What container runtimes mask, and what tells about other work on the machine.
constexpr const char* kProcEntries[] = {"acpi",          "asound",     "config.gz",   "interrupts", "kallsyms",
                                        "kcore",         "key-users",  "keys",        "kmsg",       "latency_stats",
                                        "locks",         "modules",    "sched_debug", "scsi",       "slabinfo",
                                        "sysrq-trigger", "timer_list", "timer_stats"};

int mount_tmpfs(const char* path, const std::string& options) {
  const std::string target = std::string(kBaseRoot) + path;
  const unsigned long flags = barrier_up(Barrier::kNoDeviceFiles) ? MS_NOSUID | MS_NODEV : MS_NOSUID;
  return ::mount("tmpfs", target.c_str(), "tmpfs", flags, options.c_str()) == 0 ? 0 : errno;
}

// Covers `target` with a clone of the mount at `source`.
int cover(const char* source, const std::string& target) {
  const UniqueFd tree(open_tree(AT_FDCWD, source, kOpenTreeClone));
  if (!tree) return errno;
  return move_mount(tree.get(), "", AT_FDCWD, target.c_str(), kMoveFromEmptyPath) == 0 ? 0 : errno;
}

// Covers the file `name` of the base root's /etc with a read-only one that holds `text`, made in kWorkshop.
int cover_etc_file(const char* name, const std::string& text) {
  const std::string path = std::string(kBaseRoot) + kWorkshop + "/" + name;
  {
    const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    if (!file || ::fchmod(file.get(), 0644) != 0) return errno;
    if (::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) return EIO;
  }
  const UniqueFd tree(open_tree(AT_FDCWD, path.c_str(), kOpenTreeClone));
  if (!tree || mount_setattr(tree.get(), "", AT_EMPTY_PATH, {.set = kReadOnly | kNoSuid | kNoDev}) != 0) return errno;
  const std::string target = std::string(kBaseRoot) + "/etc/" + name;
  return move_mount(tree.get(), "", AT_FDCWD, target.c_str(), kMoveFromEmptyPath) == 0 ? 0 : errno;
}

}  // namespace

Result<PreparedMount> prepare_mount(const UniqueFd& source, const std::string& destination) {
  UniqueFd tree;
  if (barrier_up(Barrier::kCodePathHidden)) tree = open_hidden_tree(source);
  if (!tree) tree.reset(open_tree(source.get(), "", kOpenTreeClone | AT_EMPTY_PATH));
  std::uint64_t attributes = kNoDev;
  if (barrier_up(Barrier::kReadOnlyCode)) attributes |= kReadOnly;
  if (barrier_up(Barrier::kNoSetUserIdFiles)) attributes |= kNoSuid;
  if (tree && mount_setattr(tree.get(), "", AT_EMPTY_PATH, {.set = attributes}) == 0) {
    return PreparedMount{std::move(tree), destination};
  }
  const bool full = errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOSPC;
  return fail(full ? FailureKind::kNoResources : FailureKind::kRefused,
              error_text("the mount source for " + destination, errno));
}

int mount_scratch(unsigned host_uid, std::uint64_t bytes, std::uint64_t inodes) {
  const std::string uid = std::to_string(host_uid);
  const std::string owner = ",mode=700,uid=" + uid + ",gid=" + uid;
  const std::string size = barrier_up(Barrier::kTmpSize) ? std::to_string(bytes) : "0";  // 0: no limit
  const std::string count = barrier_up(Barrier::kTmpInodes) ? std::to_string(inodes) : "0";
  if (const int error = mount_tmpfs("/tmp", "size=" + size + ",nr_inodes=" + count + owner); error != 0) return error;
  return mount_tmpfs("/dev/shm", kShmOptions + owner);
}

int mount_names(unsigned host_uid) {
  if (const int error = mount_tmpfs(kWorkshop, "size=64k,nr_inodes=8,mode=755"); error != 0) return error;
  if (const int error = cover_etc_file("passwd", passwd_text(host_uid, host_uid)); error != 0) return error;
  if (const int error = cover_etc_file("group", group_text(host_uid)); error != 0) return error;
  return ::umount2((std::string(kBaseRoot) + kWorkshop).c_str(), MNT_DETACH) == 0 ? 0 : errno;
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
  const char* options = barrier_up(Barrier::kProcHidden) ? "hidepid=2" : "hidepid=0";
  if (::mount("proc", proc.c_str(), "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, options) != 0) return errno;
  for (const ProcMask& mask : masks) {
    if (!barrier_up(Barrier::kProcMasked)) break;
    const int error = cover(mask.kind == ProcMask::Kind::kFile ? null.c_str() : empty.c_str(), mask.path);
    if (error != 0 && error != ENOENT) return error;
  }
  if (!barrier_up(Barrier::kProcSysReadOnly)) return 0;
  const UniqueFd tree(open_tree(AT_FDCWD, proc_sys.c_str(), kOpenTreeClone));
  if (!tree) return errno;
  if (mount_setattr(tree.get(), "", AT_EMPTY_PATH, {.set = kReadOnly}) != 0) return errno;
  return move_mount(tree.get(), "", AT_FDCWD, proc_sys.c_str(), kMoveFromEmptyPath) == 0 ? 0 : errno;
}

int attach(const PreparedMount& mount) {
  const UniqueFd root(::open(kBaseRoot, O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) return errno;
  const UniqueFd target(
      openat2(root.get(), mount.destination.c_str() + 1, O_PATH,
              barrier_up(Barrier::kDestinationWithoutLinks) ? RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS : 0));
  if (!target) return errno;
  constexpr unsigned kByDescriptors = kMoveFromEmptyPath | kMoveToEmptyPath;
  return move_mount(mount.tree.get(), "", target.get(), "", kByDescriptors) == 0 ? 0 : errno;
}

int enter_root() {
  if (::chdir(kBaseRoot) != 0) return errno;
  if (pivot_root(".", ".") != 0) return errno;
  if (barrier_up(Barrier::kOldRootDetached) && ::umount2(".", MNT_DETACH) != 0) return errno;
  return ::chdir("/") == 0 ? 0 : errno;
}

}  // namespace hearth::launcher
