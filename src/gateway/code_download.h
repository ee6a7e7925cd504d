#pragma once
// CodeDownload: presigned links to function packages (Code.Location), and their answers.
//
// A link names a blob and a time of expiry and carries an HMAC over both, under a key that is made once and kept in the
// store: links survive a restart, and no key of a user is involved.
//
// Path: services/lambda -> services::CodeLinks; platform_pages.cc -> serve()        Tests: code_download_test.cc

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "net/http.h"
#include "net/task.h"
#include "services/lambda/code_links.h"
#include "storage/blob_store.h"
#include "storage/store.h"

namespace hearth::gateway {

// Thread: the loop's. Lifetime: the references outlive it.
class CodeDownload final : public services::CodeLinks {
 public:
  static constexpr std::string_view kPathPrefix = "/_hearth/code/";
  static constexpr std::chrono::seconds kLifetime{600};
  static constexpr int kMostReads = 4;  // each holds up to 50 MB until its reply is counted by the server

  // Reads the key from the store, making it when it is missing. Errors: storage::ErrorKind.
  static Result<CodeDownload> open(storage::Store& store, storage::BlobStore& blobs, const Clock& clock);

  std::string link(const storage::BlobId& blob, const std::string& endpoint) override;
  // Answers a link's target: 200 with the package, 403 in S3's words when it is forged or too old, 404 when the package
  // is gone, 503 when kMostReads others are being read.
  net::Task<net::HttpReply> serve(std::string target);
  // Makes a new key after a reset emptied the store. Errors: storage::ErrorKind.
  Status renew_key();

 private:
  CodeDownload(storage::Store& store, storage::BlobStore& blobs, const Clock& clock, std::string key);
  std::string signature(std::string_view blob, std::string_view expires) const;

  storage::Store* store_;
  storage::BlobStore* blobs_;
  const Clock* clock_;
  std::string key_;
  std::shared_ptr<int> reads_ = std::make_shared<int>(0);  // packages being read into memory now; see ReadSlot
};

}  // namespace hearth::gateway
