#include "storage/data_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string_view>
#include <thread>

#include "storage/error_kind.h"

namespace hearth::storage {
namespace {

// How long a lock may outlive its owner, and how often it is tried.
constexpr std::chrono::seconds kLastBreath{5};
constexpr std::chrono::milliseconds kLockPause{20};
constexpr std::string_view kMarkerWords = "hearth data ";
constexpr unsigned kFormat = 1;                 // raise with every change that an older server must not open
constexpr SyncSite kPathSite{"data.path"};      // names of the folder itself and of those on the way to it
constexpr SyncSite kFormatSite{"data.format"};  // the marker's bytes
constexpr SyncSite kNamesSite{"data.names"};    // the marker's name, and those of the folders inside
constexpr std::array<std::string_view, 6> kFolders = {"db", "blobs", "code", "layers", "runtimes", "tls"};

struct Names {
  explicit Names(const std::string& root) : lock(root + "/hearth.lock"), marker(root + "/hearth.format") {}
  std::string lock;
  std::string marker;
};

std::unexpected<Error> failed(std::string_view what, const std::string& path, int error) {
  return fail(ErrorKind::kIo, fmt::format("{} {}: {} (errno {})", what, path, ::strerror(error), error));
}

// Errors of FileSystem reach the operator as failures to open the folder.
std::unexpected<Error> as_io(const Error& error) { return fail(ErrorKind::kIo, error.message()); }

Status make_parents(const std::string& root, const FileSystem& files) {
  const std::string parent = parent_of(root);
  struct stat info{};
  if (::stat(parent.c_str(), &info) == 0) return {};
  if (errno != ENOENT) return failed("cannot reach", parent, errno);
  TRY_STATUS(make_parents(parent, files));
  if (Status made = files.make_folder(parent, 0755); !made) return as_io(made.error());
  return {};
}

// Until the marker lasts, an earlier start may have made these folders and ended before it synced them.
Status sync_path(const std::string& root, const FileSystem& files) {
  struct stat home{};
  if (::stat(root.c_str(), &home) != 0) return failed("cannot reach the data folder", root, errno);
  for (std::string inner = root; inner != "/";) {
    inner = parent_of(inner);
    struct stat info{};
    // On another file system, or closed to us: not made by us.
    if (::stat(inner.c_str(), &info) != 0 || info.st_dev != home.st_dev || ::access(inner.c_str(), R_OK) != 0) break;
    if (Status synced = files.sync_folder(inner, kPathSite); !synced) return as_io(synced.error());
  }
  return {};
}

// Makes `path` 0700 and `owner`'s. What another user owns and we may not change is refused, not worked around.
Status claim(const std::string& path, std::optional<FolderOwner> owner) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return failed("cannot reach the data folder", path, errno);
  if (!S_ISDIR(info.st_mode)) return fail(ErrorKind::kIo, fmt::format("the data folder {} is not a folder", path));
  if ((info.st_mode & 0777U) != 0700U && ::chmod(path.c_str(), 0700) != 0) {
    return failed("cannot make the data folder private (mode 0700):", path, errno);
  }
  if (owner && (info.st_uid != owner->uid || info.st_gid != owner->gid) &&
      ::chown(path.c_str(), owner->uid, owner->gid) != 0) {
    return failed("cannot change the owner of", path, errno);
  }
  return {};
}

// The process that took the lock; nothing if the file does not say.
std::optional<pid_t> owner_named_in(int lock_fd) {
  std::array<char, 32> text{};
  const ssize_t n = ::pread(lock_fd, text.data(), text.size(), 0);
  pid_t pid = 0;
  if (n <= 0 || std::from_chars(text.data(), text.data() + n, pid).ec != std::errc() || pid <= 0) return std::nullopt;
  return pid;
}

// Those who were started by a killed owner hold its lock until the kernel is done with them.
bool has_ended(std::optional<pid_t> owner) { return owner && ::kill(*owner, 0) != 0 && errno == ESRCH; }

Result<UniqueFd> take_lock(const std::string& root, const std::string& path) {
  UniqueFd lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock) return failed("cannot write in the data folder: opening", path, errno);
  const auto give_up = std::chrono::steady_clock::now() + kLastBreath;
  while (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return failed("cannot lock", path, errno);
    const auto owner = owner_named_in(lock.get());
    if (!has_ended(owner) || std::chrono::steady_clock::now() > give_up) {
      return fail(ErrorKind::kLocked,
                  fmt::format("the data folder {} is in use by {}: stop that server or choose another folder", root,
                              owner ? fmt::format("process {}", *owner) : std::string("another process")));
    }
    std::this_thread::sleep_for(kLockPause);
  }
  const std::string pid = fmt::format("{}\n", ::getpid());
  if (::ftruncate(lock.get(), 0) != 0 ||
      ::pwrite(lock.get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    return failed("cannot write in the data folder:", path, errno);
  }
  return lock;
}

// Whether nothing is in the folder but what a server leaves that stopped before it wrote the marker.
Result<bool> is_fresh(const std::string& root, const FileSystem& files) {
  TRY(const std::vector<std::string> names, files.list(root));
  for (const std::string& name : names) {
    if (name == "hearth.lock" || name.starts_with("hearth.format.new-") || name == "lost+found") continue;
    if (std::ranges::find(kFolders, name) == kFolders.end()) return false;
    const Result<std::vector<std::string>> inside = files.list(fmt::format("{}/{}", root, name));
    if (!inside || !inside->empty()) return false;
  }
  return true;
}

Status check_marker(const std::string& root, std::string_view marker) {
  unsigned format = 0;
  const bool ours = marker.starts_with(kMarkerWords);
  if (ours) marker.remove_prefix(kMarkerWords.size());
  const auto [end, error] = std::from_chars(marker.data(), marker.data() + marker.size(), format);
  if (!ours || error != std::errc() || format == 0) {
    return fail(ErrorKind::kForeign,
                fmt::format("the data folder {} has a hearth.format file that Hearth did not write", root));
  }
  if (format > kFormat) {
    return fail(ErrorKind::kForeign,
                fmt::format("the data folder {} was written by a newer Hearth (format {}; this one knows {}): "
                            "use that version or another folder",
                            root, format, kFormat));
  }
  return {};
}

}  // namespace

