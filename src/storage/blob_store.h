#pragma once
// BlobStore: immutable byte strings as files named by their SHA-256, synced with their directory before they count.

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/loop.h"
#include "net/task.h"
#include "net/thread_pool.h"

namespace hearth::storage {

struct BlobId {
  std::string sha256_hex;  // 64 lower-case digits
  auto operator<=>(const BlobId&) const = default;
};

class BlobStore {
 public:
  virtual ~BlobStore() = default;

  // Writes `bytes` (hashing and syncing on the pool). Storing what exists already is cheap and succeeds.
  // Errors: storage::ErrorKind::kUnavailable. Nothing is left behind on failure.
  virtual Task<Result<BlobId>> put(std::string bytes) = 0;
  // The whole blob, read on the pool. Errors: kCorrupt if it is missing or does not match its name.
  virtual Task<Result<std::string>> read(BlobId id) = 0;
  // Where the blob's file is, for readers that map it.
  virtual std::string path(const BlobId& id) const = 0;
  // Deletes it; missing is fine.
  virtual Status remove(const BlobId& id) = 0;
};

}  // namespace hearth::storage
