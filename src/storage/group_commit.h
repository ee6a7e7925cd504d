#pragma once
// GroupCommit: the storage thread. It writes what the loop hands it, in order, one synced batch at a time.
//
// While one batch is being synced, everything that further turns of the loop hand over waits together and becomes the
// next batch: the more clients, the larger the batches, at one sync each. Background writes alone wait for
// `background_delay` for company. A batch that cannot be written is kept, with all that follows, and tried again
// with growing pauses, after the database was opened anew; nothing overtakes it.
//
// Path: rocks_store.cc -> here -> rocks_engine.h        Tests: rocks_store_test.cc, rocks_store_fault_test.cc

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "observe/log.h"
#include "storage/overlay.h"
#include "storage/rocks_engine.h"
#include "storage/store.h"

namespace hearth::storage {

class GroupCommit {
 public:
  struct Timing {
    std::chrono::milliseconds background_delay{100};
    std::chrono::milliseconds first_retry{100};  // doubles with every failure in a row
    std::chrono::milliseconds last_retry{2'000};
    std::chrono::milliseconds idle_before_trim{1'000};
  };
  // Everything up to `through` is synced; these writes have left memory for the database.
  struct Synced {
    Ticket through;
    std::vector<PendingWrite> writes;
  };
  // Nothing after the last Synced is; a sentence says why. Repeated with every failed attempt.
  struct Failed {
    std::string why;
  };
  using Report = std::function<void(std::variant<Synced, Failed>)>;

  // `report` is called on the storage thread. `engine` and `log` outlive this object.
  GroupCommit(RocksEngine& engine, Timing timing, Report report, const observe::Logger& log);
  // Writes what was handed over, unless the disk is failing, and ends the thread.
  ~GroupCommit();
  GroupCommit(const GroupCommit&) = delete;
  GroupCommit& operator=(const GroupCommit&) = delete;

  enum class Pace : std::uint8_t { kNow, kWithTheNext };

  // Hands over a turn's writes; `through` is the ticket of the last. Any one thread.
  void add(std::vector<PendingWrite> writes, Ticket through, Pace pace);
  // What was handed over shall not wait for company.
  void hurry();
  // Compacts the keys with `prefix` once everything handed over so far is written.
  void compact_after(std::string prefix);

  std::uint64_t sync_count() const { return syncs_; }

 private:
  using Time = std::chrono::steady_clock::time_point;

  void run();
  // Waits for something to do, under the lock; true if there is a batch to write.
  bool wait_for_work(std::unique_lock<std::mutex>& lock);
  void write_batch();
  Status try_batch();
  void keep_house(std::vector<std::string> prefixes);

  RocksEngine& engine_;
  const Timing timing_;
  const Report report_;
  const observe::Logger& log_;

  std::mutex mutex_;
  std::condition_variable changed_;
  // Shared, under the mutex.
  std::vector<PendingWrite> queue_;
  Ticket queued_through_ = 0;
  bool urgent_ = false;
  Time oldest_queued_{};
  std::vector<std::string> to_compact_;
  bool stopping_ = false;

  // The storage thread's own.
  std::vector<PendingWrite> batch_;  // not written yet; not empty after a failure
  Ticket batch_through_ = 0;
  std::chrono::milliseconds retry_{0};  // zero: the last attempt succeeded
  Time retry_at_{};
  std::size_t written_since_trim_ = 0;
  Time last_write_{};

  std::atomic<std::uint64_t> syncs_ = 0;
  std::thread thread_;  // last: it uses everything above
};

}  // namespace hearth::storage
