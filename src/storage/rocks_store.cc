#include "storage/rocks_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "base/check.h"
#include "storage/group_commit.h"
#include "storage/rocks_engine.h"

namespace hearth::storage {
namespace {

std::size_t bytes_of(const Batch::Write& write) { return write.key.size() + (write.value ? write.value->size() : 0); }

std::string_view view(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

// Walks an overlay and a database in one key order, either way, the overlay hiding what the database has.
// `Pending` is an iterator over the overlay in the walk's direction, `step` moves the database's.
template <class Pending, class Before, class Step>
Result<std::vector<Entry>> merge(Pending pending, Pending pending_end, rocksdb::Iterator& stored, Before before,
                                 Step step, std::size_t limit) {
  std::vector<Entry> entries;
  while (entries.size() < limit) {
    const bool has_pending = pending != pending_end;
    const bool has_stored = stored.Valid();
    if (!has_pending && !has_stored) break;
    const bool stored_first = has_stored && (!has_pending || before(view(stored.key()), pending->first));
    if (stored_first) {
      entries.push_back({.key = stored.key().ToString(), .value = stored.value().ToString()});
      step(stored);
      continue;
    }
    if (has_stored && view(stored.key()) == pending->first) step(stored);
    const Batch::Write& write = *pending->second;
    if (write.value) entries.push_back({.key = write.key, .value = *write.value});
    ++pending;
  }
  if (!stored.status().ok()) return rocks_failure("cannot read from the database", stored.status());
  return entries;
}

}  // namespace

Result<std::unique_ptr<RocksStore>> RocksStore::open(RocksStoreOptions options, net::Loop& loop,
                                                     const observe::Logger& log) {
  TRY(std::unique_ptr<RocksEngine> engine, RocksEngine::open(options.path, options.buffer, options.watch));
  return std::unique_ptr<RocksStore>(new RocksStore(std::move(options), loop, log, std::move(engine)));
}

RocksStore::RocksStore(RocksStoreOptions options, net::Loop& loop, const observe::Logger& log,
                       std::unique_ptr<RocksEngine> engine)
    : options_(std::move(options)),
      loop_(loop),
      log_(log),
      engine_(std::move(engine)),
      self_(std::make_shared<RocksStore*>(this)) {
  auto report = [&loop_here = loop_,
                 self = std::weak_ptr(self_)](std::variant<GroupCommit::Synced, GroupCommit::Failed> what) {
    loop_here.post([self, what = std::move(what)]() mutable {
      const std::shared_ptr<RocksStore*> store = self.lock();
      if (!store) return;
      if (auto* synced = std::get_if<GroupCommit::Synced>(&what))
        (*store)->on_synced(synced->through, std::move(synced->writes));
      if (const auto* failed = std::get_if<GroupCommit::Failed>(&what)) (*store)->on_failed(failed->why);
    });
  };
  const GroupCommit::Timing timing{.background_delay = options_.background_delay, .first_retry = options_.first_retry};
  commits_ = std::make_unique<GroupCommit>(*engine_, timing, std::move(report), log_);
}

RocksStore::~RocksStore() { end_turn(); }

Result<std::optional<std::string>> RocksStore::get(std::string_view key) {
  if (const Batch::Write* pending = overlay_.find(key)) return pending->value;
  return engine_->get(key);
}

Result<std::vector<Entry>> RocksStore::scan(std::string_view prefix, std::string_view after, std::size_t limit) {
  std::string start(prefix);
  if (!after.empty() && after >= prefix) start = std::string(after) + '\0';  // the smallest key greater than `after`
  const std::string end = after_prefix(prefix);
  if (!end.empty() && start >= end) return std::vector<Entry>();
  TRY(const auto reading, engine_->read(start, end));
  reading->iterator().Seek(start);
  const Overlay::Map& pending = overlay_.map();
  return merge(
      pending.lower_bound(start), end.empty() ? pending.end() : pending.lower_bound(end), reading->iterator(),
      [](std::string_view a, std::string_view b) { return a < b; }, [](rocksdb::Iterator& it) { it.Next(); }, limit);
}

Result<std::vector<Entry>> RocksStore::scan_back(std::string_view prefix, std::string_view before, std::size_t limit) {
  std::string end = after_prefix(prefix);
  if (!before.empty() && (end.empty() || before < end)) end = before;
  if (!end.empty() && end <= prefix) return std::vector<Entry>();
  TRY(const auto reading, engine_->read(std::string(prefix), end));
  reading->iterator().SeekToLast();  // the last before the bound
  const Overlay::Map& pending = overlay_.map();
  return merge(
      std::make_reverse_iterator(end.empty() ? pending.end() : pending.lower_bound(end)),
      std::make_reverse_iterator(pending.lower_bound(prefix)), reading->iterator(),
      [](std::string_view a, std::string_view b) { return a > b; }, [](rocksdb::Iterator& it) { it.Prev(); }, limit);
}

Result<bool> RocksStore::holds(const Batch::Condition& condition) {
  TRY(const std::optional<std::string> value, get(condition.key));
  return value == condition.expected;
}

std::unexpected<Error> RocksStore::unavailable() const {
  return fail(ErrorKind::kUnavailable, trouble_.value_or("storage is not available"));
}

Result<Ticket> RocksStore::commit(Batch batch, Urgency urgency) {
  HEARTH_CHECK(loop_.on_thread());
  if (trouble_) return unavailable();
  if (pending_bytes_ > options_.max_pending.value) {
    return fail(ErrorKind::kUnavailable,
                fmt::format("{} MiB of writes are waiting for the disk", pending_bytes_ >> 20U));
  }
  for (const Batch::Condition& condition : batch.conditions) {
    TRY(const bool met, holds(condition));
    if (!met) return fail(ErrorKind::kConflict, "a condition of the batch does not hold");
  }
  if (batch.writes.empty()) return newest_;
  return apply(std::move(batch.writes), urgency);
}

Ticket RocksStore::apply(std::vector<Batch::Write> writes, Urgency urgency) {
  for (Batch::Write& write : writes) {
    pending_bytes_ += bytes_of(write);
    turn_.push_back(std::make_shared<const Batch::Write>(std::move(write)));
    overlay_.add(turn_.back());
  }
  ++newest_;
  if (urgency == Urgency::kForeground) {
    last_foreground_ = newest_;
    turn_is_urgent_ = true;
  }
  if (!turn_end_posted_) {
    turn_end_posted_ = true;
    loop_.post([self = std::weak_ptr(self_)] {
      if (const std::shared_ptr<RocksStore*> store = self.lock()) (*store)->end_turn();
    });
  }
  return newest_;
}

void RocksStore::end_turn() {
  turn_end_posted_ = false;
  if (turn_.empty()) return;
  const auto pace = turn_is_urgent_ ? GroupCommit::Pace::kNow : GroupCommit::Pace::kWithTheNext;
  if (turn_is_urgent_) handed_.push_back({newest_, std::chrono::steady_clock::now()});
  turn_is_urgent_ = false;
  commits_->add(std::exchange(turn_, {}), newest_, pace);
  for (std::string& prefix : std::exchange(turn_erased_, {})) commits_->compact_after(std::move(prefix));
}

Task<Status> RocksStore::durable(Ticket ticket) {
  HEARTH_CHECK(ticket <= newest_, "a ticket that no commit returned");
  if (ticket <= synced_) co_return Status();
  if (trouble_) co_return unavailable();
  if (ticket > last_foreground_) {  // a background write that somebody wants after all
    turn_is_urgent_ = turn_is_urgent_ || !turn_.empty();
    commits_->hurry();
  }
  const auto waiter = std::make_shared<Waiter>(loop_.executor());
  const auto place = waiters_.emplace(ticket, waiter);
  // The steady clock itself: what is waited for is a real disk.
  const SteadyTime deadline = std::chrono::steady_clock::now() + options_.write_deadline;
  const Ticket synced_before = synced_;
  std::optional<Status> outcome = co_await waiter->wait_until(deadline);
  if (outcome) co_return std::move(*outcome);
  waiters_.erase(place);
  const std::string why = fmt::format("the disk has not finished a write for {} ms", options_.write_deadline.count());
  if (synced_ == synced_before) on_failed(why);  // it hangs: nobody else needs to wait as long; a sync ends the trouble
  co_return fail(ErrorKind::kUnavailable, why);
}

Status RocksStore::erase_prefix(std::string_view prefix) {
  constexpr std::size_t kPiece = 10'000;
  constexpr std::size_t kWorthCompacting = 1'000;
  if (trouble_) return unavailable();
  std::size_t erased = 0;
  std::string after;
  for (;;) {
    TRY(std::vector<Entry> entries, scan(prefix, after, kPiece));
    if (entries.empty()) break;
    after = entries.back().key;
    std::vector<Batch::Write> writes;
    writes.reserve(entries.size());
    for (Entry& entry : entries) writes.push_back({.key = std::move(entry.key), .value = std::nullopt});
    erased += writes.size();
    apply(std::move(writes), Urgency::kForeground);
  }
  if (erased >= kWorthCompacting) turn_erased_.emplace_back(prefix);
  return {};
}

void RocksStore::on_synced(Ticket through, std::vector<PendingWrite> writes) {
  synced_ = through;
  const auto now = std::chrono::steady_clock::now();
  for (; !handed_.empty() && handed_.front().through <= through; handed_.pop_front()) {
    commit_times_.add(now - handed_.front().at);
  }
  for (const PendingWrite& write : writes) pending_bytes_ -= bytes_of(*write);
  written_.push_back(std::move(writes));
  if (!forgetting_posted_) forget_written();
  if (trouble_) {
    trouble_.reset();
    log_.info("storage accepts writes again");
  }
  const auto end = waiters_.upper_bound(through);
  for (auto waiter = waiters_.begin(); waiter != end; ++waiter) waiter->second->set(Status());
  waiters_.erase(waiters_.begin(), end);
}

void RocksStore::forget_written() {
  constexpr std::size_t kPiece = 500;
  forgetting_posted_ = false;
  for (std::size_t done = 0; done < kPiece && !written_.empty();) {
    std::vector<PendingWrite>& oldest = written_.front();
    // Which of a group goes first does not matter: what is in the overlay and in the database reads the same.
    for (; done < kPiece && !oldest.empty(); ++done) {
      overlay_.remove_written(oldest.back());
      oldest.pop_back();
    }
    if (oldest.empty()) written_.pop_front();
  }
  if (written_.empty()) return;
  forgetting_posted_ = true;
  loop_.post([self = std::weak_ptr(self_)] {
    if (const std::shared_ptr<RocksStore*> store = self.lock()) (*store)->forget_written();
  });
}

void RocksStore::on_failed(const std::string& why) {
  if (!trouble_) log_.error("storage refuses writes until the disk works again", {{"error", why}});
  trouble_ = why;
  for (const auto& [ticket, waiter] : std::exchange(waiters_, {})) waiter->set(unavailable());
}

std::uint64_t RocksStore::sync_count() const { return commits_->sync_count(); }

}  // namespace hearth::storage
