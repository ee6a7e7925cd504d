#pragma once
// CodeStore: packages: checked, stored as blobs by hash, and unpacked once per hash into trees shared read-only.
//
// A zip is refused with AWS's words when it cannot be read, is too large (50 MB zipped, 250 MB unpacked, 100,000
// entries), leaves its folder (absolute path, "..", link target outside), or fails its CRC; and with a message naming
// the file when it holds a native module that cannot be loaded here (native_modules.h).
//
// Path: services/lambda/service.cc -> here -> storage/blob_store.h        Tests: code_store_test.cc

#include <memory>
#include <string>

#include "base/result.h"
#include "functions/function.h"
#include "functions/native_modules.h"
#include "net/loop.h"
#include "net/task.h"
#include "net/thread_pool.h"
#include "storage/blob_store.h"

namespace hearth::functions {

struct CodeLimits {
  ByteCount zipped = ByteCount{52'428'800};          // direct upload, as AWS
  ByteCount unpacked = ByteCount{262'144'000};       // with layers, as AWS
  std::uint32_t entries = 100'000;
};

class CodeStore {
 public:
  // `root`: folder for unpacked trees, made if missing. The others outlive the store.
  CodeStore(net::Loop& loop, net::ThreadPool& pool, storage::BlobStore& blobs, std::string root, CodeLimits limits);
  ~CodeStore();

  // Checks, stores and unpacks a package. Errors: ErrorKind::kBadPackage, kTooLarge (messages are AWS's),
  // storage::ErrorKind::kUnavailable.
  net::Task<Result<CodePackage>> ingest(std::string zip, RuntimeAbi abi);
  // The unpacked tree of a package, unpacking it again if it is missing. World-readable, never changed once it exists.
  net::Task<Result<std::string>> tree(CodePackage code);
  // Removes trees and blobs that none of `in_use` names.
  net::Task<Status> collect(std::vector<storage::BlobId> in_use);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hearth::functions
