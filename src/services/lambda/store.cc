#include "services/lambda/store.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <optional>
#include <string_view>

#include "storage/key.h"

namespace hearth::services::lambda {
namespace {

namespace json = boost::json;

constexpr std::string_view kSpace = "lambda.event";
constexpr std::int64_t kFormat = 1;
constexpr std::size_t kScanStep = 32;  // events are up to 1 MB each

std::string key_of(const functions::FunctionKey& function, std::uint64_t number) {
  return storage::make_key(kSpace, function.account, function.region, {function.name, storage::sortable(number)});
}

std::int64_t millis(TimePoint time) { return time.time_since_epoch().count(); }

std::string encode(const StoredEvent& event) {
  return json::serialize(json::object{{"v", kFormat},
                                      {"accepted_ms", millis(event.accepted)},
                                      {"due_ms", millis(event.due)},
                                      {"runs", event.runs},
                                      {"qualifier", event.request.qualifier},
                                      {"invoked_arn", event.request.invoked_arn},
                                      {"request_id", event.request.request_id},
                                      {"client_context", event.request.client_context},
                                      {"trace_header", event.request.trace_header},
                                      {"payload", event.request.payload}});
}

std::optional<std::string> text(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (!value || !value->is_string()) return std::nullopt;
  return std::string(value->get_string());
}
template <class Number = std::int64_t>
std::optional<Number> number(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  boost::system::error_code error;
  const auto whole = value ? value->to_number<Number>(error) : 0;
  if (!value || error) return std::nullopt;
  return whole;
}

Result<StoredEvent> decode(const functions::FunctionKey& function, std::uint64_t event_number, std::string_view bytes) {
  const auto corrupt = [&] {
    return fail(storage::ErrorKind::kCorrupt,
                fmt::format("event {} of function {} cannot be read", event_number, function.name));
  };
  boost::system::error_code error;
  const json::value value = json::parse(bytes, error);
  const json::object* object = error ? nullptr : value.if_object();
  const auto format = object ? number(*object, "v") : std::nullopt;
  if (!format) return corrupt();
  if (*format > kFormat) {
    return fail(storage::ErrorKind::kForeign,
                fmt::format("event {} of function {} was written by a newer version", event_number, function.name));
  }
  const auto accepted = number(*object, "accepted_ms");
  const auto due = number(*object, "due_ms");
  const auto runs = number<std::uint32_t>(*object, "runs");
  auto qualifier = text(*object, "qualifier");
  auto arn = text(*object, "invoked_arn");
  auto request_id = text(*object, "request_id");
  auto client_context = text(*object, "client_context");
  auto trace = text(*object, "trace_header");
  auto payload = text(*object, "payload");
  if (!accepted || !due || !runs || !qualifier || !arn || !request_id || !client_context || !trace || !payload)
    return corrupt();
  StoredEvent event;
  event.number = event_number;
  event.accepted = TimePoint(std::chrono::milliseconds(*accepted));
  event.due = TimePoint(std::chrono::milliseconds(*due));
  event.runs = *runs;
  event.request.function = function;
  event.request.qualifier = *std::move(qualifier);
  event.request.invoked_arn = *std::move(arn);
  event.request.request_id = *std::move(request_id);
  event.request.client_context = *std::move(client_context);
  event.request.trace_header = *std::move(trace);
  event.request.payload = *std::move(payload);
  return event;
}

}  // namespace

Result<std::vector<StoredEvent>> EventStore::load() {
  std::vector<StoredEvent> events;
  const std::string prefix = storage::space_prefix(kSpace);
  std::string after;
  for (;;) {
    TRY(const std::vector<storage::Entry> entries, store_.scan(prefix, after, kScanStep));
    for (const storage::Entry& entry : entries) {
      const std::vector<std::string> parts = storage::key_parts(entry.key);
      const storage::KeyOwner owner = storage::key_owner(entry.key);
      if (parts.size() != 2 || parts[1].size() != sizeof(std::uint64_t)) {
        return fail(storage::ErrorKind::kCorrupt, fmt::format("a key of {} cannot be read", kSpace));
      }
      TRY(StoredEvent event,
          decode({owner.account, owner.region, parts[0]}, storage::from_sortable(parts[1]), entry.value));
      event.bytes = entry.key.size() + entry.value.size();
      event.request.payload.clear();
      events.push_back(std::move(event));
    }
    if (entries.size() < kScanStep) return events;
    after = entries.back().key;
  }
}

Result<std::size_t> EventStore::put(const StoredEvent& event) {
  std::string key = key_of(event.request.function, event.number);
  std::string row = encode(event);
  const std::size_t bytes = key.size() + row.size();
  storage::Batch batch;
  batch.put(std::move(key), std::move(row));
  TRY([[maybe_unused]] const storage::Ticket ticket, store_.commit(std::move(batch)));
  return bytes;
}

Result<StoredEvent> EventStore::get(const functions::FunctionKey& function, std::uint64_t event_number) {
  TRY(const std::optional<std::string> bytes, store_.get(key_of(function, event_number)));
  return decode(function, event_number, bytes.value_or(""));
}

Status EventStore::erase(const functions::FunctionKey& function, std::uint64_t event_number) {
  storage::Batch batch;
  batch.erase(key_of(function, event_number));
  TRY([[maybe_unused]] const storage::Ticket ticket, store_.commit(std::move(batch), storage::Urgency::kBackground));
  return {};
}

Status EventStore::erase_everything() { return store_.erase_prefix(storage::space_prefix(kSpace)); }

}  // namespace hearth::services::lambda
