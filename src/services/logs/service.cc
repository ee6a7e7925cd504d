#include "services/logs/service.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <limits>
#include <queue>
#include <utility>

#include "services/logs/errors.h"
#include "services/logs/filter_pattern.h"

namespace hearth::services::logs {
namespace {

// Limits of PutLogEvents, from its API reference.
constexpr std::int64_t kMaxAgeMs = 14LL * 24 * 3600 * 1000;
constexpr std::int64_t kMaxFutureMs = 2LL * 3600 * 1000;
constexpr std::int64_t kMaxSpanMs = 24LL * 3600 * 1000;
constexpr std::size_t kMaxBatchBytes = 1'048'576;
constexpr std::size_t kEventOverheadBytes = 26;
// A page of events holds at most this many bytes of messages, as on AWS.
constexpr std::size_t kMaxPageBytes = 1'048'576;
constexpr std::size_t kScanEvents = 256;
constexpr std::size_t kScanStreams = 200;
// A search that read this many events answers with what it found, and a token to go on, as AWS does.
constexpr std::size_t kMostRead = 100'000;
constexpr std::int64_t kDayMs = 24LL * 3600 * 1000;
constexpr std::uint64_t kMaxSequence = std::numeric_limits<std::uint64_t>::max();
// The largest time a key holds and a token renders: the end of the year 9999.
constexpr std::int64_t kEndOfTimeMs = 253'402'300'799'999;

std::int64_t to_ms(TimePoint at) { return at.time_since_epoch().count(); }

std::string render_position(Position at) {
  return fmt::format("{:016x}{:016x}", static_cast<std::uint64_t>(at.timestamp_ms), at.sequence);
}

std::optional<Position> parse_position(std::string_view text) {
  if (text.size() != 32) return std::nullopt;
  std::uint64_t time = 0;
  std::uint64_t sequence = 0;
  const auto parse = [](std::string_view digits, std::uint64_t& out) {
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out, 16);
    return error == std::errc() && end == digits.data() + digits.size();
  };
  if (!parse(text.substr(0, 16), time) || !parse(text.substr(16), sequence)) return std::nullopt;
  if (time > static_cast<std::uint64_t>(kEndOfTimeMs)) return std::nullopt;
  return Position{static_cast<std::int64_t>(time), sequence};
}

// The position before every event at or after `start_ms`.
Position before_time(std::optional<std::int64_t> start_ms) {
  if (!start_ms || *start_ms <= 0) return {0, 0};
  return {std::min(*start_ms, kEndOfTimeMs) - 1, kMaxSequence};
}

// The position after every event before `end_ms`.
Position at_time(std::optional<std::int64_t> end_ms) {
  if (!end_ms) return {kEndOfTimeMs, kMaxSequence};
  return {std::clamp<std::int64_t>(*end_ms, 0, kEndOfTimeMs), 0};
}

// Reads one stream in time order, some events at a time.
class Cursor {
 public:
  Cursor(const LogStore& store, const Scope& scope, const std::string& group, std::string stream, Position after)
      : store_(&store), scope_(&scope), group_(&group), stream_(std::move(stream)), after_(after) {}

  const std::string& stream() const { return stream_; }
  // The next event, or nullptr at the end.
  Result<const Event*> peek() {
    if (next_ == events_.size() && !exhausted_) {
      TRY(events_, store_->events_after(*scope_, *group_, stream_, after_, kScanEvents));
      next_ = 0;
      exhausted_ = events_.size() < kScanEvents;
      if (!events_.empty()) after_ = events_.back().at;
    }
    return next_ < events_.size() ? &events_[next_] : nullptr;
  }
  Event take() { return std::move(events_[next_++]); }

 private:
  const LogStore* store_;
  const Scope* scope_;
  const std::string* group_;
  std::string stream_;
  Position after_;
  std::vector<Event> events_;
  std::size_t next_ = 0;
  bool exhausted_ = false;
};

}  // namespace

Service::Service(storage::Store& store, net::FairTurns& turns, const Clock& clock, const observe::Logger& log)
    : store_(store), turns_(turns), clock_(clock), log_(log) {}

// Unique over all events, also over restarts while the clock does not go back by more than one run's events.
std::uint64_t Service::next_sequence() {
  constexpr unsigned kSequenceBits = 20;  // events per millisecond before the number runs ahead of the clock
  const std::uint64_t by_clock = static_cast<std::uint64_t>(to_ms(clock_.now())) << kSequenceBits;
  last_sequence_ = std::max(last_sequence_ + 1, by_clock);
  return last_sequence_;
}

