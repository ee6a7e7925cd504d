#include "environment/runtime_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

#include "base/bytes.h"
#include "base/unique_fd.h"

namespace hearth::environment {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kFolderMode = 0755;
constexpr mode_t kFileMode = 0644;
constexpr std::string_view kPrefix = "client-";
// Where the SDK is bound inside a sandbox; a mount point must exist below a read-only tree.
constexpr std::string_view kSdkMountPoint = "nodejs/node_modules";

std::unexpected<Error> io_error(const std::string& what, const std::string& path, int error) {
  return fail(RuntimeFilesError::kIo, what + " " + path + ": " + std::strerror(error));
}

// 16 hex digits of a hash over names and contents.
std::string content_hash(std::span<const EmbeddedFile> files) {
  std::string all;
  for (const auto& file : files) {
    all += std::string(file.name) + '\0' + std::to_string(file.content.size()) + '\0';
    all += file.content;
  }
  return hex_encode(sha256(all)).substr(0, 16);
}

bool holds_exactly(const fs::path& folder, std::span<const EmbeddedFile> files) {
  if (std::error_code error; !fs::is_directory(folder / kSdkMountPoint, error)) return false;
  for (const auto& file : files) {
    std::ifstream in(folder / file.name, std::ios::binary);
    if (!in) return false;
    if (const std::string content(std::istreambuf_iterator<char>(in), {}); content != file.content) return false;
  }
  return true;
}

// The umask does not apply: sandboxes run as other users.
Status make_folders(const fs::path& root, const fs::path& relative) {
  fs::path path = root;
  for (const auto& part : relative) {
    path /= part;
    if (::mkdir(path.c_str(), kFolderMode) != 0 && errno != EEXIST) return io_error("cannot make", path, errno);
    if (::chmod(path.c_str(), kFolderMode) != 0) return io_error("cannot set the mode of", path, errno);
  }
  return {};
}

// Not synced: what a power cut spoils does not hold exactly what it should, and the next start writes it anew.
Status write_file(const fs::path& path, std::string_view content) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kFileMode));
  if (!fd) return io_error("cannot write", path, errno);
  while (!content.empty()) {
    const ssize_t written = ::write(fd.get(), content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return io_error("cannot write", path, errno);
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fchmod(fd.get(), kFileMode) != 0) return io_error("cannot set the mode of", path, errno);
  return {};
}

Status write_all(const fs::path& folder, std::span<const EmbeddedFile> files) {
  TRY_STATUS(make_folders(folder, fs::path(kSdkMountPoint)));
  for (const auto& file : files) {
    TRY_STATUS(make_folders(folder, fs::path(file.name).parent_path()));
    TRY_STATUS(write_file(folder / file.name, file.content));
  }
  return {};
}

}  // namespace

Result<RuntimeFiles> RuntimeFiles::install(const std::string& root, std::span<const EmbeddedFile> files) {
  const std::string name = std::string(kPrefix) + content_hash(files);
  const fs::path folder = fs::path(root) / name;
  std::error_code error;
  if (!holds_exactly(folder, files)) {
    const fs::path fresh = fs::path(root) / (name + ".new");
    fs::remove_all(fresh, error);
    if (error) return io_error("cannot remove", fresh, error.value());
    if (::mkdir(fresh.c_str(), kFolderMode) != 0) return io_error("cannot make", fresh, errno);
    if (::chmod(fresh.c_str(), kFolderMode) != 0) return io_error("cannot set the mode of", fresh, errno);
    TRY_STATUS(write_all(fresh, files));
    fs::remove_all(folder, error);
    if (error) return io_error("cannot remove", folder, error.value());
    fs::rename(fresh, folder, error);
    if (error) return io_error("cannot rename", fresh, error.value());
  }
  for (fs::directory_iterator entry(root, error), end; !error && entry != end; entry.increment(error)) {
    const std::string other = entry->path().filename();
    if (!other.starts_with(kPrefix) || other == name) continue;
    std::error_code removing;
    fs::remove_all(entry->path(), removing);
    if (removing) return io_error("cannot remove", entry->path(), removing.value());
  }
  if (error) return io_error("cannot list", root, error.value());
  return RuntimeFiles(folder);
}

}  // namespace hearth::environment
