#pragma once
// Store of the logs service: the only place that knows how groups, streams and events are laid out as keys.
//
// A group row and a stream row are JSON; an event row is its ingestion time and its bytes. Events of a stream sort by
// timestamp, then by a sequence number that is unique over all streams, so (timestamp, sequence) orders events of a
// whole group as well.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/fair_turns.h"
#include "net/task.h"
#include "storage/store.h"

namespace hearth::services::logs {

// Whose rows: every key begins with these.
struct Scope {
  std::string account;
  std::string region;
};

struct Group {
  std::string name;
  std::int64_t created_ms = 0;
  std::optional<std::int32_t> retention_days = std::nullopt;
  std::string log_class = "STANDARD";
  std::map<std::string, std::string> tags = {};
};

struct Stream {
  std::string name;
  std::int64_t created_ms = 0;
  std::optional<std::int64_t> first_event_ms = std::nullopt;
  std::optional<std::int64_t> last_event_ms = std::nullopt;
  std::optional<std::int64_t> last_ingestion_ms = std::nullopt;
};

// Where an event stands among all events of its group.
struct Position {
  std::int64_t timestamp_ms = 0;
  std::uint64_t sequence = 0;
  auto operator<=>(const Position&) const = default;
};

struct Event {
  Position at;
  std::int64_t ingested_ms = 0;
  std::string message;
};

// Thread: the loop's. Errors of every method: storage::ErrorKind.
class LogStore {
 public:
  explicit LogStore(storage::Store& store) : store_(store) {}

  Result<std::optional<Group>> find_group(const Scope& scope, std::string_view name) const;
  // Groups with `prefix`, names greater than `after` (if not empty), in name order.
  Result<std::vector<Group>> groups(const Scope& scope, std::string_view prefix, std::string_view after,
                                    std::size_t limit) const;
  // Every group of every account, for retention.
  struct OwnedGroup {
    Scope scope;
    Group group;
  };
  Result<std::vector<OwnedGroup>> all_groups() const;
  void put_group(storage::Batch& batch, const Scope& scope, const Group& group) const;

  Result<std::optional<Stream>> find_stream(const Scope& scope, std::string_view group, std::string_view name) const;
  Result<std::vector<Stream>> streams(const Scope& scope, std::string_view group, std::string_view prefix,
                                      std::string_view after, std::size_t limit) const;
  void put_stream(storage::Batch& batch, const Scope& scope, std::string_view group, const Stream& stream) const;

  void put_event(storage::Batch& batch, const Scope& scope, std::string_view group, std::string_view stream,
                 const Event& event) const;
  // Events of a stream after `after` (exclusive), oldest first.
  Result<std::vector<Event>> events_after(const Scope& scope, std::string_view group, std::string_view stream,
                                          Position after, std::size_t limit) const;
  // Events of a stream before `before` (exclusive), newest first.
  Result<std::vector<Event>> events_before(const Scope& scope, std::string_view group, std::string_view stream,
                                           Position before, std::size_t limit) const;
  void erase_event(storage::Batch& batch, const Scope& scope, std::string_view group, std::string_view stream,
                   Position at) const;

  // The group with all its streams and events; a stream with all its events. The events go first, in pieces; what is
  // written to it meanwhile goes too, or keeps nothing else alive.
  net::Task<Status> erase_group(Scope scope, std::string group, net::FairTurns& turns);
  net::Task<Status> erase_stream(Scope scope, std::string group, std::string stream, net::FairTurns& turns);

  Result<storage::Ticket> commit(storage::Batch batch, storage::Urgency urgency) {
    return store_.commit(std::move(batch), urgency);
  }
  net::Task<Status> clear(net::FairTurns& turns);

 private:
  storage::Store& store_;
};

}  // namespace hearth::services::logs
