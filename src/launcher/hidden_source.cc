#include "launcher/hidden_source.h"

#include <dirent.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include <functional>
#include <memory>
#include <string>

#include "launcher/base_root.h"
#include "launcher/protocol.h"
#include "launcher/sys.h"

namespace hearth::launcher {
namespace {

using namespace sys;

// Below the base root, in the launcher's mount namespace alone.
std::string copies() { return std::string(kBaseRoot) + "/root"; }
// Trust bundles have a quarter of a megabyte.
constexpr off_t kLargestCopy = off_t{4} << 20U;

std::string descriptor_path(const UniqueFd& fd) { return "/proc/self/fd/" + std::to_string(fd.get()); }

// Layers are shown in the words they were named with. "." is said while it is the working directory.
class WorkingDirectory {
 public:
  explicit WorkingDirectory(const UniqueFd& folder) : entered_(::fchdir(folder.get()) == 0) {}
  ~WorkingDirectory() { [[maybe_unused]] const int back = ::chdir("/"); }
  WorkingDirectory(const WorkingDirectory&) = delete;
  WorkingDirectory& operator=(const WorkingDirectory&) = delete;
  bool entered() const { return entered_; }

 private:
  bool entered_;
};

UniqueFd overlay_of(const UniqueFd& folder) {
  const UniqueFd context(fsopen("overlay"));
  const WorkingDirectory here(folder);
  if (!context || !here.entered()) return {};
  // An overlay that is only read has two layers at least: an empty folder below.
  const std::string layers = std::string(".:") + kBaseRoot + "/sys";
  if (fsconfig(context.get(), kConfigString, "source", "code") != 0) return {};
  if (fsconfig(context.get(), kConfigString, "lowerdir", layers.c_str()) != 0) return {};
  if (fsconfig(context.get(), kConfigCreate, nullptr, nullptr) != 0) return {};
  return UniqueFd(fsmount(context.get()));
}

void remove_copies() {
  const std::unique_ptr<DIR, decltype([](DIR* open) { ::closedir(open); })> listing(::opendir(copies().c_str()));
  while (const dirent* entry = listing ? ::readdir(listing.get()) : nullptr) {
    // What is mounted stays until it is unmounted.
    if (entry->d_type == DT_REG) ::unlinkat(::dirfd(listing.get()), entry->d_name, 0);
  }
}

bool copy(const UniqueFd& source, off_t size, const std::string& path) {
  const UniqueFd in(::open(descriptor_path(source).c_str(), O_RDONLY | O_CLOEXEC));
  const std::string fresh = path + ".new";
  const UniqueFd out(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!in || !out || ::fchmod(out.get(), 0644) != 0) return false;
  for (off_t left = size; left > 0;) {
    const ssize_t count = ::sendfile(out.get(), in.get(), nullptr, static_cast<std::size_t>(left));
    if (count <= 0) return false;
    left -= count;
  }
  return ::rename(fresh.c_str(), path.c_str()) == 0;
}

UniqueFd copy_of(const UniqueFd& file, const struct stat& status) {
  if (status.st_size > kLargestCopy) return {};
  const std::string identity = std::to_string(status.st_dev) + "-" + std::to_string(status.st_ino) + "-" +
                               std::to_string(status.st_size) + "-" + std::to_string(status.st_mtim.tv_sec) + "." +
                               std::to_string(status.st_mtim.tv_nsec);
  const std::string path = copies() + "/" + std::to_string(std::hash<std::string>{}(identity));
  if (::access(path.c_str(), F_OK) != 0) {
    remove_copies();
    if (!copy(file, status.st_size, path)) return {};
  }
  return UniqueFd(open_tree(AT_FDCWD, path.c_str(), kOpenTreeClone));
}

}  // namespace

Status make_place_for_copies() {
  if (::mount("copies", copies().c_str(), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=16m,mode=700") != 0) {
    return fail(FailureKind::kFailed, error_text("a tmpfs on " + copies(), errno));
  }
  return {};
}

int drop_place_for_copies() { return ::umount2(copies().c_str(), MNT_DETACH) == 0 ? 0 : errno; }

UniqueFd open_hidden_tree(const UniqueFd& source) {
  struct stat status{};
  if (::fstat(source.get(), &status) != 0) return {};
  return S_ISDIR(status.st_mode) ? overlay_of(source) : copy_of(source, status);
}

}  // namespace hearth::launcher
