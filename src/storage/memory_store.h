#pragma once
// MemoryStore, MemoryBlobStore: fakes for unit tests of the layers above. Everything counts as durable at once; a test
// can make every write fail.

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "storage/blob_store.h"
#include "storage/store.h"

namespace hearth::storage {

class MemoryStore final : public Store {
 public:
  // From now on commit() fails with kUnavailable and this message; nothing: it works again.
  void fail_writes(std::optional<std::string> trouble) { trouble_ = std::move(trouble); }
  const std::map<std::string, std::string, std::less<>>& rows() const { return rows_; }

  Result<std::optional<std::string>> get(std::string_view key) override {
    const auto place = rows_.find(key);
    return place == rows_.end() ? std::nullopt : std::optional(place->second);
  }
  Result<std::vector<Entry>> scan(std::string_view prefix, std::string_view after, std::size_t limit) override {
    std::vector<Entry> found;
    auto place = after.empty() ? rows_.lower_bound(prefix) : rows_.upper_bound(std::max(after, prefix));
    for (; place != rows_.end() && place->first.starts_with(prefix) && found.size() < limit; ++place) {
      found.push_back({place->first, place->second});
    }
    return found;
  }
  Result<std::vector<Entry>> scan_back(std::string_view prefix, std::string_view before, std::size_t limit) override {
    std::vector<Entry> found;
    for (auto place = rows_.rbegin(); place != rows_.rend() && found.size() < limit; ++place) {
      if (place->first.starts_with(prefix) && (before.empty() || place->first < before)) {
        found.push_back({place->first, place->second});
      }
    }
    return found;
  }
  Result<Ticket> commit(Batch batch, Urgency = Urgency::kForeground) override {
    if (trouble_) return fail(ErrorKind::kUnavailable, *trouble_);
    for (const Batch::Condition& condition : batch.conditions) {
      const auto place = rows_.find(condition.key);
      const bool holds =
          condition.expected ? place != rows_.end() && place->second == *condition.expected : place == rows_.end();
      if (!holds) return fail(ErrorKind::kConflict, "a condition of the batch does not hold");
    }
    for (Batch::Write& write : batch.writes) {
      if (write.value) {
        rows_.insert_or_assign(std::move(write.key), *std::move(write.value));
      } else {
        rows_.erase(write.key);
      }
    }
    return ++last_ticket_;
  }
  Ticket last_ticket() const override { return last_ticket_; }
  Task<Status> durable(Ticket) override { co_return Status{}; }
  bool is_durable(Ticket) const override { return true; }
  Status erase_prefix(std::string_view prefix) override {
    if (trouble_) return fail(ErrorKind::kUnavailable, *trouble_);
    std::erase_if(rows_, [&](const auto& row) { return row.first.starts_with(prefix); });
    return {};
  }
  std::optional<std::string> trouble() const override { return trouble_; }

 private:
  std::map<std::string, std::string, std::less<>> rows_;
  std::optional<std::string> trouble_;
  Ticket last_ticket_ = 0;
};

class MemoryBlobStore final : public BlobStore {
 public:
  void fail_writes(std::optional<std::string> trouble) { trouble_ = std::move(trouble); }
  bool has(const BlobId& id) const { return blobs_.contains(id); }

  Task<Result<BlobId>> put(std::string bytes) override {
    if (trouble_) co_return fail(ErrorKind::kUnavailable, *trouble_);
    BlobId id{hex_encode(sha256(bytes))};
    blobs_.insert_or_assign(id, std::move(bytes));
    co_return id;
  }
  Task<Result<std::string>> read(BlobId id) override {
    const auto place = blobs_.find(id);
    if (place == blobs_.end()) co_return fail(ErrorKind::kCorrupt, "blob " + id.sha256_hex + " is missing");
    co_return place->second;
  }
  std::string path(const BlobId& id) const override { return "/nowhere/" + id.sha256_hex; }
  Status remove(const BlobId& id) override {
    blobs_.erase(id);
    return {};
  }

 private:
  std::map<BlobId, std::string> blobs_;
  std::optional<std::string> trouble_;
};

}  // namespace hearth::storage