Result<DataFolder> DataFolder::open(const std::string& path, const FileSystem& files,
                                    std::optional<FolderOwner> owner) {
  std::error_code error;
  std::string root = std::filesystem::absolute(path, error).lexically_normal().string();
  if (path.empty() || error) return fail(ErrorKind::kIo, fmt::format("\"{}\" is not a path for a data folder", path));
  if (root.size() > 1 && root.ends_with('/')) root.pop_back();

  const Names names(root);
  TRY_STATUS(make_parents(root, files));
  struct stat info{};
  const bool existed = ::stat(root.c_str(), &info) == 0;
  if (!existed) {
    if (Status made = files.make_folder(root, 0700); !made) return as_io(made.error());
  } else if (!S_ISDIR(info.st_mode)) {
    return fail(ErrorKind::kIo, fmt::format("the data folder {} is not a folder", root));
  }

  // Refused untouched: look before the first write.
  const Result<std::string> marker = files.read(names.marker);
  if (!marker && !marker.error().is(ErrorKind::kCorrupt)) return as_io(marker.error());
  if (marker) {
    TRY_STATUS(check_marker(root, *marker));
  } else {
    const Result<bool> fresh = is_fresh(root, files);
    if (!fresh) return as_io(fresh.error());
    if (!*fresh) {
      return fail(
          ErrorKind::kForeign,
          fmt::format("the folder {} is not empty and not a Hearth data folder: choose an empty or new one", root));
    }
  }

  // Files of an earlier server that ran as somebody else: changing who owns a whole tree is the operator's to decide.
  if (marker && owner && info.st_uid != owner->uid) {
    return fail(ErrorKind::kIo, fmt::format("the data folder {} belongs to user id {}, but the server is to run as {}: "
                                            "set `user`, or change the owner of everything in it (chown -R {}:{})",
                                            root, info.st_uid, owner->uid, owner->uid, owner->gid));
  }
  TRY_STATUS(claim(root, owner));
  TRY(UniqueFd lock, take_lock(root, names.lock));
  if (owner && ::fchown(lock.get(), owner->uid, owner->gid) != 0)
    return failed("cannot change the owner of", names.lock, errno);
  for (const std::string_view folder : kFolders) {
    const std::string inner = fmt::format("{}/{}", root, folder);
    if (marker && ::stat(inner.c_str(), &info) == 0) continue;
    // Only the top needs to be closed; trees of code and runtimes are read inside sandboxes by other users.
    const mode_t mode = folder == "code" || folder == "runtimes" ? 0755 : 0700;
    if (Status made = files.make_folder(inner, mode); !made) return as_io(made.error());
    if (owner && ::chown(inner.c_str(), owner->uid, owner->gid) != 0) {
      return failed("cannot change the owner of", inner, errno);
    }
  }
  // The marker comes last: with it, everything above is there, or is made again by the next start.
  if (!marker) {
    TRY_STATUS(sync_path(root, files));
    const std::string text = fmt::format("{}{}\n", kMarkerWords, kFormat);
    if (Status written = files.replace(names.marker, text, 0600, kFormatSite); !written) {
      return as_io(written.error());
    }
    if (owner && ::chown(names.marker.c_str(), owner->uid, owner->gid) != 0) {
      return failed("cannot change the owner of", names.marker, errno);
    }
  }
  // At every start: that a name is there does not say that the start which made it got as far as this.
  if (Status synced = files.sync_folder(root, kNamesSite); !synced) return as_io(synced.error());
  if (Status cleaned = files.remove_left_over(root); !cleaned) return as_io(cleaned.error());
  return DataFolder(std::move(root), std::move(lock));
}

}  // namespace hearth::storage
