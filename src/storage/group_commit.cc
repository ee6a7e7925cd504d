#include "storage/group_commit.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace hearth::storage {
namespace {

constexpr std::size_t kTrimAfter = 4U << 20U;      // bytes written that make giving memory back worth a flush
constexpr std::size_t kRecoverySpace = 1U << 20U;  // what opening the database anew writes, beside the batch itself

std::size_t bytes_of(const std::vector<PendingWrite>& writes) {
  std::size_t bytes = 0;
  for (const PendingWrite& write : writes) bytes += write->key.size() + (write->value ? write->value->size() : 0);
  return bytes;
}

}  // namespace

GroupCommit::GroupCommit(RocksEngine& engine, Timing timing, Report report, const observe::Logger& log)
    : engine_(engine), timing_(timing), report_(std::move(report)), log_(log), thread_([this] { run(); }) {}

GroupCommit::~GroupCommit() {
  {
    const std::lock_guard guard(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void GroupCommit::add(std::vector<PendingWrite> writes, Ticket through, Pace pace) {
  bool wake = pace == Pace::kNow;
  {
    const std::lock_guard guard(mutex_);
    if (queue_.empty()) {
      oldest_queued_ = std::chrono::steady_clock::now();
      queue_ = std::move(writes);
      wake = true;  // it must learn until when to wait
    } else {
      std::ranges::move(writes, std::back_inserter(queue_));
    }
    queued_through_ = through;
    urgent_ = urgent_ || pace == Pace::kNow;
  }
  if (wake) changed_.notify_one();
}

void GroupCommit::hurry() {
  {
    const std::lock_guard guard(mutex_);
    urgent_ = true;
  }
  changed_.notify_one();
}

void GroupCommit::compact_after(std::string prefix) {
  {
    const std::lock_guard guard(mutex_);
    to_compact_.push_back(std::move(prefix));
  }
  changed_.notify_one();
}

void GroupCommit::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    const bool has_batch = wait_for_work(lock);
    if (!has_batch && stopping_) return;
    if (has_batch) {
      std::ranges::move(queue_, std::back_inserter(batch_));
      queue_.clear();
      batch_through_ = queued_through_;
      urgent_ = false;
      lock.unlock();
      write_batch();
      lock.lock();
      if (stopping_ && !batch_.empty()) {
        log_.error("stopped while the disk fails: the last writes, none acknowledged, are lost",
                   {{"writes", std::to_string(batch_.size())}});
        return;
      }
    } else {
      std::vector<std::string> prefixes = std::exchange(to_compact_, {});
      lock.unlock();
      keep_house(std::move(prefixes));
      lock.lock();
    }
  }
}

bool GroupCommit::wait_for_work(std::unique_lock<std::mutex>& lock) {
  for (;;) {
    const Time now = std::chrono::steady_clock::now();
    if (!batch_.empty()) {  // failing: nothing but time, or the end, changes that
      if (stopping_ || now >= retry_at_) return true;
      changed_.wait_until(lock, retry_at_, [this] { return stopping_; });
      continue;
    }
    if (!queue_.empty()) {
      const Time due = oldest_queued_ + timing_.background_delay;
      if (urgent_ || stopping_ || now >= due) return true;
      changed_.wait_until(lock, due);
      continue;
    }
    urgent_ = false;
    if (stopping_ || !to_compact_.empty()) return false;
    const bool damaged = engine_.is_damaged();
    if (written_since_trim_ < kTrimAfter && !damaged) {
      changed_.wait(lock);
      continue;
    }
    const Time due =
        damaged ? std::max(retry_at_, last_write_ + timing_.first_retry) : last_write_ + timing_.idle_before_trim;
    if (now >= due) return false;
    changed_.wait_until(lock, due);
  }
}

// A first failure is answered by opening the database anew at once, since it may have been a passing one.
Status GroupCommit::try_batch() {
  if (retry_.count() == 0) {
    const Status written = engine_.write(batch_);
    if (written) return {};
    log_.warn("a write failed; the database is opened again", {{"error", written.error().message()}});
  }
  TRY_STATUS(engine_.recover(kRecoverySpace + 2 * bytes_of(batch_)));
  return engine_.write(batch_);
}

void GroupCommit::write_batch() {
  if (const Status written = try_batch(); !written) {
    retry_ = retry_.count() == 0 ? timing_.first_retry : std::min(retry_ * 2, timing_.last_retry);
    retry_at_ = std::chrono::steady_clock::now() + retry_;
    report_(Failed{.why = written.error().message()});
    return;
  }
  ++syncs_;
  written_since_trim_ += bytes_of(batch_);
  last_write_ = std::chrono::steady_clock::now();
  retry_ = {};
  report_(Synced{.through = batch_through_, .writes = std::exchange(batch_, {})});
}

void GroupCommit::keep_house(std::vector<std::string> prefixes) {
  const auto warn = [this](const Status& status) {
    if (!status) log_.warn("storage housekeeping failed and is left for later", {{"error", status.error().message()}});
  };
  if (engine_.is_damaged()) {
    // Commits still succeed, so nobody needs to hear of it but the log; it must be repaired before they stop to.
    const Status recovered = engine_.recover(kRecoverySpace);
    warn(recovered);
    retry_at_ = std::chrono::steady_clock::now() + timing_.last_retry;
    if (!recovered) return;
  }
  for (const std::string& prefix : prefixes) warn(engine_.compact(prefix, after_prefix(prefix)));
  if (written_since_trim_ >= kTrimAfter && std::chrono::steady_clock::now() >= last_write_ + timing_.idle_before_trim) {
    warn(engine_.trim());
    written_since_trim_ = 0;
  }
}

}  // namespace hearth::storage
