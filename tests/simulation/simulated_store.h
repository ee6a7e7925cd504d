#pragma once
// SimulatedStore: a deterministic engine behind storage::Store, and the disk under it.
//
// The real store writes on a thread of its own, and RocksDB has more; who of them is first differs from run to run. So
// here the same promises are kept without threads: commits are seen at once, a turn's batches reach the disk as one
// group, in order, after a time that the seed chooses; a failing disk makes the store refuse, keep what it has and try
// again. The disk knows exactly what is synced, so a power cut leaves that, and perhaps the group that was on its way.
// (RocksDB itself is put through power cuts by storage_test.)

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mutant.h"
#include "net/alarm.h"
#include "net/loop.h"
#include "net/one_shot.h"
#include "random.h"
#include "storage/store.h"
#include "trace.h"

namespace hearth::simulation {

using Rows = std::map<std::string, std::string, std::less<>>;

// What the server's rows are written to. Survives power cuts; one store at a time uses it.
struct SimulatedDisk {
  enum class Health : std::uint8_t { kFine, kFailing, kFull, kHanging };

  // The power goes: what is on its way to the disk arrives whole or not at all.
  void cut_power(Random& random, Mutant mutant);
  void apply(const std::vector<storage::Batch::Write>& writes);

  Rows synced;
  std::vector<storage::Batch::Write> on_its_way;
  Health health = Health::kFine;
  std::chrono::microseconds slowest_sync{2'000};
};

class SimulatedStore final : public storage::Store {
 public:
  // All outlive it. Destroying it writes what is unsynced if the disk works.
  SimulatedStore(net::Loop& loop, net::Alarms& alarms, SimulatedDisk& disk, Random random, Trace& trace, Mutant mutant);
  ~SimulatedStore() override;

  Result<std::optional<std::string>> get(std::string_view key) override;
  Result<std::vector<storage::Entry>> scan(std::string_view prefix, std::string_view after, std::size_t limit) override;
  Result<std::vector<storage::Entry>> scan_back(std::string_view prefix, std::string_view before,
                                                std::size_t limit) override;
  Result<storage::Ticket> commit(storage::Batch batch, storage::Urgency urgency) override;
  storage::Ticket last_ticket() const override { return last_foreground_; }
  Task<Status> durable(storage::Ticket ticket) override;
  bool is_durable(storage::Ticket ticket) const override;
  Status erase_prefix(std::string_view prefix) override;
  std::optional<std::string> trouble() const override { return trouble_; }

  // Since it was made.
  std::uint64_t refusals() const { return refusals_; }
  std::size_t unsynced() const { return turn_.size() + queued_.size() + disk_.on_its_way.size(); }
  std::size_t waiters() const { return waiters_.size(); }

 private:
  using Waiter = net::OneShot<Status>;
  using Clock = std::chrono::steady_clock;
  enum class Phase : std::uint8_t { kIdle, kGathering, kWriting, kPausing };

  storage::Ticket apply(std::vector<storage::Batch::Write> writes, storage::Urgency urgency);
  void end_turn();
  void begin_write();
  void on_alarm();
  void on_written();
  void on_failed(const std::string& why);
  std::unexpected<Error> unavailable();

  net::Loop& loop_;
  SimulatedDisk& disk_;
  Random random_;
  Trace& trace_;
  const Mutant mutant_;

  Rows rows_;  // as reads see them
  std::vector<storage::Batch::Write> turn_;
  std::vector<storage::Batch::Write> queued_;
  bool turn_end_posted_ = false;
  bool is_urgent_ = false;
  storage::Ticket newest_ = 0;
  storage::Ticket last_foreground_ = 0;
  storage::Ticket queued_through_ = 0;
  storage::Ticket written_through_ = 0;  // once the group on its way is synced
  storage::Ticket synced_ = 0;
  std::optional<std::string> trouble_;
  std::uint64_t refusals_ = 0;
  std::multimap<storage::Ticket, std::shared_ptr<Waiter>> waiters_;
  Phase phase_ = Phase::kIdle;
  std::shared_ptr<SimulatedStore*> self_;  // what posted work holds weakly
  std::unique_ptr<net::Alarm> alarm_;
};

}  // namespace hearth::simulation
