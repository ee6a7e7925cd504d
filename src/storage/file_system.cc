#include "storage/file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "base/bytes.h"
#include "storage/error_kind.h"

namespace hearth::storage {
namespace {

// "ca.pem.new-0123456789ab": a file on its way to its name.
constexpr std::string_view kNewMark = ".new-";
constexpr std::size_t kNewBytes = 6;

std::unexpected<Error> failed(const char* verb, std::string_view path, int error) {
  return fail(ErrorKind::kUnavailable,
              fmt::format("cannot {} {}: {} (errno {})", verb, path, ::strerror(error), error));
}

UniqueFd open_folder(const std::string& path) {
  return UniqueFd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

}  // namespace

Status FileSystem::failure(const char* verb, std::string_view path, int error) { return failed(verb, path, error); }

Result<UniqueFd> FileSystem::create(const std::string& path, mode_t mode) const {
  UniqueFd fd;
  TRY_STATUS(perform({.operation = DiskOperation::kCreate, .path = path}, "create", [&] {
    fd = UniqueFd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    return fd ? 0 : errno;
  }));
  return fd;
}

Status FileSystem::write(int fd, const std::string& path, std::string_view bytes) const {
  return perform({.operation = DiskOperation::kWrite, .path = path, .offset = 0, .size = bytes.size()}, "write", [&] {
    std::size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t n = ::pwrite(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return errno;
      if (n == 0) return ENOSPC;
      done += static_cast<std::size_t>(n);
    }
    return 0;
  });
}

Status FileSystem::sync(int fd, const std::string& path, SyncSite site) const {
  return perform({.operation = DiskOperation::kSync, .path = path, .site = site}, "sync",
                 [&] { return ::fdatasync(fd) == 0 ? 0 : errno; });
}

Status FileSystem::rename(const std::string& from, const std::string& to) const {
  return perform({.operation = DiskOperation::kRename, .path = from, .target = to}, "rename",
                 [&] { return ::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno; });
}

Result<bool> FileSystem::put_in_place(const std::string& path, const std::string& target) const {
  struct stat info{};
  if (::lstat(target.c_str(), &info) != 0) {
    TRY_STATUS(rename(path, target));
    return false;
  }
  bool can_exchange = true;
  TRY_STATUS(perform({.operation = DiskOperation::kExchange, .path = path, .target = target}, "replace", [&] {
    if (::renameat2(AT_FDCWD, path.c_str(), AT_FDCWD, target.c_str(), RENAME_EXCHANGE) == 0) return 0;
    can_exchange = errno != EINVAL && errno != ENOSYS;
    return can_exchange ? errno : 0;
  }));
  if (can_exchange) return true;
  const std::string old = path + ".old";
  TRY_STATUS(rename(target, old));
  TRY_STATUS(rename(path, target));
  TRY_STATUS(rename(old, path));
  return true;
}

Status FileSystem::remove(const std::string& path) const {
  return perform({.operation = DiskOperation::kRemove, .path = path}, "remove",
                 [&] { return ::unlink(path.c_str()) == 0 || errno == ENOENT ? 0 : errno; });
}

Status FileSystem::sync_folder(const std::string& path, SyncSite site) const {
  return perform({.operation = DiskOperation::kSyncFolder, .path = path, .site = site}, "sync folder", [&] {
    const UniqueFd folder = open_folder(path);
    return folder && ::fsync(folder.get()) == 0 ? 0 : errno;
  });
}

Status FileSystem::sync_tree(const std::string& path, SyncSite site) const {
  return perform({.operation = DiskOperation::kSyncTree, .path = path, .site = site}, "sync", [&] {
    const UniqueFd folder = open_folder(path);
    return folder && ::syncfs(folder.get()) == 0 ? 0 : errno;
  });
}

Status FileSystem::make_folder(const std::string& path, mode_t mode) const {
  const auto is_there = [&] {
    struct stat info{};
    return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
  };
  if (is_there()) return {};
  return perform({.operation = DiskOperation::kMakeFolder, .path = path}, "create folder", [&] {
    if (::mkdir(path.c_str(), mode) != 0) return errno == EEXIST && is_there() ? 0 : errno;  // another thread was first
    return ::chmod(path.c_str(), mode) == 0 ? 0 : errno;                                     // whatever the umask says
  });
}

Status FileSystem::replace(const std::string& path, std::string_view bytes, mode_t mode,
                           std::optional<SyncSite> site) const {
  const std::string temporary = path + std::string(kNewMark) + hex_encode(random_bytes(kNewBytes));
  const auto write_temporary = [&]() -> Status {
    TRY(const UniqueFd fd, create(temporary, mode));
    TRY_STATUS(write(fd.get(), temporary, bytes));
    if (site) TRY_STATUS(sync(fd.get(), temporary, *site));
    return rename(temporary, path);
  };
  Status written = write_temporary();
  if (!written) ::unlink(temporary.c_str());  // what is left over, if anything; the error to report is the first one
  return written;
}

Status FileSystem::remove_left_over(const std::string& folder) const {
  TRY(const std::vector<std::string> names, list(folder));
  for (const std::string& name : names) {
    const std::size_t at = name.rfind(kNewMark);
    if (at == std::string::npos || name.size() - at != kNewMark.size() + 2 * kNewBytes) continue;
    TRY_STATUS(remove(folder + "/" + name));
  }
  return {};
}

Result<std::string> FileSystem::read(const std::string& path) const {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd && errno == ENOENT) return fail(ErrorKind::kCorrupt, fmt::format("{} is missing", path));
  if (!fd) return failed("open", path, errno);
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) return failed("read", path, errno);
  std::string bytes(static_cast<std::size_t>(info.st_size), '\0');
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = ::pread(fd.get(), bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed("read", path, errno);
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  bytes.resize(done);
  return bytes;
}

Result<std::vector<std::string>> FileSystem::list(const std::string& path) const {
  struct Closer {
    void operator()(DIR* folder) const { ::closedir(folder); }
  };
  const std::unique_ptr<DIR, Closer> folder(::opendir(path.c_str()));
  if (!folder) return failed("list", path, errno);
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(folder.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) return failed("list", path, errno);
  std::ranges::sort(names);
  return names;
}

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace hearth::storage
