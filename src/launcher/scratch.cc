#include "launcher/scratch.h"

#include <dirent.h>
#include <sys/stat.h>

#include <cerrno>
#include <deque>
#include <memory>

#include "launcher/protocol.h"
#include "launcher/sys.h"

namespace hearth::launcher {
namespace {

constexpr int kFolder = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr std::uint64_t kStatBlock = 512;

using Listing = std::unique_ptr<DIR, decltype([](DIR* open) { ::closedir(open); })>;

// A folder below `parent`, by a path without links. One that its maker closed even to himself is opened up: the inode
// that was found, not what its name may mean by then.
UniqueFd open_folder(int parent, const char* path) {
  const UniqueFd found(
      sys::openat2(parent, path, O_PATH | O_DIRECTORY | O_NOFOLLOW, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS));
  if (!found) return {};
  UniqueFd folder(::openat(found.get(), ".", kFolder));
  if (!folder && errno == EACCES && ::chmod(("/proc/self/fd/" + std::to_string(found.get())).c_str(), 0700) == 0) {
    folder.reset(::openat(found.get(), ".", kFolder));
  }
  return folder;
}

Listing list(const UniqueFd& folder) {
  const int copy = ::openat(folder.get(), ".", kFolder);
  Listing listing(copy < 0 ? nullptr : ::fdopendir(copy));
  if (!listing && copy >= 0) ::close(copy);
  return listing;
}

bool is_dots(const char* name) { return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0')); }

// Moves a folder to `top` under a name that is free there.
bool move_up(int from, const char* name, int top, std::uint64_t& next_name) {
  for (;;) {
    const std::string moved = ".gone-" + std::to_string(++next_name);
    if (sys::rename_new(from, name, top, moved.c_str()) == 0) return true;
    if (errno != EEXIST) return false;
  }
}

// Removes `name` below `parent` unless it is a folder with something in it (ENOTEMPTY).
bool remove_entry(int parent, const char* name) {
  if (::unlinkat(parent, name, 0) == 0 || errno == ENOENT) return true;
  if (errno != EISDIR) return false;
  return ::unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT;
}

// Empties `folder`, which lies in `top`: folders in it that are not empty move to `top`, where their turn comes.
bool flatten(const UniqueFd& folder, int top, std::uint64_t& next_name) {
  ::fchmod(folder.get(), 0700);
  // Entries that go while they are listed may hide others: again until a pass finds nothing.
  for (bool found = true; found;) {
    found = false;
    const Listing listing = list(folder);
    if (!listing) return false;
    while (const dirent* entry = ::readdir(listing.get())) {
      if (is_dots(entry->d_name)) continue;
      found = true;
      if (remove_entry(folder.get(), entry->d_name)) continue;
      if (errno != ENOTEMPTY && errno != EEXIST) return false;
      // A new place changes its "..", which takes permission to write in it; opening sees to that.
      const UniqueFd inner = open_folder(folder.get(), entry->d_name);
      if (!inner || ::fchmod(inner.get(), 0700) != 0) return false;
      if (!move_up(folder.get(), entry->d_name, top, next_name)) return false;
    }
  }
  return true;
}

bool empty(const UniqueFd& top) {
  ::fchmod(top.get(), 0700);
  std::uint64_t next_name = 0;
  for (bool found = true; found;) {
    found = false;
    const Listing listing = list(top);
    if (!listing) return false;
    while (const dirent* entry = ::readdir(listing.get())) {
      if (is_dots(entry->d_name)) continue;
      found = true;
      if (remove_entry(top.get(), entry->d_name)) continue;
      if (errno != ENOTEMPTY && errno != EEXIST) return false;
      const UniqueFd folder = open_folder(top.get(), entry->d_name);
      if (!folder || !flatten(folder, top.get(), next_name)) return false;
      if (!remove_entry(top.get(), entry->d_name)) return false;
    }
  }
  return true;
}

}  // namespace

Result<ScratchRoot> ScratchRoot::open(const std::string& path) {
  ScratchRoot root;
  root.path_ = path;
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    return fail(FailureKind::kFailed, sys::error_text(path, errno));
  root.directory_.reset(::open(path.c_str(), kFolder));
  if (!root.directory_) return fail(FailureKind::kFailed, sys::error_text(path, errno));
  // What cannot be removed is in nobody's way: names are never used twice.
  empty(root.directory_);
  return root;
}

Status ScratchRoot::make(const std::string& name) const {
  if (::mkdirat(directory_.get(), name.c_str(), 0700) == 0) return {};
  const bool full = errno == ENOSPC || errno == EDQUOT || errno == ENOMEM;
  return fail(full ? FailureKind::kNoResources : FailureKind::kFailed, sys::error_text(path_of(name), errno));
}

ScratchUse ScratchRoot::measure(const std::string& name, const ScratchUse& limit) const {
  ScratchUse use;
  std::deque<std::string> waiting = {name};
  while (!waiting.empty() && use.bytes <= limit.bytes && use.entries <= limit.entries) {
    const std::string path = std::move(waiting.front());
    waiting.pop_front();
    const UniqueFd folder = open_folder(directory_.get(), path.c_str());
    // Deeper than a path can name: there to hide something.
    if (!folder && errno == ENAMETOOLONG) use.entries = limit.entries + 1;
    if (!folder) continue;  // gone meanwhile
    const Listing listing = list(folder);
    while (const dirent* entry = listing ? ::readdir(listing.get()) : nullptr) {
      if (is_dots(entry->d_name)) continue;
      struct stat status{};
      if (::fstatat(folder.get(), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
      ++use.entries;
      use.bytes += static_cast<std::uint64_t>(status.st_blocks) * kStatBlock;
      if (S_ISDIR(status.st_mode)) waiting.push_back(path + "/" + entry->d_name);
      if (use.bytes > limit.bytes || use.entries > limit.entries) break;
    }
  }
  return use;
}

bool ScratchRoot::remove(const std::string& name) const {
  const UniqueFd folder = open_folder(directory_.get(), name.c_str());
  if (!folder) return errno == ENOENT;
  if (!empty(folder)) return false;
  return ::unlinkat(directory_.get(), name.c_str(), AT_REMOVEDIR) == 0;
}

}  // namespace hearth::launcher
