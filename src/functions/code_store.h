#pragma once
// CodeStore: packages: checked, stored as blobs by hash, and unpacked once per hash into trees shared read-only.
//
// A zip is refused with AWS's words when it cannot be read, is too large (50 MB zipped, 250 MB unpacked, 100,000
// entries), leaves its folder (absolute path, "..", link target outside), or fails its CRC; and with a message naming
// the file when it holds a native module that cannot be loaded here (native_modules.h).
//
// The content of layers is kept in the same way; a function with several of them gets a tree in which they are merged
// (merge.h), made once per ordered list of packages.
//
// Trees are derived data: they are not synced, but carry a marker with the kernel's boot id, and one that was not
// finished or was written before the machine last started is unpacked again from its blob when it is needed.
//
// Path: services/lambda/service.cc -> here -> storage/blob_store.h        Tests: code_store_test.cc

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "functions/function.h"
#include "functions/native_modules.h"
#include "functions/zip_reader.h"
#include "net/loop.h"
#include "net/task.h"
#include "net/thread_pool.h"
#include "storage/blob_store.h"
#include "storage/file_system.h"

namespace hearth::functions {

// Under which name the merged tree of these layers is kept, for CodeStore::collect(). Nothing unless there are several.
std::optional<storage::BlobId> merged_tree_id(const std::vector<CodePackage>& layers);

class CodeStore {
 public:
  // `root`: folder for unpacked trees, made if missing. The others outlive the store.
  CodeStore(net::Loop& loop, net::ThreadPool& pool, storage::BlobStore& blobs, std::string root, CodeLimits limits,
            const storage::FileSystem& files = storage::FileSystem());
  ~CodeStore();

  // Checks, stores and unpacks a package. Errors: ErrorKind::kBadPackage, kTooLarge (messages are AWS's),
  // storage::ErrorKind::kUnavailable.
  net::Task<Result<CodePackage>> ingest(std::string zip, RuntimeAbi abi);
  // The same for a layer: it may hold native modules of several runtimes. `zipped`: how large the zip may be.
  net::Task<Result<CodePackage>> ingest_layer(std::string zip, ByteCount zipped);
  // The unpacked tree of a package, unpacking it again if it is missing. World-readable, never changed once it exists.
  net::Task<Result<std::string>> tree(CodePackage code);
  // The tree of these layers together, later ones winning; empty for none. Errors: as tree().
  net::Task<Result<std::string>> layers(std::vector<CodePackage> packages);
  // Whether the native modules of a stored package load under `abi` (another runtime was chosen). Errors: as tree(),
  // ErrorKind::kBadPackage.
  net::Task<Status> check(CodePackage code, RuntimeAbi abi);
  // Removes trees and blobs that none of `in_use` names, was last seen in use or asked for over kGrace ago: an
  // environment may still run from them. Call it from time to time; the first call after a start has no such scruples.
  net::Task<Status> collect(std::vector<storage::BlobId> in_use);
  static constexpr std::chrono::minutes kGrace{25};  // longer than the longest invocation and the calls' distance
  // Removes every tree and blob at once. No environment may be running.
  net::Task<Status> clear();
  const CodeLimits& limits() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hearth::functions
