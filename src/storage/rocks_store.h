#pragma once
// RocksStore: the Store of one machine, on RocksDB.
//
// A commit puts its writes into an overlay that reads see at once, and into the list of the current turn of the loop.
// At the turn's end the list goes to the storage thread (group_commit.h), which writes and syncs it as one batch and
// posts back how far the disk is; that wakes who waits in durable() and empties the overlay.
//
// In trouble (disk full or failing) everything unsynced stays in the overlay and in line, commits are refused, and
// waiters fail: so nothing is acknowledged or shown that may yet be lost. The storage thread goes on trying, and its
// first success ends the trouble.
//
// Path: services/*/store.cc -> store.h -> here -> group_commit.h -> rocks_engine.h
// Tests: rocks_store_test.cc, rocks_store_fault_test.cc, tests/crash/

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "net/loop.h"
#include "net/one_shot.h"
#include "observe/duration_histogram.h"
#include "observe/log.h"
#include "storage/file_system.h"
#include "storage/overlay.h"
#include "storage/store.h"

namespace hearth::storage {

class GroupCommit;
class RocksEngine;

struct RocksStoreOptions {
  std::string path;                                  // of the database's folder; its parent exists
  std::chrono::milliseconds write_deadline{10'000};  // how long durable() waits
  std::chrono::milliseconds background_delay{100};   // how long a background write waits for company
  std::chrono::milliseconds first_retry{100};        // after a failure; doubles up to 2 s
  ByteCount max_pending = ByteCount::mib(64);        // unsynced bytes; commits beyond are refused
  ByteCount buffer = ByteCount::mib(8);              // rows the database keeps in memory beside its log
  DiskWatch* watch = nullptr;                        // tests only; outlives the store
};

// Thread: the loop's. Lifetime: `loop` and `log` outlive the store, and no coroutine waits in durable() when it is
// destroyed. Destroying it writes what is unsynced (blocking), unless the disk is failing.
class RocksStore final : public Store {
 public:
  // Opens or makes the database; blocking. Errors: kIo, kCorrupt.
  static Result<std::unique_ptr<RocksStore>> open(RocksStoreOptions options, net::Loop& loop,
                                                  const observe::Logger& log);
  ~RocksStore() override;

  Result<std::optional<std::string>> get(std::string_view key) override;
  Result<std::vector<Entry>> scan(std::string_view prefix, std::string_view after, std::size_t limit) override;
  Result<std::vector<Entry>> scan_back(std::string_view prefix, std::string_view before, std::size_t limit) override;
  Result<Ticket> commit(Batch batch, Urgency urgency = Urgency::kForeground) override;
  Ticket last_ticket() const override { return last_foreground_; }
  Task<Status> durable(Ticket ticket) override;
  bool is_durable(Ticket ticket) const override { return ticket <= synced_; }
  Status erase_prefix(std::string_view prefix) override;
  std::optional<std::string> trouble() const override { return trouble_; }

  // Synced batches so far; with the tickets, how many commits share a sync.
  std::uint64_t sync_count() const;
  // From the end of a turn with foreground writes to the news that they are synced.
  const observe::DurationHistogram& commit_times() const { return commit_times_; }

 private:
  using Waiter = net::OneShot<Status>;
  struct Outcome;

  RocksStore(RocksStoreOptions options, net::Loop& loop, const observe::Logger& log,
             std::unique_ptr<RocksEngine> engine);

  Result<bool> holds(const Batch::Condition& condition);
  Ticket apply(std::vector<Batch::Write> writes, Urgency urgency);
  void end_turn();
  void on_synced(Ticket through, std::vector<PendingWrite> writes);
  // Takes what is in the database out of memory, a piece a turn.
  void forget_written();
  void on_failed(const std::string& why);
  std::unexpected<Error> unavailable() const;

  const RocksStoreOptions options_;
  net::Loop& loop_;
  const observe::Logger& log_;

  Overlay overlay_;
  std::size_t pending_bytes_ = 0;
  Ticket newest_ = 0;
  Ticket last_foreground_ = 0;
  Ticket synced_ = 0;
  std::optional<std::string> trouble_;
  std::multimap<Ticket, std::shared_ptr<Waiter>> waiters_;
  struct Handed {
    Ticket through;
    std::chrono::steady_clock::time_point at;
  };
  std::deque<Handed> handed_;  // turns with foreground writes that are not synced yet
  observe::DurationHistogram commit_times_;

  std::deque<std::vector<PendingWrite>> written_;  // no longer needed in the overlay, oldest group first
  bool forgetting_posted_ = false;

  // The current turn.
  std::vector<PendingWrite> turn_;
  std::vector<std::string> turn_erased_;  // prefixes of which much was erased
  bool turn_is_urgent_ = false;
  bool turn_end_posted_ = false;

  std::unique_ptr<RocksEngine> engine_;
  std::shared_ptr<RocksStore*> self_;     // what posted work holds weakly; gone with the store
  std::unique_ptr<GroupCommit> commits_;  // last: its thread ends before anything above does
};

}  // namespace hearth::storage
