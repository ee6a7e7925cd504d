#include "storage/rocks_file_system.h"

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

namespace hearth::storage {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

// RocksDB's own barriers, named by what they sync.
SyncSite site_of_file(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  if (name.ends_with(".log")) return {"rows.log"};
  if (name.ends_with(".sst")) return {"rows.table"};
  if (name.starts_with("MANIFEST-")) return {"rows.manifest"};
  if (name.starts_with("OPTIONS-")) return {"rows.options"};
  if (name == "000000.dbtmp") return {"rows.identity"};
  if (name.ends_with(".dbtmp")) return {"rows.current"};
  return {"rows.other"};
}

SyncSite site_of_folder(const rocksdb::DirFsyncOptions& options) {
  switch (options.reason) {
    case rocksdb::DirFsyncOptions::kNewFileSynced:
      return {"rows.new_names"};
    case rocksdb::DirFsyncOptions::kFileRenamed:
      return {"rows.renamed_names"};
    case rocksdb::DirFsyncOptions::kDirRenamed:
    case rocksdb::DirFsyncOptions::kFileDeleted:
    case rocksdb::DirFsyncOptions::kDefault:
      return {"rows.names"};
  }
  return {"rows.names"};
}

// Makes `operation` if the watch lets it.
template <class Operation>
IOStatus watched(DiskWatch& watch, const DiskCall& call, Operation operation) {
  if (const int refused = watch.before(call)) {
    const std::string path(call.path);
    IOStatus status =
        refused == ENOSPC ? IOStatus::NoSpace(path, ::strerror(refused)) : IOStatus::IOError(path, ::strerror(refused));
    if (refused == ENOSPC) status.SetRetryable(true);  // as RocksDB's own file system reports it
    return status;
  }
  IOStatus status = operation();
  if (status.ok()) watch.after(call);
  return status;
}

class WatchedFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  WatchedFile(std::unique_ptr<rocksdb::FSWritableFile> file, std::string path, DiskWatch& watch)
      : FSWritableFileOwnerWrapper(std::move(file)), path_(std::move(path)), watch_(watch) {}

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    return watched(watch_, write(data), [&] { return target()->Append(data, options, debug); });
  }
  IOStatus Append(const Slice& data, const IOOptions& options, const rocksdb::DataVerificationInfo& info,
                  IODebugContext* debug) override {
    return watched(watch_, write(data), [&] { return target()->Append(data, options, info, debug); });
  }
  IOStatus Truncate(std::uint64_t size, const IOOptions& options, IODebugContext* debug) override {
    const DiskCall call{.operation = DiskOperation::kTruncate, .path = path_, .offset = size};
    return watched(watch_, call, [&] { return target()->Truncate(size, options, debug); });
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    return watched(watch_, sync(), [&] { return target()->Sync(options, debug); });
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return watched(watch_, sync(), [&] { return target()->Fsync(options, debug); });
  }

 private:
  DiskCall write(const Slice& data) {
    return {.operation = DiskOperation::kWrite,
            .path = path_,
            .offset = target()->GetFileSize(IOOptions(), nullptr),
            .size = data.size()};
  }
  DiskCall sync() const { return {.operation = DiskOperation::kSync, .path = path_, .site = site_of_file(path_)}; }

  std::string path_;
  DiskWatch& watch_;
};

class WatchedFolder final : public rocksdb::FSDirectoryWrapper {
 public:
  WatchedFolder(std::unique_ptr<rocksdb::FSDirectory> folder, std::string path, DiskWatch& watch)
      : FSDirectoryWrapper(std::move(folder)), path_(std::move(path)), watch_(watch) {
    while (path_.size() > 1 && path_.ends_with('/')) path_.pop_back();
  }

  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return watched(watch_, sync({}), [&] { return FSDirectoryWrapper::Fsync(options, debug); });
  }
  IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* debug,
                               const rocksdb::DirFsyncOptions& folder_options) override {
    return watched(watch_, sync(folder_options),
                   [&] { return FSDirectoryWrapper::FsyncWithDirOptions(options, debug, folder_options); });
  }

 private:
  DiskCall sync(const rocksdb::DirFsyncOptions& options) const {
    return {.operation = DiskOperation::kSyncFolder, .path = path_, .site = site_of_folder(options)};
  }

  std::string path_;
  DiskWatch& watch_;
};

class WatchedFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  explicit WatchedFileSystem(DiskWatch& watch) : FileSystemWrapper(rocksdb::FileSystem::Default()), watch_(watch) {}

  const char* Name() const override { return "WatchedFileSystem"; }

  IOStatus NewWritableFile(const std::string& path, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* file, IODebugContext* debug) override {
    IOStatus status = watched(watch_, {.operation = DiskOperation::kCreate, .path = path},
                              [&] { return target()->NewWritableFile(path, options, file, debug); });
    return wrapped(std::move(status), path, file);
  }
  IOStatus ReopenWritableFile(const std::string& path, const FileOptions& options,
                              std::unique_ptr<rocksdb::FSWritableFile>* file, IODebugContext* debug) override {
    return wrapped(target()->ReopenWritableFile(path, options, file, debug), path, file);
  }
  IOStatus NewDirectory(const std::string& path, const IOOptions& options,
                        std::unique_ptr<rocksdb::FSDirectory>* folder, IODebugContext* debug) override {
    IOStatus status = target()->NewDirectory(path, options, folder, debug);
    if (status.ok()) *folder = std::make_unique<WatchedFolder>(std::move(*folder), path, watch_);
    return status;
  }
  IOStatus DeleteFile(const std::string& path, const IOOptions& options, IODebugContext* debug) override {
    return watched(watch_, {.operation = DiskOperation::kRemove, .path = path},
                   [&] { return target()->DeleteFile(path, options, debug); });
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                      IODebugContext* debug) override {
    return watched(watch_, {.operation = DiskOperation::kRename, .path = from, .target = to},
                   [&] { return target()->RenameFile(from, to, options, debug); });
  }
  IOStatus Truncate(const std::string& path, std::size_t size, const IOOptions& options,
                    IODebugContext* debug) override {
    return watched(watch_, {.operation = DiskOperation::kTruncate, .path = path, .offset = size},
                   [&] { return target()->Truncate(path, size, options, debug); });
  }

 private:
  IOStatus wrapped(IOStatus status, const std::string& path, std::unique_ptr<rocksdb::FSWritableFile>* file) {
    if (status.ok()) *file = std::make_unique<WatchedFile>(std::move(*file), path, watch_);
    return status;
  }

  DiskWatch& watch_;
};

}  // namespace

std::shared_ptr<rocksdb::FileSystem> watched_file_system(DiskWatch& watch) {
  return std::make_shared<WatchedFileSystem>(watch);
}

}  // namespace hearth::storage