void Service::add_event(storage::Batch& batch, const Scope& scope, const std::string& group, Stream& stream,
                        std::int64_t timestamp_ms, std::string message) {
  const std::int64_t now = to_ms(clock_.now());
  store_.put_event(batch, scope, group, stream.name, Event{{timestamp_ms, next_sequence()}, now, std::move(message)});
  stream.first_event_ms = std::min(stream.first_event_ms.value_or(timestamp_ms), timestamp_ms);
  stream.last_event_ms = std::max(stream.last_event_ms.value_or(timestamp_ms), timestamp_ms);
  stream.last_ingestion_ms = now;
}

void Service::append(const std::string& account, const std::string& region, const std::string& group,
                     const std::string& stream, std::vector<environment::LogLine> lines) {
  const Scope scope{account, region};
  const auto write = [&]() -> Status {
    storage::Batch batch;
    TRY(const auto known_group, store_.find_group(scope, group));
    if (!known_group) {
      Group made;
      made.name = group;
      made.created_ms = to_ms(clock_.now());
      store_.put_group(batch, scope, made);
    }
    TRY(auto known_stream, store_.find_stream(scope, group, stream));
    Stream row = known_stream ? std::move(*known_stream) : Stream{.name = stream, .created_ms = to_ms(clock_.now())};
    for (environment::LogLine& line : lines)
      add_event(batch, scope, group, row, std::max<std::int64_t>(to_ms(line.at), 0), std::move(line.text));
    store_.put_stream(batch, scope, group, row);
    TRY_STATUS(store_.commit(std::move(batch), storage::Urgency::kBackground));
    return {};
  };
  if (auto written = write(); !written) {
    log_.warn("function output was not stored",
              {{"group", group}, {"stream", stream}, {"error", written.error().message()}});
  }
}

Status Service::create_group(const Scope& scope, Group group) {
  TRY(const auto existing, store_.find_group(scope, group.name));
  if (existing) return fail(ErrorKind::kGroupExists, group.name);
  group.created_ms = to_ms(clock_.now());
  storage::Batch batch;
  store_.put_group(batch, scope, group);
  TRY_STATUS(store_.commit(std::move(batch), storage::Urgency::kForeground));
  return {};
}

net::Task<Status> Service::delete_group(Scope scope, std::string name) {
  CO_TRY_STATUS(get_group(scope, name));
  auto erasing = store_.erase_group(std::move(scope), std::move(name), turns_);
  co_return co_await std::move(erasing);
}

Result<Group> Service::get_group(const Scope& scope, const std::string& name) const {
  TRY(auto group, store_.find_group(scope, name));
  if (!group) return fail(ErrorKind::kGroupNotFound, name);
  return std::move(*group);
}

Result<std::vector<Group>> Service::groups(const Scope& scope, std::string_view prefix, std::string_view after,
                                           std::size_t limit) const {
  return store_.groups(scope, prefix, after, limit);
}

Status Service::set_retention(const Scope& scope, const std::string& name, std::optional<std::int32_t> days) {
  TRY(Group group, get_group(scope, name));
  group.retention_days = days;
  storage::Batch batch;
  store_.put_group(batch, scope, group);
  TRY_STATUS(store_.commit(std::move(batch), storage::Urgency::kForeground));
  return {};
}

Status Service::set_tags(const Scope& scope, const std::string& name, std::map<std::string, std::string> tags) {
  TRY(Group group, get_group(scope, name));
  group.tags = std::move(tags);
  storage::Batch batch;
  store_.put_group(batch, scope, group);
  TRY_STATUS(store_.commit(std::move(batch), storage::Urgency::kForeground));
  return {};
}

Status Service::create_stream(const Scope& scope, const std::string& group, const std::string& name) {
  TRY_STATUS(get_group(scope, group));
  TRY(const auto existing, store_.find_stream(scope, group, name));
  if (existing) return fail(ErrorKind::kStreamExists, name);
  storage::Batch batch;
  store_.put_stream(batch, scope, group, Stream{.name = name, .created_ms = to_ms(clock_.now())});
  TRY_STATUS(store_.commit(std::move(batch), storage::Urgency::kForeground));
  return {};
}

net::Task<Status> Service::delete_stream(Scope scope, std::string group, std::string name) {
  CO_TRY_STATUS(get_stream(scope, group, name));
  auto erasing = store_.erase_stream(std::move(scope), std::move(group), std::move(name), turns_);
  co_return co_await std::move(erasing);
}

net::Task<Result<std::vector<Stream>>> Service::streams(Scope scope, std::string group, std::string prefix) const {
  CO_TRY_STATUS(get_group(scope, group));
  net::Pace pace(turns_);
  std::vector<Stream> all;
  for (;;) {
    CO_TRY(auto page,
           store_.streams(scope, group, prefix, all.empty() ? std::string() : all.back().name, kScanStreams));
    const bool more = page.size() == kScanStreams;
    std::ranges::move(page, std::back_inserter(all));
    if (!more) co_return all;
    if (pace.is_due()) co_await pace.rest();
  }
}

