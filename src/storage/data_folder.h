#pragma once
// DataFolder: the one folder that holds everything durable, and the proof that it is ours alone.
//
// Opening makes the folder if it is missing (0700: what is inside is reached by this user, and by the launcher, which
// binds single trees of it into sandboxes), takes the lock that keeps a second server out, and checks the marker that
// says which format the data has. A folder that holds anything without that marker, or data of a newer format, is
// refused untouched.
//
//   hearth.format   "hearth data 1": the marker          db/        ordered keys (RocksDB)
//   hearth.lock     flock held while open; owner's pid   blobs/     byte strings by SHA-256
//   tls/            the sandbox CA and its key           code/      unpacked code trees
//   runtimes/       interpreters fetched by `hearth runtime add`
//   layers/         packages left by `hearth layer import` until they are asked for
//
// Path: main -> here -> rocks_store.h, file_blob_store.h, functions/code_store.h        Tests: data_folder_test.cc

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "storage/file_system.h"

namespace hearth::storage {

// Who the files shall belong to, where root opens the folder for a server that then runs as another user.
struct FolderOwner {
  uid_t uid;
  gid_t gid;
};

// Holds the lock while it lives. Move-only.
class DataFolder {
 public:
  // Opens or makes the folder. Missing parents are made too, 0755.
  // Errors: kLocked (the message has the owner's pid), kForeign, kIo. Each message is one sentence for the operator.
  static Result<DataFolder> open(const std::string& path, const FileSystem& files,
                                 std::optional<FolderOwner> owner = std::nullopt);

  const std::string& root() const { return root_; }  // absolute
  std::string db() const { return root_ + "/db"; }
  std::string blobs() const { return root_ + "/blobs"; }
  std::string code() const { return root_ + "/code"; }
  std::string layers() const { return root_ + "/layers"; }
  std::string runtimes() const { return root_ + "/runtimes"; }
  std::string tls() const { return root_ + "/tls"; }

 private:
  DataFolder(std::string root, UniqueFd lock) : root_(std::move(root)), lock_(std::move(lock)) {}

  std::string root_;
  UniqueFd lock_;
};

}  // namespace hearth::storage
