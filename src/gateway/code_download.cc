#include "gateway/code_download.h"

#include <fmt/format.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "gateway/identify.h"
#include "storage/key.h"
#include "wire/sigv4_text.h"

namespace hearth::gateway {
namespace {

constexpr std::size_t kKeyBytes = 32;

std::string key_name() { return storage::make_key("gateway.secret", "", "", {"code-links"}); }

// What S3, which answers such links on AWS, would say.
net::HttpReply refusal(int status, std::string_view code, std::string_view message) {
  return {.status = status,
          .headers = {{"Content-Type", "application/xml"}},
          .body = fmt::format("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{}</Code><Message>{}</Message>"
                              "</Error>",
                              code, message)};
}

// One of the packages being read; given back however the read ends, also when the server goes first.
class ReadSlot {
 public:
  // Nothing if all are taken.
  static std::optional<ReadSlot> take(std::shared_ptr<int> in_use, int most) {
    if (*in_use >= most) return std::nullopt;
    return ReadSlot(std::move(in_use));
  }
  ReadSlot(ReadSlot&&) noexcept = default;
  ReadSlot& operator=(ReadSlot&&) = delete;
  ReadSlot(const ReadSlot&) = delete;
  ReadSlot& operator=(const ReadSlot&) = delete;
  ~ReadSlot() {
    if (in_use_) --*in_use_;
  }

 private:
  explicit ReadSlot(std::shared_ptr<int> in_use) : in_use_(std::move(in_use)) { ++*in_use_; }
  std::shared_ptr<int> in_use_;
};

bool is_blob_name(std::string_view text) {
  return text.size() == 64 &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace

CodeDownload::CodeDownload(storage::Store& store, storage::BlobStore& blobs, const Clock& clock, std::string key)
    : store_(&store), blobs_(&blobs), clock_(&clock), key_(std::move(key)) {}

Result<CodeDownload> CodeDownload::open(storage::Store& store, storage::BlobStore& blobs, const Clock& clock) {
  TRY(auto stored, store.get(key_name()));
  CodeDownload download(store, blobs, clock, stored ? *stored : std::string());
  if (download.key_.size() != kKeyBytes) TRY_STATUS(download.renew_key());
  return download;
}

Status CodeDownload::renew_key() {
  std::string key = random_bytes(kKeyBytes);
  storage::Batch batch;
  batch.put(key_name(), key);
  TRY([[maybe_unused]] const storage::Ticket ticket, store_->commit(std::move(batch)));
  key_ = std::move(key);
  return {};
}

std::string CodeDownload::signature(std::string_view blob, std::string_view expires) const {
  return hex_encode(hmac_sha256(key_, fmt::format("hearth-code\n{}\n{}", blob, expires)));
}

std::string CodeDownload::link(const storage::BlobId& blob, const std::string& endpoint) {
  const auto at = std::chrono::floor<std::chrono::seconds>(clock_->now() + kLifetime).time_since_epoch();
  const std::string expires = std::to_string(at.count());
  return fmt::format("{}{}{}?Expires={}&Signature={}", endpoint, kPathPrefix, blob.sha256_hex, expires,
                     signature(blob.sha256_hex, expires));
}

net::Task<net::HttpReply> CodeDownload::serve(std::string target) {
  const Target parts = split_target(target);
  const std::string_view blob = parts.path.substr(kPathPrefix.size());
  const Parameters query = wire::split_query(parts.query);
  const std::string* expires = find_parameter(query, "Expires");
  const std::string* given = find_parameter(query, "Signature");
  if (!is_blob_name(blob) || !expires || !given) {
    co_return refusal(403, "AccessDenied", "Access Denied");
  }
  const std::string expected = signature(blob, *expires);
  if (given->size() != expected.size() || CRYPTO_memcmp(given->data(), expected.data(), expected.size()) != 0) {
    co_return refusal(403, "SignatureDoesNotMatch",
                      "The request signature we calculated does not match the signature you provided. Check your key "
                      "and signing method.");
  }
  const auto end = wire::parse_decimal(*expires);
  const auto now = std::chrono::floor<std::chrono::seconds>(clock_->now().time_since_epoch()).count();
  if (!end || *end < static_cast<std::uint64_t>(now)) {
    co_return refusal(403, "AccessDenied", "Request has expired");
  }
  std::optional<ReadSlot> slot = ReadSlot::take(reads_, kMostReads);
  if (!slot) co_return refusal(503, "SlowDown", "Please reduce your request rate.");
  auto reading = blobs_->read(storage::BlobId{std::string(blob)});
  auto bytes = co_await std::move(reading);
  slot.reset();  // from here on the server counts the reply
  if (!bytes) co_return refusal(404, "NoSuchKey", "The specified key does not exist.");
  co_return net::HttpReply{
      .status = 200,
      .headers = {{"Content-Type", "application/zip"},
                  {"Content-Disposition", fmt::format("attachment; filename=\"{}.zip\"", blob.substr(0, 16))}},
      .body = std::move(*bytes)};
}

}  // namespace hearth::gateway