Result<Stream> Service::get_stream(const Scope& scope, const std::string& group, const std::string& name) const {
  TRY_STATUS(get_group(scope, group));
  TRY(auto stream, store_.find_stream(scope, group, name));
  if (!stream) return fail(ErrorKind::kStreamNotFound, name);
  return std::move(*stream);
}

net::Task<Result<Rejected>> Service::put_events(Scope scope, std::string group, std::string stream,
                                                std::vector<InputEvent> events) {
  CO_TRY(const Group known_group, get_group(scope, group));
  CO_TRY(Stream row, get_stream(scope, group, stream));
  std::size_t bytes = 0;
  for (const InputEvent& event : events) bytes += event.message.size() + kEventOverheadBytes;
  if (bytes > kMaxBatchBytes) {
    co_return fail(ErrorKind::kInvalid,
                   fmt::format("Upload too large: {} bytes exceeds limit of {}", bytes, kMaxBatchBytes));
  }
  if (!std::ranges::is_sorted(events, {}, &InputEvent::timestamp_ms)) {
    co_return fail(ErrorKind::kInvalid, "Log events in a single PutLogEvents request must be in chronological order.");
  }
  if (!events.empty() && events.back().timestamp_ms - events.front().timestamp_ms > kMaxSpanMs) {
    co_return fail(ErrorKind::kInvalid,
                   "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.");
  }
  const std::int64_t now = to_ms(clock_.now());
  const std::int64_t oldest = now - kMaxAgeMs;
  const std::int64_t retained = known_group.retention_days ? now - *known_group.retention_days * kDayMs : oldest;
  Rejected rejected;
  bool accepted = false;
  net::Pace pace(turns_);
  storage::Batch batch;
  for (std::size_t i = 0; i < events.size(); ++i) {
    const std::int64_t at = events[i].timestamp_ms;
    const auto index = static_cast<std::int32_t>(i);
    if (at < oldest) {
      rejected.too_old_end = index + 1;
    } else if (at < retained) {
      rejected.expired_end = index + 1;
    } else if (at > now + kMaxFutureMs) {
      if (!rejected.too_new_start) rejected.too_new_start = index;
    } else {
      add_event(batch, scope, group, row, at, std::move(events[i].message));
      accepted = true;
    }
    if (!batch.writes.empty() && pace.is_due()) {
      CO_TRY_STATUS(store_.commit(std::exchange(batch, {}), storage::Urgency::kForeground));
      co_await pace.rest();
      CO_TRY_STATUS(get_stream(scope, group, stream));  // it may be deleted meanwhile
    }
  }
  if (accepted) {
    CO_TRY(const Stream others, get_stream(scope, group, stream));  // what others put meanwhile counts too
    row.first_event_ms = std::min(*row.first_event_ms, others.first_event_ms.value_or(*row.first_event_ms));
    row.last_event_ms = std::max(*row.last_event_ms, others.last_event_ms.value_or(*row.last_event_ms));
    store_.put_stream(batch, scope, group, row);
    CO_TRY_STATUS(store_.commit(std::move(batch), storage::Urgency::kForeground));
  }
  co_return rejected;
}

net::Task<Result<EventPage>> Service::get_events(Scope scope, std::string group, std::string stream, EventQuery query,
                                                 std::string token, Begin begin) const {
  CO_TRY_STATUS(get_stream(scope, group, stream));
  Position lower = before_time(query.start_ms);
  Position upper = at_time(query.end_ms);
  bool forward = begin == Begin::kHead;
  if (!token.empty()) {
    const auto position = token.size() > 2 ? parse_position(std::string_view(token).substr(2)) : std::nullopt;
    forward = token.starts_with("f/");
    if (!position || (!forward && !token.starts_with("b/"))) {
      co_return fail(ErrorKind::kInvalid, "The specified nextToken is invalid.");
    }
    (forward ? lower : upper) = forward ? std::max(lower, *position) : std::min(upper, *position);
  }
  EventPage page;
  std::size_t bytes = 0;
  Position edge = forward ? lower : upper;
  bool more = true;
  net::Pace pace(turns_);
  while (more && page.events.size() < query.limit) {
    const std::size_t want = std::min(kScanEvents, query.limit - page.events.size());
    CO_TRY(auto events, forward ? store_.events_after(scope, group, stream, edge, want)
                                : store_.events_before(scope, group, stream, edge, want));
    more = events.size() == want;
    for (Event& event : events) {
      bytes += event.message.size() + kEventOverheadBytes;
      const bool outside = forward ? event.at >= upper : event.at <= lower;
      if (outside || (bytes > kMaxPageBytes && !page.events.empty())) {
        more = false;
        break;
      }
      edge = event.at;
      page.events.push_back(std::move(event));
    }
    if (more && pace.is_due()) co_await pace.rest();
  }
  if (!forward) std::ranges::reverse(page.events);
  // At an end of the stream the same token comes back, which tells clients to stop.
  const Position first = page.events.empty() ? edge : page.events.front().at;
  const Position last = page.events.empty() ? edge : page.events.back().at;
  page.forward_token = "f/" + render_position(last);
  page.backward_token = "b/" + render_position(first);
  co_return page;
}

