#include "simulated_store.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.h"
#include "storage/error_kind.h"

namespace hearth::simulation {
namespace {

using storage::Batch;
using storage::Entry;
using storage::Ticket;
using storage::Urgency;
using namespace std::chrono_literals;

constexpr auto kWriteDeadline = 10s;  // as the server's setting
constexpr auto kBackgroundDelay = 100ms;
constexpr auto kRetry = 400ms;

void write_to(Rows& rows, const Batch::Write& write) {
  if (write.value) {
    rows.insert_or_assign(write.key, *write.value);
  } else {
    rows.erase(write.key);
  }
}

}  // namespace

void SimulatedDisk::apply(const std::vector<Batch::Write>& writes) {
  for (const Batch::Write& write : writes) write_to(synced, write);
}

void SimulatedDisk::cut_power(Random& random, Mutant mutant) {
  if (mutant == Mutant::kTearsBatches && on_its_way.size() > 1) {
    on_its_way.erase(on_its_way.begin(), on_its_way.begin() + static_cast<std::ptrdiff_t>(on_its_way.size() / 2));
    apply(on_its_way);
  } else if (random.one_in(2)) {
    apply(on_its_way);
  }
  on_its_way.clear();
}

SimulatedStore::SimulatedStore(net::Loop& loop, net::Alarms& alarms, SimulatedDisk& disk, Random random, Trace& trace,
                               Mutant mutant)
    : loop_(loop),
      disk_(disk),
      random_(random),
      trace_(trace),
      mutant_(mutant),
      rows_(disk.synced),
      self_(std::make_shared<SimulatedStore*>(this)),
      alarm_(alarms.make([this] { on_alarm(); })) {}

SimulatedStore::~SimulatedStore() {
  if (disk_.health == SimulatedDisk::Health::kFine) {
    disk_.apply(disk_.on_its_way);
    disk_.apply(queued_);
    disk_.apply(turn_);
  }
  disk_.on_its_way.clear();
}

Result<std::optional<std::string>> SimulatedStore::get(std::string_view key) {
  const auto place = rows_.find(key);
  return place == rows_.end() ? std::nullopt : std::optional(place->second);
}

Result<std::vector<Entry>> SimulatedStore::scan(std::string_view prefix, std::string_view after, std::size_t limit) {
  std::vector<Entry> found;
  auto place = after.empty() ? rows_.lower_bound(prefix) : rows_.upper_bound(std::max(after, prefix));
  for (; place != rows_.end() && place->first.starts_with(prefix) && found.size() < limit; ++place) {
    found.push_back({place->first, place->second});
  }
  return found;
}

Result<std::vector<Entry>> SimulatedStore::scan_back(std::string_view prefix, std::string_view before,
                                                     std::size_t limit) {
  std::vector<Entry> found;
  for (auto place = rows_.rbegin(); place != rows_.rend() && found.size() < limit; ++place) {
    if (place->first.starts_with(prefix) && (before.empty() || place->first < before)) {
      found.push_back({place->first, place->second});
    }
  }
  return found;
}

std::unexpected<Error> SimulatedStore::unavailable() {
  ++refusals_;
  return fail(storage::ErrorKind::kUnavailable, trouble_.value_or("storage is not available"));
}

Result<Ticket> SimulatedStore::commit(Batch batch, Urgency urgency) {
  if (trouble_) return unavailable();
  for (const Batch::Condition& condition : batch.conditions) {
    const auto place = rows_.find(condition.key);
    const bool holds =
        condition.expected ? place != rows_.end() && place->second == *condition.expected : place == rows_.end();
    if (!holds) return fail(storage::ErrorKind::kConflict, "a condition of the batch does not hold");
  }
  if (batch.writes.empty()) return newest_;
  return apply(std::move(batch.writes), urgency);
}

Ticket SimulatedStore::apply(std::vector<Batch::Write> writes, Urgency urgency) {
  for (Batch::Write& write : writes) {
    write_to(rows_, write);
    turn_.push_back(std::move(write));
  }
  ++newest_;
  if (urgency == Urgency::kForeground) {
    last_foreground_ = newest_;
    is_urgent_ = true;
  }
  if (!std::exchange(turn_end_posted_, true)) {
    loop_.post([self = std::weak_ptr(self_)] {
      if (const auto store = self.lock()) (*store)->end_turn();
    });
  }
  return newest_;
}

Status SimulatedStore::erase_prefix(std::string_view prefix) {
  if (trouble_) return unavailable();
  std::vector<Batch::Write> writes;
  for (auto place = rows_.lower_bound(prefix); place != rows_.end() && place->first.starts_with(prefix); ++place) {
    writes.push_back({.key = place->first, .value = std::nullopt});
  }
  if (!writes.empty()) apply(std::move(writes), Urgency::kForeground);
  return {};
}

// --- on the way to the disk -----------------------------------------------------------------------------------------

void SimulatedStore::end_turn() {
  turn_end_posted_ = false;
  std::ranges::move(turn_, std::back_inserter(queued_));
  turn_.clear();
  queued_through_ = newest_;
  if (phase_ != Phase::kIdle && !(phase_ == Phase::kGathering && is_urgent_)) return;
  if (is_urgent_) return begin_write();
  phase_ = Phase::kGathering;
  alarm_->set(Clock::now() + kBackgroundDelay);
}

void SimulatedStore::begin_write() {
  phase_ = Phase::kWriting;
  is_urgent_ = false;
  std::ranges::move(queued_, std::back_inserter(disk_.on_its_way));
  queued_.clear();
  written_through_ = queued_through_;
  alarm_->set(Clock::now() + std::chrono::microseconds(50) + random_.up_to(disk_.slowest_sync));
}

void SimulatedStore::on_alarm() {
  switch (phase_) {
    case Phase::kIdle:
      return;
    case Phase::kGathering:
    case Phase::kPausing:
      return begin_write();
    case Phase::kWriting:
      break;
  }
  switch (disk_.health) {
    case SimulatedDisk::Health::kFine:
      return on_written();
    case SimulatedDisk::Health::kHanging:
      alarm_->set(Clock::now() + kRetry);
      return;
    case SimulatedDisk::Health::kFailing:
      return on_failed("cannot write: Input/output error (errno 5)");
    case SimulatedDisk::Health::kFull:
      return on_failed("cannot write: No space left on device (errno 28)");
  }
}

void SimulatedStore::on_written() {
  disk_.apply(disk_.on_its_way);
  disk_.on_its_way.clear();
  synced_ = written_through_;
  phase_ = Phase::kIdle;
  if (std::exchange(trouble_, std::nullopt)) trace_.note("store", "accepts writes again");
  const auto end = waiters_.upper_bound(synced_);
  for (auto waiter = waiters_.begin(); waiter != end; ++waiter) waiter->second->set(Status());
  waiters_.erase(waiters_.begin(), end);
  if (queued_.empty()) return;
  if (is_urgent_) return begin_write();
  phase_ = Phase::kGathering;
  alarm_->set(Clock::now() + kBackgroundDelay);
}

void SimulatedStore::on_failed(const std::string& why) {
  if (!trouble_) trace_.note("store", "refuses writes: " + why);
  trouble_ = why;
  if (phase_ == Phase::kWriting && disk_.health != SimulatedDisk::Health::kHanging) {
    phase_ = Phase::kPausing;
    alarm_->set(Clock::now() + kRetry);
  }
  for (const auto& [ticket, waiter] : std::exchange(waiters_, {})) waiter->set(unavailable());
}

bool SimulatedStore::is_durable(Ticket ticket) const {
  return mutant_ == Mutant::kAnswersBeforeDurable || ticket <= synced_;
}

Task<Status> SimulatedStore::durable(Ticket ticket) {
  HEARTH_CHECK(ticket <= newest_, "a ticket that no commit returned");
  if (is_durable(ticket)) co_return Status();
  if (trouble_) co_return unavailable();
  const auto waiter = std::make_shared<Waiter>(loop_.executor());
  const auto place = waiters_.emplace(ticket, waiter);
  const SteadyTime deadline = Clock::now() + kWriteDeadline;
  const Ticket synced_before = synced_;
  std::optional<Status> outcome = co_await waiter->wait_until(deadline);
  if (outcome) co_return std::move(*outcome);
  waiters_.erase(place);
  const std::string why = "the disk has not finished a write for 10000 ms";
  if (synced_ == synced_before) on_failed(why);
  co_return fail(storage::ErrorKind::kUnavailable, why);
}

}  // namespace hearth::simulation
