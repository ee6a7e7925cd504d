#include "services/logs/store.h"

#include <boost/json.hpp>
#include <utility>

#include "storage/erase.h"
#include "storage/key.h"

namespace hearth::services::logs {
namespace {

namespace json = boost::json;
using storage::key_prefix;
using storage::make_key;
using storage::sortable;

constexpr std::string_view kGroupSpace = "logs.group";
constexpr std::string_view kStreamSpace = "logs.stream";
constexpr std::string_view kEventSpace = "logs.event";
constexpr std::size_t kScanPage = 1'000;

// Timestamps are never negative here: the service refuses them before they reach a key.
std::string sortable_time(std::int64_t ms) { return sortable(static_cast<std::uint64_t>(ms)); }

std::string event_key(const Scope& scope, std::string_view group, std::string_view stream, Position at) {
  return make_key(kEventSpace, scope.account, scope.region,
                  {group, stream, sortable_time(at.timestamp_ms), sortable(at.sequence)});
}

std::string encode(const Group& group) {
  json::object row{{"created", group.created_ms}, {"class", group.log_class}, {"tags", json::value_from(group.tags)}};
  if (group.retention_days) row["retention"] = *group.retention_days;
  return json::serialize(row);
}

std::string encode(const Stream& stream) {
  json::object row{{"created", stream.created_ms}};
  if (stream.first_event_ms) row["first"] = *stream.first_event_ms;
  if (stream.last_event_ms) row["last"] = *stream.last_event_ms;
  if (stream.last_ingestion_ms) row["ingested"] = *stream.last_ingestion_ms;
  return json::serialize(row);
}

// The last part of a key of `parts` parts: the name of the group or stream.
Result<std::string> name_in(std::string_view key, std::size_t parts) {
  std::vector<std::string> found = storage::key_parts(key);
  if (found.size() != parts) return fail(storage::ErrorKind::kCorrupt, "a key of the logs cannot be read");
  return std::move(found.back());
}

Result<json::object> parse_row(std::string_view text, std::string_view what) {
  boost::system::error_code error;
  json::value value = json::parse(text, error);
  if (error || !value.is_object()) {
    return fail(storage::ErrorKind::kCorrupt, "a stored log " + std::string(what) + " does not read back");
  }
  return std::move(value.as_object());
}

std::optional<std::int64_t> find_int(const json::object& row, std::string_view name) {
  const json::value* value = row.if_contains(name);
  if (value == nullptr || !value->is_int64()) return std::nullopt;
  return value->as_int64();
}

Result<Group> decode_group(const storage::Entry& entry) {
  TRY(const json::object row, parse_row(entry.value, "group"));
  TRY(std::string name, name_in(entry.key, 1));
  Group group{.name = std::move(name), .created_ms = find_int(row, "created").value_or(0)};
  if (const auto days = find_int(row, "retention")) group.retention_days = static_cast<std::int32_t>(*days);
  if (const json::value* text = row.if_contains("class"); text && text->is_string())
    group.log_class = text->as_string();
  if (const json::value* tags = row.if_contains("tags"); tags && tags->is_object()) {
    for (const auto& [key, value] : tags->as_object()) {
      if (value.is_string()) group.tags.emplace(key, value.as_string());
    }
  }
  return group;
}

Result<Stream> decode_stream(const storage::Entry& entry) {
  TRY(const json::object row, parse_row(entry.value, "stream"));
  TRY(std::string name, name_in(entry.key, 2));
  return Stream{.name = std::move(name),
                .created_ms = find_int(row, "created").value_or(0),
                .first_event_ms = find_int(row, "first"),
                .last_event_ms = find_int(row, "last"),
                .last_ingestion_ms = find_int(row, "ingested")};
}

Result<Event> decode_event(const storage::Entry& entry) {
  const auto parts = storage::key_parts(entry.key);
  if (parts.size() != 4 || entry.value.size() < 8) {
    return fail(storage::ErrorKind::kCorrupt, "a stored log event does not read back");
  }
  return Event{
      .at = {static_cast<std::int64_t>(storage::from_sortable(parts[2])), storage::from_sortable(parts[3])},
      .ingested_ms = static_cast<std::int64_t>(storage::from_sortable(std::string_view(entry.value).substr(0, 8))),
      .message = entry.value.substr(8)};
}

template <class T>
Result<std::vector<T>> decode_all(const std::vector<storage::Entry>& entries,
                                  Result<T> (*decode)(const storage::Entry&)) {
  std::vector<T> out;
  out.reserve(entries.size());
  for (const storage::Entry& entry : entries) {
    TRY(T item, decode(entry));
    out.push_back(std::move(item));
  }
  return out;
}

}  // namespace

Result<std::optional<Group>> LogStore::find_group(const Scope& scope, std::string_view name) const {
  storage::Entry entry{make_key(kGroupSpace, scope.account, scope.region, {name}), {}};
  TRY(auto value, store_.get(entry.key));
  if (!value) return std::nullopt;
  entry.value = std::move(*value);
  TRY(Group group, decode_group(entry));
  return group;
}

Result<std::vector<Group>> LogStore::groups(const Scope& scope, std::string_view prefix, std::string_view after,
                                            std::size_t limit) const {
  // A name prefix is not a key part: rows are read in order from it on, until they stop matching.
  std::string from = after.empty() ? std::string() : make_key(kGroupSpace, scope.account, scope.region, {after});
  std::vector<Group> out;
  for (;;) {
    TRY(const auto entries, store_.scan(key_prefix(kGroupSpace, scope.account, scope.region), from, kScanPage));
    for (const storage::Entry& entry : entries) {
      TRY(Group group, decode_group(entry));
      if (!group.name.starts_with(prefix)) {
        if (group.name > prefix) return out;
        continue;
      }
      out.push_back(std::move(group));
      if (out.size() == limit) return out;
    }
    if (entries.size() < kScanPage) return out;
    from = entries.back().key;
  }
}

Result<std::vector<LogStore::OwnedGroup>> LogStore::all_groups() const {
  std::vector<OwnedGroup> out;
  std::string from;
  for (;;) {
    TRY(const auto entries, store_.scan(storage::space_prefix(kGroupSpace), from, kScanPage));
    for (const storage::Entry& entry : entries) {
      TRY(Group group, decode_group(entry));
      const auto owner = storage::key_owner(entry.key);
      out.push_back({{owner.account, owner.region}, std::move(group)});
    }
    if (entries.size() < kScanPage) return out;
    from = entries.back().key;
  }
}

void LogStore::put_group(storage::Batch& batch, const Scope& scope, const Group& group) const {
  batch.put(make_key(kGroupSpace, scope.account, scope.region, {group.name}), encode(group));
}

Result<std::optional<Stream>> LogStore::find_stream(const Scope& scope, std::string_view group,
                                                    std::string_view name) const {
  storage::Entry entry{make_key(kStreamSpace, scope.account, scope.region, {group, name}), {}};
  TRY(auto value, store_.get(entry.key));
  if (!value) return std::nullopt;
  entry.value = std::move(*value);
  TRY(Stream stream, decode_stream(entry));
  return stream;
}

Result<std::vector<Stream>> LogStore::streams(const Scope& scope, std::string_view group, std::string_view prefix,
                                              std::string_view after, std::size_t limit) const {
  std::string from =
      after.empty() ? std::string() : make_key(kStreamSpace, scope.account, scope.region, {group, after});
  std::vector<Stream> out;
  for (;;) {
    TRY(const auto entries,
        store_.scan(key_prefix(kStreamSpace, scope.account, scope.region, {group}), from, kScanPage));
    for (const storage::Entry& entry : entries) {
      TRY(Stream stream, decode_stream(entry));
      if (!stream.name.starts_with(prefix)) {
        if (stream.name > prefix) return out;
        continue;
      }
      out.push_back(std::move(stream));
      if (out.size() == limit) return out;
    }
    if (entries.size() < kScanPage) return out;
    from = entries.back().key;
  }
}

void LogStore::put_stream(storage::Batch& batch, const Scope& scope, std::string_view group,
                          const Stream& stream) const {
  batch.put(make_key(kStreamSpace, scope.account, scope.region, {group, stream.name}), encode(stream));
}

void LogStore::put_event(storage::Batch& batch, const Scope& scope, std::string_view group, std::string_view stream,
                         const Event& event) const {
  batch.put(event_key(scope, group, stream, event.at), sortable_time(event.ingested_ms) + event.message);
}

Result<std::vector<Event>> LogStore::events_after(const Scope& scope, std::string_view group, std::string_view stream,
                                                  Position after, std::size_t limit) const {
  TRY(const auto entries, store_.scan(key_prefix(kEventSpace, scope.account, scope.region, {group, stream}),
                                      event_key(scope, group, stream, after), limit));
  return decode_all<Event>(entries, decode_event);
}

Result<std::vector<Event>> LogStore::events_before(const Scope& scope, std::string_view group, std::string_view stream,
                                                   Position before, std::size_t limit) const {
  TRY(const auto entries, store_.scan_back(key_prefix(kEventSpace, scope.account, scope.region, {group, stream}),
                                           event_key(scope, group, stream, before), limit));
  return decode_all<Event>(entries, decode_event);
}

void LogStore::erase_event(storage::Batch& batch, const Scope& scope, std::string_view group, std::string_view stream,
                           Position at) const {
  batch.erase(event_key(scope, group, stream, at));
}

// The last step is one turn: nothing comes in between, so that no stream is left without its group. Looking for events
// that came in since their piece would mean passing over all that was erased: what is written to a group while it is
// deleted may stay, unseen, until a group of that name is deleted again.
net::Task<Status> LogStore::erase_group(Scope scope, std::string group, net::FairTurns& turns) {
  const std::string streams = key_prefix(kStreamSpace, scope.account, scope.region, {group});
  const std::string events = key_prefix(kEventSpace, scope.account, scope.region, {group});
  auto erasing_events = storage::erase_in_pieces(store_, events, turns);
  CO_TRY_STATUS(co_await std::move(erasing_events));
  auto erasing_streams = storage::erase_in_pieces(store_, streams, turns);
  CO_TRY_STATUS(co_await std::move(erasing_streams));
  storage::Batch batch;
  batch.erase(make_key(kGroupSpace, scope.account, scope.region, {group}));
  CO_TRY([[maybe_unused]] const storage::Ticket erased, store_.commit(std::move(batch)));
  co_return store_.erase_prefix(streams);
}

net::Task<Status> LogStore::erase_stream(Scope scope, std::string group, std::string stream, net::FairTurns& turns) {
  const std::string events = key_prefix(kEventSpace, scope.account, scope.region, {group, stream});
  auto erasing_events = storage::erase_in_pieces(store_, events, turns);
  CO_TRY_STATUS(co_await std::move(erasing_events));
  storage::Batch batch;
  batch.erase(make_key(kStreamSpace, scope.account, scope.region, {group, stream}));
  CO_TRY([[maybe_unused]] const storage::Ticket erased, store_.commit(std::move(batch)));
  co_return Status();
}

net::Task<Status> LogStore::clear(net::FairTurns& turns) {
  for (const std::string_view space : {kEventSpace, kStreamSpace, kGroupSpace}) {
    auto erasing = storage::erase_in_pieces(store_, storage::space_prefix(space), turns);
    CO_TRY_STATUS(co_await std::move(erasing));
  }
  co_return Status{};
}

}  // namespace hearth::services::logs
