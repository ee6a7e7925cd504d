#pragma once
// FileSystem: the one way this folder touches files, so that tests can watch every operation and make any of them fail.
//
// DiskWatch is the seam. Production passes none. With one, every operation that changes the disk (of blobs, of the data
// folder, and of RocksDB through rocks_file_system.h) is shown to it before it is made, when it may be refused with an
// errno, and after it succeeded; a watch that remembers what was synced knows what a power cut would leave.
//
// Tests: file_system_test.cc; faulty_disk.h is the watch that tests use.

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace hearth::storage {

enum class DiskOperation : std::uint8_t {
  kCreate,      // a new or emptied file
  kWrite,       // `size` bytes at `offset`
  kTruncate,    // the file ends at `offset`
  kSync,        // data and size of a file
  kRename,      // `path` becomes `target`
  kRemove,      // of a file
  kSyncFolder,  // the names in a folder
};

struct DiskCall {
  DiskOperation operation;
  std::string_view path;
  std::string_view target = {};
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

// Thread: called from any, also at once. Outlives whoever it was given to.
class DiskWatch {
 public:
  virtual ~DiskWatch() = default;
  // 0, or the errno with which the operation fails without being made.
  virtual int before(const DiskCall& call) = 0;
  virtual void after(const DiskCall& call) = 0;
};

// Blocking; any thread. Errors: ErrorKind::kUnavailable with operation, path and errno in the message, unless said
// otherwise.
class FileSystem {
 public:
  explicit FileSystem(DiskWatch* watch = nullptr) : watch_(watch) {}

  // A new file, open for writing; it must not exist.
  Result<UniqueFd> create(const std::string& path, mode_t mode) const;
  Status write(int fd, const std::string& path, std::string_view bytes) const;  // all of it, at the file's start
  Status sync(int fd, const std::string& path) const;
  Status rename(const std::string& from, const std::string& to) const;
  Status remove(const std::string& path) const;  // missing is fine
  Status sync_folder(const std::string& path) const;
  // Makes the folder if it is missing (its parent exists) and syncs the parent.
  Status make_folder(const std::string& path, mode_t mode) const;
  // Replaces `path` by a file with these bytes, synced with its folder; readers see the old or the new, never a part.
  Status replace(const std::string& path, std::string_view bytes, mode_t mode) const;
  // The whole file. Errors: kCorrupt if it is missing, kUnavailable.
  Result<std::string> read(const std::string& path) const;
  // Names in a folder, without "." and "..", sorted.
  Result<std::vector<std::string>> list(const std::string& path) const;

  DiskWatch* watch() const { return watch_; }

 private:
  Status watched(const DiskCall& call, const char* verb, int (*operation)(const DiskCall&, int), int fd) const;

  DiskWatch* watch_;  // not owned; may be null
};

// The folder part of a path ("." if it has none).
std::string parent_of(const std::string& path);

}  // namespace hearth::storage
