#include "gateway/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/unique_fd.h"

namespace hearth::gateway {
namespace {

std::unexpected<Error> io_error(std::string_view what, const std::string& path) {
  const int code = errno;
  return fail(code == ENOENT ? FileError::kMissing : FileError::kIo,
              fmt::format("{} {}: {}", what, path, std::strerror(code)));
}

Status write_all(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return io_error("write", path);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace

Result<std::string> read_file(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return io_error("open", path);
  std::string out;
  std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return io_error("read", path);
    if (got == 0) return out;
    out.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

Status write_file_atomically(const std::string& path, std::string_view bytes, mode_t mode) {
  const std::string temporary = path + ".new";
  (void)::unlink(temporary.c_str());  // left by a crash; O_EXCL below says if it could not go
  const UniqueFd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode));
  if (!fd) return io_error("create", temporary);
  if (::fchmod(fd.get(), mode) != 0) return io_error("chmod", temporary);
  TRY_STATUS(write_all(fd.get(), bytes, temporary));
  if (::fsync(fd.get()) != 0) return io_error("sync", temporary);
  if (::rename(temporary.c_str(), path.c_str()) != 0) return io_error("rename", temporary);
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const UniqueFd directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory || ::fsync(directory.get()) != 0) return io_error("sync folder", folder);
  return {};
}

}  // namespace hearth::gateway
