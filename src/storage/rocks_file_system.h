#pragma once
// RocksDB's files, shown to a DiskWatch. Internal to storage; used by tests only.

#include <rocksdb/file_system.h>

#include <memory>

#include "storage/file_system.h"

namespace hearth::storage {

// RocksDB's default file system, with every operation that changes the disk shown to `watch`, which outlives it.
std::shared_ptr<rocksdb::FileSystem> watched_file_system(DiskWatch& watch);

}  // namespace hearth::storage
