#include "functions/registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "functions/registry_impl.h"

namespace hearth::functions {

bool is_settled(const FunctionVersion& function) {
  return function.state != State::kPending && function.update_status != UpdateStatus::kInProgress;
}

std::string why_unsettled(const FunctionVersion& function) {
  if (function.state == State::kPending || function.state == State::kFailed) {
    return fmt::format(
        "The operation cannot be performed at this time. The function is currently in the following state: {}",
        function.state == State::kPending ? "Pending" : "Failed");
  }
  return fmt::format("The operation cannot be performed at this time. An update is in progress for resource: {}",
                     function.arn);
}

Result<FunctionRecord*> Registry::Impl::get(const FunctionKey& key) {
  const auto place = records.find(key);
  if (place == records.end()) return fail(ErrorKind::kNotFound, fmt::format("function {}", key.name));
  return &place->second;
}

Registry::Registry(storage::Store& store, const storage::KeyRing& keys, const Clock& clock)
    : impl_(std::make_unique<Impl>(store, keys, clock)) {}
Registry::~Registry() = default;

Status Registry::load() {
  TRY(std::vector<FunctionRecord> records, impl_->store.load());
  for (FunctionRecord& record : records) {
    std::uint64_t newest = record.latest->generation;
    for (const auto& [number, version] : record.versions) newest = std::max(newest, version->generation);
    impl_->next_generation = std::max(impl_->next_generation, newest + 1);
    const FunctionKey key = record.latest->key;
    impl_->count_reserved(key, std::nullopt, record.reserved_concurrency);
    impl_->records.insert_or_assign(key, std::move(record));
  }
  return {};
}

// --- what there is --------------------------------------------------------------------------------------------------

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

std::vector<FunctionSnapshot> Registry::runnable(const FunctionKey& key) const {
  std::vector<FunctionSnapshot> found;
  const FunctionRecord* const record = impl_->find(key);
  if (!record) return found;
  if (record->running) found.push_back(record->running);
  for (const auto& [number, version] : record->versions) found.push_back(version);
  return found;
}

std::vector<FunctionSnapshot> Registry::unsettled() const {
  std::vector<FunctionSnapshot> found;
  for (const auto& [key, record] : impl_->records) {
    if (!is_settled(*record.latest)) found.push_back(record.latest);
    for (const auto& [number, version] : record.versions) {
      if (!is_settled(*version)) found.push_back(version);
    }
  }
  return found;
}

std::vector<FunctionSnapshot> Registry::all() const {
  std::vector<FunctionSnapshot> found;
  for (const auto& [key, record] : impl_->records) {
    found.push_back(record.latest);
    if (record.running && record.running != record.latest) found.push_back(record.running);
    for (const auto& [number, version] : record.versions) found.push_back(version);
  }
  return found;
}

// --- functions ------------------------------------------------------------------------------------------------------

Result<Registry::Changed> Registry::create(FunctionVersion function, std::map<std::string, std::string> tags,
                                           Publish publish) {
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
  FunctionRecord record;
  record.latest = std::make_shared<const FunctionVersion>(std::move(function));
  record.tags = std::move(tags);
  FunctionChange change = impl_->store.change(key);
  change.put_latest(record.latest, nullptr).put_tags(record.tags);
  Changed changed{.latest = record.latest, .version = nullptr};
  if (publish == Publish::kYes) {
    changed.version = impl_->version_of(record, *record.latest, std::nullopt);
    record.versions[++record.last_version] = changed.version;
    change.put_version(*changed.version).put_last_version(record.last_version);
  }
  TRY_STATUS(impl_->store.add(std::move(change)));
  impl_->records.emplace(key, std::move(record));
  impl_->tell(key);
  return changed;
}

Result<Registry::Changed> Registry::update(const FunctionKey& key, const std::optional<std::string>& revision_id,
                                           const std::function<void(FunctionVersion&)>& change, Publish publish) {
  TRY(FunctionRecord* const record, impl_->get(key));
  if (revision_id && *revision_id != record->latest->revision_id) {
    return fail(ErrorKind::kRevisionMismatch, std::string(kRevisionMismatchMessage));
  }
  if (!is_settled(*record->latest)) return fail(ErrorKind::kUpdateInProgress, why_unsettled(*record->latest));

  FunctionVersion next = *record->latest;
  change(next);
  next.key = key;
  next.generation = impl_->next_generation++;
  next.revision_id = random_uuid();
  next.last_modified = impl_->clock.now();
  next.update_status = UpdateStatus::kInProgress;
  next.update_reason = "The function is being created.";  // AWS says so for updates too
  next.update_reason_code = "Creating";
  Changed changed{.latest = std::make_shared<const FunctionVersion>(std::move(next)), .version = nullptr};
  FunctionChange rows = impl_->store.change(key);
  rows.put_latest(changed.latest, record->running);
  std::uint64_t last_version = record->last_version;
  if (publish == Publish::kYes) {
    changed.version = impl_->version_of(*record, *changed.latest, std::nullopt);
    const std::uint64_t number = *version_number(changed.version->version);
    if (number > last_version) {
      last_version = number;
      rows.put_version(*changed.version).put_last_version(number);
    }
  }
  TRY_STATUS(impl_->store.commit(std::move(rows)));
  record->latest = changed.latest;
  if (last_version > record->last_version) record->versions[last_version] = changed.version;
  record->last_version = last_version;
  impl_->tell(key);
  return changed;
}

Status Registry::settle(const FunctionKey& key, std::uint64_t generation, std::optional<std::string> failure_reason,
                        std::string failure_code) {
  const auto place = impl_->records.find(key);
  if (place == impl_->records.end()) return {};
  FunctionRecord& record = place->second;
  FunctionSnapshot* former = record.latest->generation == generation ? &record.latest : nullptr;
  for (auto& [number, version] : record.versions) {
    if (version->generation == generation) former = &version;
  }
  if (!former || is_settled(**former)) return {};

  FunctionVersion next = **former;
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
  const auto settled = std::make_shared<const FunctionVersion>(std::move(next));
  FunctionChange change = impl_->store.change(key);
  if (former == &record.latest) {
    const FunctionSnapshot running = failure_reason ? record.running : settled;
    TRY_STATUS(impl_->store.commit(std::move(change.put_latest(settled, running))));
    record.running = running;
  } else {
    TRY_STATUS(impl_->store.commit(std::move(change.put_version(*settled))));
  }
  *former = settled;
  impl_->tell(key);
  return {};
}

Status Registry::remove(const FunctionKey& key) {
  TRY(FunctionRecord* const record, impl_->get(key));
  FunctionChange change = impl_->store.change(key);
  TRY_STATUS(impl_->store.commit(std::move(change.erase(*record))));
  impl_->count_reserved(key, record->reserved_concurrency, std::nullopt);
  impl_->records.erase(key);
  impl_->tell(key);
  return {};
}

// --- tags and policies ----------------------------------------------------------------------------------------------

std::map<std::string, std::string> Registry::tags(const FunctionKey& key) const {
  const FunctionRecord* const record = impl_->find(key);
  return record ? record->tags : std::map<std::string, std::string>();
}

Status Registry::set_tags(const FunctionKey& key, std::map<std::string, std::string> tags) {
  TRY(FunctionRecord* const record, impl_->get(key));
  FunctionChange change = impl_->store.change(key);
  TRY_STATUS(impl_->store.commit(std::move(change.put_tags(tags))));
  record->tags = std::move(tags);
  return {};
}

Registry::Policy Registry::policy(const FunctionKey& key, std::string_view qualifier) const {
  const FunctionRecord* const record = impl_->find(key);
  if (!record) return {};
  Policy policy;
  if (const auto place = record->policies.find(qualifier); place != record->policies.end()) {
    policy.document = place->second;
  }
  if (const auto named = record->aliases.find(qualifier); named != record->aliases.end()) {
    policy.revision_id = named->second.revision_id;
  } else if (const FunctionSnapshot function = find(key, qualifier)) {
    policy.revision_id = function->revision_id;
  }
  return policy;
}

Result<Registry::Policy> Registry::set_policy(const FunctionKey& key, const std::string& qualifier,
                                              std::string document) {
  TRY(FunctionRecord* const record, impl_->get(key));
  FunctionChange change = impl_->store.change(key);
  change.put_policy(qualifier, document);
  const auto renewed = [](const FunctionVersion& former) {
    FunctionVersion next = former;
    next.revision_id = random_uuid();
    return std::make_shared<const FunctionVersion>(std::move(next));
  };
  const auto named = record->aliases.find(qualifier);
  const auto number = version_number(qualifier);
  const auto version = number ? record->versions.find(*number) : record->versions.end();
  if (named != record->aliases.end()) {
    Alias next = named->second;
    next.revision_id = random_uuid();
    TRY_STATUS(impl_->store.commit(std::move(change.put_alias(next))));
    named->second = std::move(next);
  } else if (version != record->versions.end()) {
    const FunctionSnapshot next = renewed(*version->second);
    TRY_STATUS(impl_->store.commit(std::move(change.put_version(*next))));
    version->second = next;
  } else if (qualifier.empty()) {
    const FunctionSnapshot next = renewed(*record->latest);
    const FunctionSnapshot running = record->running == record->latest ? next : record->running;
    TRY_STATUS(impl_->store.commit(std::move(change.put_latest(next, running))));
    record->latest = next;
    record->running = running;
  } else {
    return fail(ErrorKind::kNotFound, fmt::format("function {}:{}", key.name, qualifier));
  }
  if (document.empty()) {
    record->policies.erase(qualifier);
  } else {
    record->policies[qualifier] = std::move(document);
  }
  impl_->tell(key);
  return policy(key, qualifier);
}

// --- concurrency ----------------------------------------------------------------------------------------------------

Registry::Concurrency Registry::concurrency(const FunctionKey& key) const {
  Concurrency found;
  if (const FunctionRecord* const record = impl_->find(key)) found.reserved = record->reserved_concurrency;
  const auto sum = impl_->reserved_by_all.find({key.account, key.region});
  if (sum != impl_->reserved_by_all.end()) found.reserved_by_all = sum->second;
  return found;
}

Status Registry::set_reserved_concurrency(const FunctionKey& key, std::optional<std::uint32_t> reserved) {
  TRY(FunctionRecord* const record, impl_->get(key));
  FunctionChange change = impl_->store.change(key);
  TRY_STATUS(impl_->store.commit(std::move(change.put_reserved_concurrency(reserved))));
  impl_->count_reserved(key, record->reserved_concurrency, reserved);
  record->reserved_concurrency = reserved;
  return {};
}

// --------------------------------------------------------------------------------------------------------------------

void Registry::on_change(std::function<void(const FunctionKey&)> listener) {
  impl_->listeners.push_back(std::move(listener));
}

Status Registry::clear() {
  TRY_STATUS(impl_->store.erase_everything());
  const auto records = std::exchange(impl_->records, {});
  impl_->reserved_by_all.clear();
  for (const auto& [key, record] : records) impl_->tell(key);
  return {};
}

}  // namespace hearth::functions
