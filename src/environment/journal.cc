#include "environment/journal.h"

#include <algorithm>
#include <utility>

#include "base/barriers.h"
#include "environment/output.h"

namespace hearth::environment {
namespace {

constexpr std::size_t kTailBytes = 4096;  // what Invoke answers as LogResult
constexpr std::size_t kPieceLines = 32;   // storing a line takes some microseconds
constexpr std::size_t kPieceBytes = std::size_t{256} * 1024;
constexpr std::size_t kCrowdLines = 1024;
constexpr std::size_t kCrowdBytes = std::size_t{512} * 1024;
constexpr std::size_t kFullLines = 8192;  // a pipe full of lines of 8 bytes
constexpr std::size_t kFullBytes = std::size_t{2} * 1024 * 1024;
// A burst of 16 MiB passes at once, then 8 MiB a second. A line costs as much as 400 bytes, since storing it has a
// price too: 21,000 empty lines a second are a tenth of what the loop can do.
constexpr double kBudgetBytes = 16.0 * 1024 * 1024;
constexpr double kRefillPerMs = 8.0 * 1024 * 1024 / 1000;
constexpr double kLineCost = 400;

}  // namespace

Journal::Journal(LogSink& sink, const Clock& clock, LogStream stream)
    : sink_(sink), clock_(clock), stream_(std::move(stream)), budget_(kBudgetBytes), refilled_at_(clock.steady_now()) {}

Journal::~Journal() { flush(); }

void Journal::platform(std::string text) {
  if (!text.empty()) add(clock_.now(), std::move(text));
}

void Journal::function(std::string text, std::optional<TimePoint> written_at) {
  budget_ -= kLineCost;
  const TimePoint now = clock_.now();
  const bool plausible = written_at && *written_at <= now && now - *written_at < std::chrono::minutes(15);
  add(plausible ? *written_at : now, std::move(text));
}

void Journal::add(TimePoint at, std::string text) {
  if (keeps_tail_) {
    tail_.append(text.size() > kTailBytes ? std::string_view(text).substr(text.size() - kTailBytes)
                                          : std::string_view(text));
    tail_.push_back('\n');
    if (tail_.size() > 4 * kTailBytes) tail_.erase(0, tail_.size() - kTailBytes);
  }
  text.push_back('\n');
  pending_bytes_ += text.size();
  pending_.push_back({at, std::move(text)});
}

void Journal::begin_tail() {
  keeps_tail_ = true;
  tail_.clear();
}

std::string Journal::take_tail() {
  keeps_tail_ = false;
  std::string tail = std::exchange(tail_, {});
  if (tail.size() > kTailBytes) {
    std::size_t from = tail.size() - kTailBytes;
    while (from < tail.size() && (static_cast<unsigned char>(tail[from]) & 0xC0U) == 0x80U) ++from;
    tail.erase(0, from);
  }
  return tail;
}

bool Journal::is_crowded() const { return pending_.size() >= kCrowdLines || pending_bytes_ >= kCrowdBytes; }

bool Journal::is_full() const { return pending_.size() >= kFullLines || pending_bytes_ >= kFullBytes; }

bool Journal::flush_piece() {
  if (pending_.empty()) return false;
  std::vector<LogLine> piece;
  piece.reserve(std::min(pending_.size(), kPieceLines));
  for (std::size_t bytes = 0; !pending_.empty() && piece.size() < kPieceLines && bytes < kPieceBytes;) {
    bytes += pending_.front().text.size();
    pending_bytes_ -= pending_.front().text.size();
    piece.push_back(std::move(pending_.front()));
    pending_.pop_front();
  }
  sink_.append(stream_.account, stream_.region, stream_.group, stream_.stream, std::move(piece));
  return !pending_.empty();
}

void Journal::flush() {
  while (flush_piece()) {
  }
}

void Journal::charge(std::size_t bytes) { budget_ -= static_cast<double>(bytes); }

std::chrono::milliseconds Journal::overdrawn_for() {
  if (budget_ >= 0 || !barrier_up(Barrier::kLogBudget)) return {};
  refill();
  if (budget_ >= 0) return {};
  // A little more than the debt, so that reading goes on in useful pieces.
  return std::chrono::milliseconds(static_cast<std::int64_t>(-budget_ / kRefillPerMs) + 10);
}

void Journal::refill() {
  const SteadyTime now = clock_.steady_now();
  const double elapsed_ms = std::chrono::duration<double, std::milli>(now - refilled_at_).count();
  refilled_at_ = now;
  budget_ = std::min(kBudgetBytes, budget_ + elapsed_ms * kRefillPerMs);
}

}  // namespace hearth::environment
