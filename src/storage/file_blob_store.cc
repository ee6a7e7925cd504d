#include "storage/file_blob_store.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "storage/error_kind.h"

namespace hearth::storage {
namespace {

constexpr SyncSite kBytesSite{"blob.bytes"};
constexpr SyncSite kNameSite{"blob.name"};
constexpr SyncSite kOuterSite{"blob.outer_folder"};  // ROOT/ab in ROOT
constexpr SyncSite kInnerSite{"blob.inner_folder"};  // ROOT/ab/cd in ROOT/ab

bool is_name(std::string_view hex) {
  return hex.size() == 64 &&
         std::ranges::all_of(hex, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_file_of_size(const std::string& path, std::size_t size) {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && static_cast<std::size_t>(info.st_size) == size;
}

}  // namespace

Result<std::unique_ptr<FileBlobStore>> FileBlobStore::open(std::string root, const FileSystem& files, net::Loop& loop,
                                                           net::ThreadPool& pool) {
  const std::string temporary = root + "/tmp";
  const auto prepare = [&]() -> Status {
    TRY_STATUS(files.make_folder(root, 0700));
    TRY_STATUS(files.make_folder(temporary, 0700));
    TRY(const std::vector<std::string> left_over, files.list(temporary));
    for (const std::string& name : left_over) TRY_STATUS(files.remove(temporary + "/" + name));
    return {};
  };
  if (const Status prepared = prepare(); !prepared) return fail(ErrorKind::kIo, prepared.error().message());
  return std::unique_ptr<FileBlobStore>(new FileBlobStore(std::move(root), files, loop, pool));
}

FileBlobStore::FileBlobStore(std::string root, const FileSystem& files, net::Loop& loop, net::ThreadPool& pool)
    : root_(std::move(root)), files_(files), loop_(loop), pool_(pool) {}

std::string FileBlobStore::path(const BlobId& id) const {
  HEARTH_CHECK(is_name(id.sha256_hex), "not the name of a blob");
  const std::string_view hex = id.sha256_hex;
  return fmt::format("{}/{}/{}/{}", root_, hex.substr(0, 2), hex.substr(2, 2), hex);
}

Task<Result<BlobId>> FileBlobStore::put(std::string bytes) {
  auto work = [this, bytes = std::move(bytes)] { return put_now(bytes); };
  co_return co_await pool_.run(loop_, std::move(work));
}

Task<Result<std::string>> FileBlobStore::read(BlobId id) {
  auto work = [this, id = std::move(id)] { return read_now(id); };
  co_return co_await pool_.run(loop_, std::move(work));
}

Status FileBlobStore::remove(const BlobId& id) { return files_.remove(path(id)); }

Result<BlobId> FileBlobStore::put_now(std::string_view bytes) {
  BlobId id{.sha256_hex = hex_encode(sha256(bytes))};
  const std::string file = path(id);
  TRY_STATUS(make_folders(id));
  // A file in place was synced before it got its name. One of the wrong size was damaged, and is replaced.
  if (!is_file_of_size(file, bytes.size())) TRY_STATUS(write_file(id, bytes));
  TRY_STATUS(files_.sync_folder(parent_of(file), kNameSite));
  return id;
}

Status FileBlobStore::write_file(const BlobId& id, std::string_view bytes) {
  const std::string temporary = fmt::format("{}/tmp/{}", root_, random_uuid());
  const auto write = [&]() -> Status {
    TRY(const UniqueFd fd, files_.create(temporary, 0600));
    TRY_STATUS(files_.write(fd.get(), temporary, bytes));
    TRY_STATUS(files_.sync(fd.get(), temporary, kBytesSite));
    return files_.rename(temporary, path(id));
  };
  Status written = write();
  if (!written) {
    // Removing it may fail for the same reason; then the next start does.
    [[maybe_unused]] const Status removed = files_.remove(temporary);
  }
  return written;
}

Status FileBlobStore::make_folders(const BlobId& id) {
  const std::string inner = parent_of(path(id));
  TRY_STATUS(make_synced_folder(parent_of(inner), kOuterSite));
  return make_synced_folder(inner, kInnerSite);
}

Status FileBlobStore::make_synced_folder(const std::string& path, SyncSite site) {
  {
    const std::lock_guard guard(mutex_);
    if (synced_folders_.contains(path)) return {};
  }
  TRY_STATUS(files_.make_folder(path, 0700));
  TRY_STATUS(files_.sync_folder(parent_of(path), site));
  const std::lock_guard guard(mutex_);
  synced_folders_.insert(path);
  return {};
}

Result<std::string> FileBlobStore::read_now(const BlobId& id) const {
  TRY(std::string bytes, files_.read(path(id)));
  if (hex_encode(sha256(bytes)) != id.sha256_hex) {
    return fail(ErrorKind::kCorrupt, fmt::format("{} does not hold what its name says", path(id)));
  }
  return bytes;
}

}  // namespace hearth::storage