net::Task<Result<FilterPage>> Service::filter_events(Scope scope, std::string group, FilterQuery query) const {
  CO_TRY_STATUS(get_group(scope, group));
  CO_TRY(const FilterPattern pattern, FilterPattern::parse(query.pattern));
  Position after = before_time(query.range.start_ms);
  if (!query.token.empty()) {
    const auto position = parse_position(query.token);
    if (!position) co_return fail(ErrorKind::kInvalid, "The specified nextToken is invalid.");
    after = *position;
  }
  std::vector<std::string> names = query.streams;
  if (names.empty()) {
    auto listing = streams(scope, group, query.stream_prefix);
    CO_TRY(const auto all, co_await std::move(listing));
    for (const Stream& stream : all) {
      const bool over = stream.last_event_ms && *stream.last_event_ms < after.timestamp_ms;
      const bool ahead = query.range.end_ms && stream.first_event_ms && *stream.first_event_ms >= *query.range.end_ms;
      if (!over && !ahead) names.push_back(stream.name);
    }
  } else {
    for (const std::string& name : names) CO_TRY_STATUS(get_stream(scope, group, name));
  }

  // A merge of all streams: the heap holds each stream's next event.
  std::vector<Cursor> cursors;
  cursors.reserve(names.size());
  using Head = std::pair<Position, std::size_t>;
  std::priority_queue<Head, std::vector<Head>, std::greater<>> heads;
  net::Pace pace(turns_);
  for (std::string& name : names) {
    cursors.emplace_back(store_, scope, group, std::move(name), after);
    CO_TRY(const Event* const event, cursors.back().peek());
    if (event) heads.emplace(event->at, cursors.size() - 1);
    if (pace.is_due()) co_await pace.rest();
  }
  const Position end = at_time(query.range.end_ms);
  FilterPage page;
  std::size_t bytes = 0;
  std::size_t read = 0;
  Position last{};
  while (!heads.empty()) {
    const auto [at, index] = heads.top();
    if (at >= end) break;
    if (page.events.size() == query.range.limit || bytes > kMaxPageBytes || read == kMostRead) {
      page.next_token = render_position(last);
      break;
    }
    heads.pop();
    ++read;
    Event event = cursors[index].take();
    last = event.at;
    if (pattern.matches(event.message)) {
      bytes += event.message.size() + kEventOverheadBytes;
      page.events.push_back({cursors[index].stream(), std::move(event)});
    }
    CO_TRY(const Event* const next, cursors[index].peek());
    if (next) heads.emplace(next->at, index);
    if (pace.is_due()) co_await pace.rest();
  }
  co_return page;
}

net::Task<Result<std::size_t>> Service::expire(std::size_t budget) {
  std::size_t expired = 0;
  net::Pace pace(turns_);
  CO_TRY(const auto groups, store_.all_groups());
  for (const auto& [scope, group] : groups) {
    if (!group.retention_days) continue;
    const Position limit = at_time(to_ms(clock_.now()) - *group.retention_days * kDayMs);
    auto listing = streams(scope, group.name, {});
    const auto all = co_await std::move(listing);
    if (!all) continue;  // deleted meanwhile
    for (const Stream& stream : *all) {
      for (bool more = true; more;) {
        if (expired >= budget) co_return expired;
        const std::size_t want = std::min(kScanEvents, budget - expired);
        CO_TRY(const auto events, store_.events_before(scope, group.name, stream.name, limit, want));
        more = events.size() == want;
        if (events.empty()) break;
        storage::Batch batch;
        for (const Event& event : events) store_.erase_event(batch, scope, group.name, stream.name, event.at);
        expired += events.size();
        CO_TRY_STATUS(store_.commit(std::move(batch), storage::Urgency::kBackground));
        if (pace.is_due()) co_await pace.rest();
      }
    }
  }
  co_return expired;
}

net::Task<Status> Service::clear() {
  auto clearing = store_.clear(turns_);
  co_return co_await std::move(clearing);
}

}  // namespace hearth::services::logs
