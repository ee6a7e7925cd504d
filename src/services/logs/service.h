#pragma once
// Service: what CloudWatch Logs means: groups hold streams, streams hold events in time order.
//
// The output of every execution environment arrives through LogSink; clients write and read through the methods below.
// Appended output is a background write: it holds up no reply. What a client puts is acknowledged only when synced, as
// every other answer.
//
// Path: services/logs/*_handlers.cc -> here -> store.h        Tests: service_test.cc

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "environment/log_sink.h"
#include "observe/log.h"
#include "services/logs/store.h"

namespace hearth::services::logs {

struct InputEvent {
  std::int64_t timestamp_ms = 0;
  std::string message;
};

// Which events of one put were refused, as indexes into the request.
struct Rejected {
  std::optional<std::int32_t> too_new_start;
  std::optional<std::int32_t> too_old_end;
  std::optional<std::int32_t> expired_end;
};

struct EventQuery {
  std::optional<std::int64_t> start_ms;  // inclusive
  std::optional<std::int64_t> end_ms;    // exclusive
  std::size_t limit = 10'000;
};

struct EventPage {
  std::vector<Event> events;  // oldest first
  std::string forward_token;
  std::string backward_token;
};

struct FoundEvent {
  std::string stream;
  Event event;
};

struct FilterQuery {
  std::vector<std::string> streams;  // empty: all with `stream_prefix`
  std::string stream_prefix;
  std::string pattern;
  EventQuery range;
  std::string token;
};

struct FilterPage {
  std::vector<FoundEvent> events;
  std::string next_token;  // empty: complete
};

class Service final : public environment::LogSink {
 public:
  // `store`, `clock` and `log` outlive the service.
  Service(storage::Store& store, const Clock& clock, const observe::Logger& log);

  void append(const std::string& account, const std::string& region, const std::string& group,
              const std::string& stream, std::vector<environment::LogLine> lines) override;

  // Errors: kGroupExists.
  Status create_group(const Scope& scope, Group group);
  Status delete_group(const Scope& scope, const std::string& name);
  Result<Group> get_group(const Scope& scope, const std::string& name) const;
  Result<std::vector<Group>> groups(const Scope& scope, std::string_view prefix, std::string_view after,
                                    std::size_t limit) const;
  // No value: events never expire.
  Status set_retention(const Scope& scope, const std::string& name, std::optional<std::int32_t> days);
  Status set_tags(const Scope& scope, const std::string& name, std::map<std::string, std::string> tags);

  Status create_stream(const Scope& scope, const std::string& group, const std::string& name);
  Status delete_stream(const Scope& scope, const std::string& group, const std::string& name);
  // All streams with `prefix`, in name order.
  Result<std::vector<Stream>> streams(const Scope& scope, const std::string& group, std::string_view prefix) const;

  Result<Rejected> put_events(const Scope& scope, const std::string& group, const std::string& stream,
                              std::vector<InputEvent> events);
  // One page. `token` is empty or one of an earlier page; without one, `begin` chooses the end.
  enum class Begin : std::uint8_t { kHead, kTail };
  Result<EventPage> get_events(const Scope& scope, const std::string& group, const std::string& stream,
                               const EventQuery& query, const std::string& token, Begin begin) const;
  Result<FilterPage> filter_events(const Scope& scope, const std::string& group, const FilterQuery& query) const;

  // Deletes events older than their group's retention, at most `budget` of them. Returns how many.
  Result<std::size_t> expire(std::size_t budget);
  Status clear();

 private:
  Result<Stream> get_stream(const Scope& scope, const std::string& group, const std::string& name) const;
  std::uint64_t next_sequence();
  void add_event(storage::Batch& batch, const Scope& scope, const std::string& group, Stream& stream,
                 std::int64_t timestamp_ms, std::string message);

  LogStore store_;
  const Clock& clock_;
  const observe::Logger& log_;
  std::uint64_t last_sequence_ = 0;
};

}  // namespace hearth::services::logs
