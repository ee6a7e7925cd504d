#pragma once
// FileSystem: the one way this folder touches files, so that tests can watch every operation and make any of them fail.
//
// DiskWatch is the seam. Production passes none. With one, every operation that changes the disk (of blobs, of the data
// folder, and of RocksDB through rocks_file_system.h) is shown to it before it is made, when it may be refused with an
// errno, and after it succeeded; a watch that remembers what was synced knows what a power cut would leave.
//
// Every sync has a name, its SyncSite, under which docs/durability.md lists what would be lost without it. A watch that
// ignores the syncs of one site shows that the tests would notice. No other file of the program syncs anything.
//
// Tests: file_system_test.cc; faulty_disk.h is the watch that tests use; tests/crash/power_cut_test.cc.

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace hearth::storage {

enum class DiskOperation : std::uint8_t {
  kCreate,      // a new or emptied file
  kMakeFolder,  // a new folder
  kWrite,       // `size` bytes at `offset`
  kTruncate,    // the file ends at `offset`
  kSync,        // data and size of a file
  kSyncFolder,  // the names in a folder
  kSyncTree,    // a folder with everything below it
  kRename,      // `path` becomes `target`
  kExchange,    // `path` and `target` change places
  kRemove,      // of a file
};

// The name of a place in the source that syncs: "blob.bytes". Unique over the program.
struct SyncSite {
  std::string_view name;
};

struct DiskCall {
  DiskOperation operation;
  std::string_view path;
  std::string_view target = {};
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  SyncSite site = {};  // of a sync
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
  Status sync(int fd, const std::string& path, SyncSite site) const;
  Status rename(const std::string& from, const std::string& to) const;
  // Puts `path` in the place of `target`, which may exist as a file or a folder; what was there is then at `path`.
  // Returns whether something was. Where the file system cannot exchange names, `target` is missing for a moment.
  Result<bool> put_in_place(const std::string& path, const std::string& target) const;
  Status remove(const std::string& path) const;  // missing is fine
  Status sync_folder(const std::string& path, SyncSite site) const;
  // Everything on the file system of `path`: for trees of many files.
  Status sync_tree(const std::string& path, SyncSite site) const;
  // Makes the folder if it is missing (its parent exists). Its name lasts once the parent is synced.
  Status make_folder(const std::string& path, mode_t mode) const;
  // Replaces `path` by a file with these bytes; readers see the old or the new, never a part, also after a power cut if
  // the bytes are synced under a `site`. Which of the two lasts is decided when the folder is synced.
  Status replace(const std::string& path, std::string_view bytes, mode_t mode, std::optional<SyncSite> site) const;
  // Removes what a process that was killed inside replace() left in `folder`.
  Status remove_left_over(const std::string& folder) const;
  // The whole file. Errors: kCorrupt if it is missing, kUnavailable.
  Result<std::string> read(const std::string& path) const;
  // Names in a folder, without "." and "..", sorted.
  Result<std::vector<std::string>> list(const std::string& path) const;

  // Any other operation that changes the disk, shown to the watch: `operation()` returns 0 or an errno.
  template <class Operation>
  Status perform(const DiskCall& call, const char* verb, Operation operation) const {
    const int refused = watch_ ? watch_->before(call) : 0;
    const int error = refused != 0 ? refused : operation();
    if (error != 0) return failure(verb, call.path, error);
    if (watch_) watch_->after(call);
    return {};
  }

  DiskWatch* watch() const { return watch_; }

 private:
  static Status failure(const char* verb, std::string_view path, int error);

  DiskWatch* watch_;  // not owned; may be null
};

// The folder part of a path ("." if it has none).
std::string parent_of(const std::string& path);

}  // namespace hearth::storage
