#pragma once
// RocksEngine: RocksDB opened with small settings, and opened again after the disk failed. Internal to storage.
//
// RocksDB refuses everything after a failed write until it is told to resume or is opened anew. We always open it anew:
// it is the path that every start after a crash takes, so what it does to half-written logs is the best tested there
// is. Before that a probe file is written, so that a full disk leaves the open database readable.

#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/listener.h>

#include <atomic>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "storage/file_system.h"
#include "storage/overlay.h"

namespace hearth::storage {

// Reads come from the loop, everything else from the storage thread. Readers never wait: while the database is being
// opened anew they get kUnavailable.
class RocksEngine {
 public:
  // Opens or makes the database in folder `path`; it buffers `buffer` bytes of rows in memory, beside the log, before
  // it makes a file of them. Blocking. Errors: kIo, kCorrupt.
  static Result<std::unique_ptr<RocksEngine>> open(std::string path, ByteCount buffer, DiskWatch* watch);
  ~RocksEngine();
  RocksEngine(const RocksEngine&) = delete;
  RocksEngine& operator=(const RocksEngine&) = delete;

  // Errors: kUnavailable, kCorrupt.
  Result<std::optional<std::string>> get(std::string_view key) const;

  // An iterator over keys from `lower`, before `upper` (empty: to the end), and what keeps the database open under it.
  // Not kept beyond the turn that made it.
  class Reading {
   public:
    Reading(std::shared_lock<std::shared_mutex> open, rocksdb::DB& database, std::string lower, std::string upper);
    Reading(const Reading&) = delete;
    Reading& operator=(const Reading&) = delete;
    rocksdb::Iterator& iterator() { return *iterator_; }

   private:
    std::shared_lock<std::shared_mutex> open_;
    std::string lower_;
    std::string upper_;
    rocksdb::Slice lower_slice_;  // the iterator keeps pointers to these two
    rocksdb::Slice upper_slice_;
    std::unique_ptr<rocksdb::Iterator> iterator_;
  };
  // Errors: kUnavailable.
  Result<std::unique_ptr<Reading>> read(std::string lower, std::string upper) const;

  // Writes all of them as one batch and syncs. Errors: kUnavailable.
  Status write(const std::vector<PendingWrite>& writes);
  // Whether RocksDB reported a failure in the background (flush, compaction) since it was opened.
  bool is_damaged() const;
  // Makes it writable again. `space`: as many bytes must be free. Errors: kUnavailable; then try again later.
  Status recover(std::size_t space);
  // Has RocksDB's own threads drop, in their time, what erased keys between the two (second empty: to the end) still
  // take. Errors: kUnavailable.
  Status compact(std::string_view from, std::string_view to);
  // After much was written: puts buffered rows into files and gives free memory back to the system.
  Status trim();

 private:
  class Listener;

  RocksEngine(std::string path, ByteCount buffer, DiskWatch* watch);
  Status open_database();
  Status probe(std::size_t space) const;

  const std::string path_;
  const ByteCount buffer_;
  const FileSystem files_;
  std::unique_ptr<rocksdb::Env> env_;  // only with a watch
  std::shared_ptr<Listener> listener_;
  mutable std::shared_mutex open_;  // held shared by readers, exclusively while the database is exchanged
  std::unique_ptr<rocksdb::DB> database_;
};

// A failure of RocksDB as ours: kCorrupt or kUnavailable.
std::unexpected<Error> rocks_failure(std::string_view what, const rocksdb::Status& status);

// Smallest key greater than every key with `prefix`; empty if there is none.
std::string after_prefix(std::string_view prefix);

}  // namespace hearth::storage
