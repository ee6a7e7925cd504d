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
#include "net/fair_turns.h"
#include "net/task.h"
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
  // All outlive the service. What may take long (Tasks below) runs in pieces, in turns that `turns` gives.
  Service(storage::Store& store, net::FairTurns& turns, const Clock& clock, const observe::Logger& log);

  void append(const std::string& account, const std::string& region, const std::string& group,
              const std::string& stream, std::vector<environment::LogLine> lines) override;

  // Errors: kGroupExists.
  Status create_group(const Scope& scope, Group group);
  net::Task<Status> delete_group(Scope scope, std::string name);
  Result<Group> get_group(const Scope& scope, const std::string& name) const;
  Result<std::vector<Group>> groups(const Scope& scope, std::string_view prefix, std::string_view after,
                                    std::size_t limit) const;
  // No value: events never expire.
  Status set_retention(const Scope& scope, const std::string& name, std::optional<std::int32_t> days);
  Status set_tags(const Scope& scope, const std::string& name, std::map<std::string, std::string> tags);

  Status create_stream(const Scope& scope, const std::string& group, const std::string& name);
  net::Task<Status> delete_stream(Scope scope, std::string group, std::string name);
  // All streams with `prefix`, in name order.
  net::Task<Result<std::vector<Stream>>> streams(Scope scope, std::string group, std::string prefix) const;

  // Each event is a write of its own: a power cut before the answer may keep some.
  net::Task<Result<Rejected>> put_events(Scope scope, std::string group, std::string stream,
                                         std::vector<InputEvent> events);
  // One page. `token` is empty or one of an earlier page; without one, `begin` chooses the end.
  enum class Begin : std::uint8_t { kHead, kTail };
  net::Task<Result<EventPage>> get_events(Scope scope, std::string group, std::string stream, EventQuery query,
                                          std::string token, Begin begin) const;
  // A page is also complete, with a token to go on, when many events were read and few of them matched.
  net::Task<Result<FilterPage>> filter_events(Scope scope, std::string group, FilterQuery query) const;

  // For handlers, whose rows are as many.
  net::Pace pace() const { return net::Pace(turns_); }

  // Deletes events older than their group's retention, at most `budget` of them. Returns how many.
  net::Task<Result<std::size_t>> expire(std::size_t budget);
  net::Task<Status> clear();

 private:
  Result<Stream> get_stream(const Scope& scope, const std::string& group, const std::string& name) const;
  std::uint64_t next_sequence();
  void add_event(storage::Batch& batch, const Scope& scope, const std::string& group, Stream& stream,
                 std::int64_t timestamp_ms, std::string message);

  LogStore store_;
  net::FairTurns& turns_;
  const Clock& clock_;
  const observe::Logger& log_;
  std::uint64_t last_sequence_ = 0;
};

}  // namespace hearth::services::logs
