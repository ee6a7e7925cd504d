#pragma once
// Store: ordered keys, atomic conditional batches, and one rule: no answer before its write is on disk.
//
// Writes apply at once to what reads see, and reach the disk in the order they were made: all batches of one loop turn
// become one synced write on the storage thread (group commit). A commit returns a ticket, its place in that order.
// Replies do not wait for single tickets: the gateway waits on durable(last_ticket()) before it sends any reply, so an
// answer can neither acknowledge nor reveal state that a power cut could still undo. Writes whose loss nobody was told
// about (log lines, last-used times) are made with Urgency::kBackground and hold up no reply.
//
// When the disk is full or fails, the store keeps the unsynced writes, refuses new ones (kUnavailable), fails the
// waiters, retries, and accepts again when a write succeeded.
//
// Keys are bytes; build them with storage/key.h. Thread: the loop's.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/task.h"
#include "storage/error_kind.h"

namespace hearth::storage {

using Ticket = std::uint64_t;  // grows by one per commit; 0: nothing was ever written

enum class Urgency : std::uint8_t { kForeground, kBackground };

struct Batch {
  struct Write {
    std::string key;
    std::optional<std::string> value;  // nothing: erase
  };
  struct Condition {
    std::string key;
    std::optional<std::string> expected;  // nothing: the key must not exist
  };
  std::vector<Condition> conditions;
  std::vector<Write> writes;

  Batch& require_absent(std::string key) {
    conditions.push_back({std::move(key), std::nullopt});
    return *this;
  }
  Batch& require_equal(std::string key, std::string value) {
    conditions.push_back({std::move(key), std::move(value)});
    return *this;
  }
  Batch& put(std::string key, std::string value) {
    writes.push_back({std::move(key), std::move(value)});
    return *this;
  }
  Batch& erase(std::string key) {
    writes.push_back({std::move(key), std::nullopt});
    return *this;
  }
};

struct Entry {
  std::string key;
  std::string value;
};

class Store {
 public:
  virtual ~Store() = default;

  virtual Result<std::optional<std::string>> get(std::string_view key) = 0;
  // Entries with `prefix`, key greater than `after` (if not empty; itself a full key), in key order, at most `limit`.
  virtual Result<std::vector<Entry>> scan(std::string_view prefix, std::string_view after, std::size_t limit) = 0;
  // As scan, in reverse key order; key less than `before` (if not empty).
  virtual Result<std::vector<Entry>> scan_back(std::string_view prefix, std::string_view before, std::size_t limit) = 0;

  // Applies the batch if all its conditions hold. Errors: kConflict, kUnavailable.
  virtual Result<Ticket> commit(Batch batch, Urgency urgency = Urgency::kForeground) = 0;
  // The ticket of the newest foreground commit.
  virtual Ticket last_ticket() const = 0;
  // Waits until everything up to `ticket` is synced; returns at once (no suspension) if it is.
  // Errors: kUnavailable (the write failed, or did not succeed within the store's deadline).
  virtual Task<Status> durable(Ticket ticket) = 0;
  virtual bool is_durable(Ticket ticket) const = 0;

  // Erases every key with `prefix`, as foreground commits of this turn; their space is reclaimed later. It reads all
  // the keys first: for reset and for deleting whole things, not for everyday use. Errors: kUnavailable.
  virtual Status erase_prefix(std::string_view prefix) = 0;
  // Nothing while writes succeed, else a sentence for the operator ("disk full: ...").
  virtual std::optional<std::string> trouble() const = 0;
};

}  // namespace hearth::storage
