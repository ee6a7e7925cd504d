#include "storage/key_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "base/bytes.h"
#include "storage/error_kind.h"

namespace hearth::storage {
namespace {

constexpr SyncSite kBytesSite{"key_file.bytes"};
constexpr SyncSite kNameSite{"key_file.name"};
constexpr mode_t kOwnerOnly = 0600;

bool is_there(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

Result<KeyRing> read(const std::string& path, const FileSystem& files) {
  TRY(const std::string text, files.read(path));
  auto keys = KeyRing::parse(text);
  if (!keys) return fail(std::move(keys).error().with_context("the key file " + path));
  return keys;
}

// Gives the file its name unless another process was first; whether it did.
Result<bool> name_it(const std::string& temporary, const std::string& path, const FileSystem& files) {
  bool taken = false;
  const DiskCall call{.operation = DiskOperation::kRename, .path = temporary, .target = path};
  TRY_STATUS(files.perform(call, "rename", [&] {
    if (::renameat2(AT_FDCWD, temporary.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) == 0) return 0;
    taken = errno == EEXIST;
    return taken ? 0 : errno;
  }));
  return !taken;
}

Result<KeyFile> make(const std::string& path, const FileSystem& files) {
  KeyFile made{.keys = KeyRing::fresh(), .is_new = true};
  const std::string temporary = path + ".new-" + hex_encode(random_bytes(6));
  const auto write = [&]() -> Result<bool> {
    TRY(const UniqueFd fd, files.create(temporary, kOwnerOnly));
    TRY_STATUS(files.write(fd.get(), temporary, made.keys.text()));
    TRY_STATUS(files.sync(fd.get(), temporary, kBytesSite));
    return name_it(temporary, path, files);
  };
  const auto named = write();
  if (!named || !*named) ::unlink(temporary.c_str());  // what is left over, if anything
  if (!named) return std::unexpected(named.error());
  TRY_STATUS(files.sync_folder(parent_of(path), kNameSite));
  if (*named) return made;
  TRY(made.keys, read(path, files));
  return made;
}

}  // namespace

Result<KeyFile> open_key_file(const std::string& path, const FileSystem& files) {
  if (!is_there(path)) return make(path, files);
  TRY(KeyRing keys, read(path, files));
  return KeyFile{.keys = std::move(keys)};
}

Result<KeyRing> rotate_key_file(const std::string& path, const FileSystem& files) {
  if (!is_there(path)) return fail(ErrorKind::kUnavailable, fmt::format("{}: {}", path, std::strerror(errno)));
  TRY(KeyRing keys, read(path, files));
  keys.rotate();
  TRY_STATUS(files.replace(path, keys.text(), kOwnerOnly, kBytesSite));
  TRY_STATUS(files.sync_folder(parent_of(path), kNameSite));
  return keys;
}

}  // namespace hearth::storage
