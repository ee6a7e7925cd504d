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

std::unexpected<Error> failed(const char* verb, std::string_view path, int error) {
  return fail(ErrorKind::kUnavailable,
              fmt::format("cannot {} {}: {} (errno {})", verb, path, ::strerror(error), error));
}

int sync_data(const DiskCall& call, int fd) {
  (void)call;
  return ::fdatasync(fd) == 0 ? 0 : errno;
}

int rename_file(const DiskCall& call, int fd) {
  (void)fd;
  return ::rename(std::string(call.path).c_str(), std::string(call.target).c_str()) == 0 ? 0 : errno;
}

int remove_file(const DiskCall& call, int fd) {
  (void)fd;
  return ::unlink(std::string(call.path).c_str()) == 0 || errno == ENOENT ? 0 : errno;
}

int sync_names(const DiskCall& call, int fd) {
  (void)fd;
  const UniqueFd folder(::open(std::string(call.path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return errno;
  return ::fsync(folder.get()) == 0 ? 0 : errno;
}

}  // namespace

Status FileSystem::watched(const DiskCall& call, const char* verb, int (*operation)(const DiskCall&, int),
                           int fd) const {
  if (watch_) {
    if (const int refused = watch_->before(call)) return failed(verb, call.path, refused);
  }
  if (const int error = operation(call, fd)) return failed(verb, call.path, error);
  if (watch_) watch_->after(call);
  return {};
}

Result<UniqueFd> FileSystem::create(const std::string& path, mode_t mode) const {
  const DiskCall call{.operation = DiskOperation::kCreate, .path = path};
  if (watch_) {
    if (const int refused = watch_->before(call)) return failed("create", path, refused);
  }
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!fd) return failed("create", path, errno);
  if (watch_) watch_->after(call);
  return fd;
}

Status FileSystem::write(int fd, const std::string& path, std::string_view bytes) const {
  const DiskCall call{.operation = DiskOperation::kWrite, .path = path, .offset = 0, .size = bytes.size()};
  if (watch_) {
    if (const int refused = watch_->before(call)) return failed("write", path, refused);
  }
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = ::pwrite(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed("write", path, errno);
    if (n == 0) return failed("write", path, ENOSPC);
    done += static_cast<std::size_t>(n);
  }
  if (watch_) watch_->after(call);
  return {};
}

Status FileSystem::sync(int fd, const std::string& path) const {
  return watched({.operation = DiskOperation::kSync, .path = path}, "sync", sync_data, fd);
}

Status FileSystem::rename(const std::string& from, const std::string& to) const {
  return watched({.operation = DiskOperation::kRename, .path = from, .target = to}, "rename", rename_file, -1);
}

Status FileSystem::remove(const std::string& path) const {
  return watched({.operation = DiskOperation::kRemove, .path = path}, "remove", remove_file, -1);
}

Status FileSystem::sync_folder(const std::string& path) const {
  return watched({.operation = DiskOperation::kSyncFolder, .path = path}, "sync folder", sync_names, -1);
}

Status FileSystem::make_folder(const std::string& path, mode_t mode) const {
  if (::mkdir(path.c_str(), mode) == 0) {
    if (::chmod(path.c_str(), mode) != 0) return failed("set the mode of", path, errno);  // whatever the umask says
  } else if (errno != EEXIST) {
    return failed("create folder", path, errno);
  }
  return sync_folder(parent_of(path));
}

Status FileSystem::replace(const std::string& path, std::string_view bytes, mode_t mode) const {
  const std::string temporary = path + ".new-" + hex_encode(random_bytes(6));
  const auto write_temporary = [&]() -> Status {
    TRY(const UniqueFd fd, create(temporary, mode));
    TRY_STATUS(write(fd.get(), temporary, bytes));
    TRY_STATUS(sync(fd.get(), temporary));
    return rename(temporary, path);
  };
  if (Status written = write_temporary(); !written) {
    ::unlink(temporary.c_str());  // what is left over, if anything; the error to report is the first one
    return written;
  }
  return sync_folder(parent_of(path));
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
