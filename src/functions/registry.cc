#include "functions/registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "functions/store.h"

namespace hearth::functions {
namespace {

bool is_settled(const FunctionVersion& function) {
  return function.state != State::kPending && function.update_status != UpdateStatus::kInProgress;
}

// AWS's words for both ways of not being ready.
std::string why_unsettled(const FunctionVersion& function) {
  if (function.state == State::kPending) {
    return "The operation cannot be performed at this time. The function is currently in the following state: Pending";
  }
  return fmt::format("The operation cannot be performed at this time. An update is in progress for resource: {}",
                     function.arn);
}

}  // namespace

struct Registry::Impl {
  FunctionStore store;
  const Clock& clock;
  std::map<FunctionKey, FunctionRecord> records;
  // Never given twice, also not to a function created again under the name of a deleted one.
  std::uint64_t next_generation = 1;
  std::vector<std::function<void(const FunctionKey&)>> listeners;

  Impl(storage::Store& in_store, const Clock& by_clock) : store(in_store), clock(by_clock) {}

  void tell(const FunctionKey& key) const {
    for (const auto& listener : listeners) listener(key);
  }
  Result<FunctionRecord*> get(const FunctionKey& key) {
    const auto place = records.find(key);
    if (place == records.end()) return fail(ErrorKind::kNotFound, fmt::format("function {}", key.name));
    return &place->second;
  }
};

Registry::Registry(storage::Store& store, const Clock& clock) : impl_(std::make_unique<Impl>(store, clock)) {}
Registry::~Registry() = default;

Status Registry::load() {
  TRY(std::vector<FunctionRecord> records, impl_->store.load());
  for (FunctionRecord& record : records) {
    impl_->next_generation = std::max(impl_->next_generation, record.latest->generation + 1);
    const FunctionKey key = record.latest->key;
    impl_->records.insert_or_assign(key, std::move(record));
  }
  return {};
}

FunctionSnapshot Registry::latest(const FunctionKey& key) const {
  const auto place = impl_->records.find(key);
  return place == impl_->records.end() ? nullptr : place->second.latest;
}

FunctionSnapshot Registry::running(const FunctionKey& key) const {
  const auto place = impl_->records.find(key);
  return place == impl_->records.end() ? nullptr : place->second.running;
}

std::vector<FunctionSnapshot> Registry::list(const std::string& account, const std::string& region,
                                             const std::string& after, std::size_t limit) const {
  std::vector<FunctionSnapshot> found;
  for (auto place = impl_->records.upper_bound({account, region, after}); place != impl_->records.end(); ++place) {
    if (found.size() == limit || place->first.account != account || place->first.region != region) break;
    found.push_back(place->second.latest);
  }
  return found;
}

std::size_t Registry::count() const { return impl_->records.size(); }

std::vector<FunctionSnapshot> Registry::unsettled() const {
  std::vector<FunctionSnapshot> found;
  for (const auto& [key, record] : impl_->records) {
    if (!is_settled(*record.latest)) found.push_back(record.latest);
  }
  return found;
}

std::vector<FunctionSnapshot> Registry::all() const {
  std::vector<FunctionSnapshot> found;
  for (const auto& [key, record] : impl_->records) {
    found.push_back(record.latest);
    if (record.running && record.running != record.latest) found.push_back(record.running);
  }
  return found;
}

Result<FunctionSnapshot> Registry::create(FunctionVersion function, std::map<std::string, std::string> tags) {
  const FunctionKey key = function.key;
  if (impl_->records.contains(key))
    return fail(ErrorKind::kAlreadyExists, fmt::format("Function already exist: {}", key.name));
  function.generation = impl_->next_generation++;
  function.revision_id = random_uuid();
  function.last_modified = impl_->clock.now();
  function.state = State::kPending;
  function.state_reason = "The function is being created.";
  function.state_reason_code = "Creating";
  function.update_status = UpdateStatus::kNone;
  FunctionRecord record{.latest = std::make_shared<const FunctionVersion>(std::move(function)),
                        .running = nullptr,
                        .tags = std::move(tags),
                        .policy = {}};
  TRY_STATUS(impl_->store.add(record));
  const FunctionSnapshot snapshot = record.latest;
  impl_->records.emplace(key, std::move(record));
  impl_->tell(key);
  return snapshot;
}

Result<FunctionSnapshot> Registry::update(const FunctionKey& key, const std::optional<std::string>& revision_id,
                                          const std::function<void(FunctionVersion&)>& change) {
  TRY(FunctionRecord* const place, impl_->get(key));
  if (revision_id && *revision_id != place->latest->revision_id) {
    return fail(ErrorKind::kRevisionMismatch, std::string(kRevisionMismatchMessage));
  }
  if (!is_settled(*place->latest)) return fail(ErrorKind::kUpdateInProgress, why_unsettled(*place->latest));

  FunctionVersion next = *place->latest;
  change(next);
  next.key = key;
  next.generation = impl_->next_generation++;
  next.revision_id = random_uuid();
  next.last_modified = impl_->clock.now();
  next.update_status = UpdateStatus::kInProgress;
  next.update_reason = "The function is being created.";  // AWS says so for updates too
  next.update_reason_code = "Creating";
  FunctionRecord record = *place;
  record.latest = std::make_shared<const FunctionVersion>(std::move(next));
  TRY_STATUS(impl_->store.put_versions(record));
  *place = std::move(record);
  const FunctionSnapshot snapshot = place->latest;
  impl_->tell(key);
  return snapshot;
}

Status Registry::settle(const FunctionKey& key, std::uint64_t generation, std::optional<std::string> failure_reason,
                        std::string failure_code) {
  const auto place = impl_->records.find(key);
  if (place == impl_->records.end() || place->second.latest->generation != generation ||
      is_settled(*place->second.latest))
    return {};

  FunctionVersion next = *place->second.latest;
  next.revision_id = random_uuid();
  next.update_reason.clear();
  next.update_reason_code.clear();
  const bool was_pending = next.state == State::kPending;
  if (failure_reason) {
    next.update_status = UpdateStatus::kFailed;
    next.update_reason = *failure_reason;
    next.update_reason_code = failure_code;
    if (was_pending) {
      next.state = State::kFailed;
      next.state_reason = std::move(*failure_reason);
      next.state_reason_code = std::move(failure_code);
    }
  } else {
    next.update_status = UpdateStatus::kSuccessful;
    next.state = State::kActive;
    next.state_reason.clear();
    next.state_reason_code.clear();
  }
  FunctionRecord record = place->second;
  record.latest = std::make_shared<const FunctionVersion>(std::move(next));
  if (!failure_reason) record.running = record.latest;
  TRY_STATUS(impl_->store.put_versions(record));
  place->second = std::move(record);
  impl_->tell(key);
  return {};
}

Status Registry::remove(const FunctionKey& key) {
  TRY([[maybe_unused]] FunctionRecord* const place, impl_->get(key));
  TRY_STATUS(impl_->store.erase(key));
  impl_->records.erase(key);
  impl_->tell(key);
  return {};
}

std::map<std::string, std::string> Registry::tags(const FunctionKey& key) const {
  const auto place = impl_->records.find(key);
  return place == impl_->records.end() ? std::map<std::string, std::string>() : place->second.tags;
}

Status Registry::set_tags(const FunctionKey& key, std::map<std::string, std::string> tags) {
  TRY(FunctionRecord* const place, impl_->get(key));
  TRY_STATUS(impl_->store.put_tags(key, tags));
  place->tags = std::move(tags);
  return {};
}

Registry::Policy Registry::policy(const FunctionKey& key) const {
  const auto place = impl_->records.find(key);
  if (place == impl_->records.end()) return {};
  return {.document = place->second.policy, .revision_id = place->second.latest->revision_id};
}

Result<Registry::Policy> Registry::set_policy(const FunctionKey& key, std::string document) {
  TRY(FunctionRecord* const place, impl_->get(key));
  FunctionRecord record = *place;
  record.policy = std::move(document);
  FunctionVersion next = *record.latest;
  next.revision_id = random_uuid();
  const bool runs = record.running == record.latest;
  record.latest = std::make_shared<const FunctionVersion>(std::move(next));
  if (runs) record.running = record.latest;
  TRY_STATUS(impl_->store.put_policy(record));
  *place = std::move(record);
  impl_->tell(key);
  return policy(key);
}

void Registry::on_change(std::function<void(const FunctionKey&)> listener) {
  impl_->listeners.push_back(std::move(listener));
}

Status Registry::clear() {
  TRY_STATUS(impl_->store.erase_everything());
  const auto records = std::exchange(impl_->records, {});
  for (const auto& [key, record] : records) impl_->tell(key);
  return {};
}

}  // namespace hearth::functions
