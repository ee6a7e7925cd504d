#pragma once
// FileBlobStore: each blob a file, ROOT/ab/cd/abcd..., written beside and renamed into place.
//
// A blob counts once its bytes are synced, it has its name, and the folders on the way to it are synced. Bytes are
// written in ROOT/tmp; what a crash leaves there is removed at the next start. A folder is synced into its parent once
// per process, before the first blob that is in it counts: that it exists does not say that it would survive.
//
// Path: functions/code_store.cc -> blob_store.h -> here        Tests: file_blob_store_test.cc

#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "net/loop.h"
#include "net/thread_pool.h"
#include "storage/blob_store.h"
#include "storage/file_system.h"

namespace hearth::storage {

// Thread: the loop's; the work itself is done on the pool. Lifetime: loop and pool outlive the store, and the store
// outlives every put() and read() that was started.
class FileBlobStore final : public BlobStore {
 public:
  // Makes `root` if it is missing (its parent exists; that its name lasts is DataFolder's part) and removes what
  // unfinished writes left. Blocking. Errors: kIo.
  static Result<std::unique_ptr<FileBlobStore>> open(std::string root, const FileSystem& files, net::Loop& loop,
                                                     net::ThreadPool& pool);

  Task<Result<BlobId>> put(std::string bytes) override;
  Task<Result<std::string>> read(BlobId id) override;
  std::string path(const BlobId& id) const override;
  Status remove(const BlobId& id) override;

 private:
  FileBlobStore(std::string root, const FileSystem& files, net::Loop& loop, net::ThreadPool& pool);

  Result<BlobId> put_now(std::string_view bytes);
  Result<std::string> read_now(const BlobId& id) const;
  Status write_file(const BlobId& id, std::string_view bytes);
  Status make_folders(const BlobId& id);
  Status make_synced_folder(const std::string& path, SyncSite site);

  const std::string root_;
  const FileSystem files_;
  net::Loop& loop_;
  net::ThreadPool& pool_;

  std::mutex mutex_;
  std::set<std::string> synced_folders_;  // under the mutex
};

}  // namespace hearth::storage
