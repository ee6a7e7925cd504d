// Versions, aliases and their rules of events: the parts of Registry that qualifiers name.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <tuple>
#include <utility>

#include "base/bytes.h"
#include "functions/registry_impl.h"

namespace hearth::functions {
namespace {

std::vector<std::string_view> arns_of(const std::vector<LayerUse>& layers) {
  std::vector<std::string_view> arns;
  for (const LayerUse& layer : layers) arns.emplace_back(layer.arn);
  return arns;
}

// Whether publishing `latest` would give what `version` is already.
bool same_content(const FunctionVersion& version, const FunctionVersion& latest) {
  const auto content = [](const FunctionVersion& function, const std::string& description) {
    return std::tie(function.code.sha256_base64, function.runtime, function.handler, function.role, description,
                    function.memory_mib, function.timeout_s, function.ephemeral_mib, function.environment,
                    function.has_environment, function.architecture, function.tracing_mode, function.log_format,
                    function.log_group, function.application_log_level, function.system_log_level);
  };
  return content(version, version.source_description) == content(latest, latest.description) &&
         arns_of(version.layers) == arns_of(latest.layers);
}

}  // namespace

std::optional<std::uint64_t> version_number(std::string_view qualifier) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(qualifier.data(), qualifier.data() + qualifier.size(), number);
  if (qualifier.empty() || error != std::errc() || end != qualifier.data() + qualifier.size()) return std::nullopt;
  return number;
}

// --- what a qualifier names -----------------------------------------------------------------------------------------

FunctionSnapshot Registry::find(const FunctionKey& key, std::string_view qualifier) const {
  const FunctionRecord* const record = impl_->find(key);
  if (!record) return nullptr;
  if (qualifier.empty() || qualifier == kLatestVersion) return record->latest;
  if (const auto number = version_number(qualifier)) {
    const auto place = record->versions.find(*number);
    return place == record->versions.end() ? nullptr : place->second;
  }
  const auto named = record->aliases.find(qualifier);
  return named == record->aliases.end() ? nullptr : find(key, named->second.version);
}

FunctionSnapshot Registry::running(const FunctionKey& key, std::string_view qualifier, double draw) const {
  const FunctionRecord* const record = impl_->find(key);
  if (!record) return nullptr;
  if (qualifier.empty() || qualifier == kLatestVersion) return record->running;
  if (version_number(qualifier)) {
    FunctionSnapshot version = find(key, qualifier);
    return version && version->state == State::kActive && is_settled(*version) ? version : nullptr;
  }
  const auto named = record->aliases.find(qualifier);
  if (named == record->aliases.end()) return nullptr;
  for (const auto& [version, weight] : named->second.weights) {
    if (draw < weight) return running(key, version, 0);
  }
  return running(key, named->second.version, 0);
}

std::vector<FunctionSnapshot> Registry::versions(const FunctionKey& key, std::uint64_t after, std::size_t limit) const {
  std::vector<FunctionSnapshot> found;
  const FunctionRecord* const record = impl_->find(key);
  if (!record) return found;
  for (auto place = record->versions.upper_bound(after); place != record->versions.end(); ++place) {
    if (found.size() == limit) break;
    found.push_back(place->second);
  }
  return found;
}

// --- versions -------------------------------------------------------------------------------------------------------

FunctionSnapshot Registry::Impl::version_of(const FunctionRecord& record, const FunctionVersion& latest,
                                            const std::optional<std::string>& description) {
  const auto last = record.versions.find(record.last_version);
  if (last != record.versions.end() && same_content(*last->second, latest)) return last->second;
  FunctionVersion version = latest;
  version.version = std::to_string(record.last_version + 1);
  version.generation = next_generation++;
  version.revision_id = random_uuid();
  version.last_modified = clock.now();
  version.source_description = latest.description;
  if (description) version.description = *description;
  return std::make_shared<const FunctionVersion>(std::move(version));
}

Result<FunctionSnapshot> Registry::publish(const FunctionKey& key, const Publication& publication) {
  TRY(FunctionRecord* const record, impl_->get(key));
  const FunctionVersion& latest = *record->latest;
  if (publication.revision_id && *publication.revision_id != latest.revision_id) {
    return fail(ErrorKind::kRevisionMismatch, std::string(kRevisionMismatchMessage));
  }
  if (!is_settled(latest) || latest.state != State::kActive) {
    return fail(ErrorKind::kUpdateInProgress, why_unsettled(latest));
  }
  if (publication.code_sha256 && *publication.code_sha256 != latest.code.sha256_base64) {
    return fail(ErrorKind::kHashMismatch,
                fmt::format("CodeSHA256 ({}) is different from current CodeSHA256 in $LATEST ({}). Please try again "
                            "with the CodeSHA256 in $LATEST.",
                            *publication.code_sha256, latest.code.sha256_base64));
  }
  const FunctionSnapshot version = impl_->version_of(*record, latest, publication.description);
  const std::uint64_t number = *version_number(version->version);
  if (number <= record->last_version) return version;
  FunctionChange change = impl_->store.change(key);
  change.put_version(*version).put_last_version(number);
  TRY_STATUS(impl_->store.commit(std::move(change)));
  record->versions[number] = version;
  record->last_version = number;
  impl_->tell(key);
  return version;
}

Status Registry::remove_version(const FunctionKey& key, const std::string& version) {
  TRY(FunctionRecord* const record, impl_->get(key));
  const auto number = version_number(version);
  const auto place = number ? record->versions.find(*number) : record->versions.end();
  if (place == record->versions.end()) {
    return fail(ErrorKind::kNotFound, fmt::format("function {}:{}", key.name, version));
  }
  std::vector<std::string_view> names;
  for (const auto& [name, alias] : record->aliases) {
    if (alias.version == version || alias.weights.contains(version)) names.push_back(name);
  }
  if (!names.empty()) {
    return fail(ErrorKind::kInUse,
                fmt::format("Unable to delete version because the following aliases reference it: [{}]",
                            fmt::join(names, ", ")));
  }
  FunctionChange change = impl_->store.change(key);
  change.erase_version(version).put_policy(version, {}).erase_event_rules(version);
  TRY_STATUS(impl_->store.commit(std::move(change)));
  record->versions.erase(place);
  record->policies.erase(version);
  record->event_rules.erase(version);
  impl_->tell(key);
  return {};
}

// --- aliases --------------------------------------------------------------------------------------------------------

std::optional<Alias> Registry::alias(const FunctionKey& key, std::string_view name) const {
  const FunctionRecord* const record = impl_->find(key);
  if (!record) return std::nullopt;
  const auto named = record->aliases.find(name);
  return named == record->aliases.end() ? std::nullopt : std::optional<Alias>(named->second);
}

std::vector<Alias> Registry::aliases(const FunctionKey& key, const std::optional<std::string>& version,
                                     const std::string& after, std::size_t limit) const {
  std::vector<Alias> found;
  const FunctionRecord* const record = impl_->find(key);
  if (!record) return found;
  for (auto named = record->aliases.upper_bound(after); named != record->aliases.end(); ++named) {
    if (found.size() == limit) break;
    const Alias& alias = named->second;
    if (!version || alias.version == *version || alias.weights.contains(*version)) found.push_back(alias);
  }
  return found;
}

Result<Alias> Registry::add_alias(const FunctionKey& key, Alias alias) {
  TRY(FunctionRecord* const record, impl_->get(key));
  if (record->aliases.contains(alias.name)) {
    return fail(ErrorKind::kAlreadyExists, fmt::format("alias {} of {}", alias.name, key.name));
  }
  alias.revision_id = random_uuid();
  FunctionChange change = impl_->store.change(key);
  TRY_STATUS(impl_->store.commit(std::move(change.put_alias(alias))));
  record->aliases.emplace(alias.name, alias);
  return alias;
}

Result<Alias> Registry::update_alias(const FunctionKey& key, const std::string& name,
                                     const std::optional<std::string>& revision_id,
                                     const std::function<void(Alias&)>& change) {
  TRY(FunctionRecord* const record, impl_->get(key));
  const auto named = record->aliases.find(name);
  if (named == record->aliases.end()) {
    return fail(ErrorKind::kNotFound, fmt::format("alias {} of {}", name, key.name));
  }
  if (revision_id && *revision_id != named->second.revision_id) {
    return fail(ErrorKind::kRevisionMismatch, std::string(kRevisionMismatchMessage));
  }
  Alias next = named->second;
  change(next);
  next.name = name;
  next.revision_id = random_uuid();
  FunctionChange rows = impl_->store.change(key);
  TRY_STATUS(impl_->store.commit(std::move(rows.put_alias(next))));
  named->second = next;
  return next;
}

Status Registry::remove_alias(const FunctionKey& key, const std::string& name) {
  const auto record = impl_->records.find(key);
  if (record == impl_->records.end() || !record->second.aliases.contains(name)) return {};
  FunctionChange change = impl_->store.change(key);
  change.erase_alias(name).put_policy(name, {}).erase_event_rules(name);
  TRY_STATUS(impl_->store.commit(std::move(change)));
  record->second.aliases.erase(name);
  record->second.policies.erase(name);
  record->second.event_rules.erase(name);
  return {};
}

// --- rules of events ------------------------------------------------------------------------------------------------

std::optional<EventRules> Registry::event_rules(const FunctionKey& key, std::string_view qualifier) const {
  const FunctionRecord* const record = impl_->find(key);
  if (!record) return std::nullopt;
  const auto place = record->event_rules.find(qualifier.empty() ? kLatestVersion : qualifier);
  return place == record->event_rules.end() ? std::nullopt : std::optional<EventRules>(place->second);
}

std::vector<std::pair<std::string, EventRules>> Registry::list_event_rules(const FunctionKey& key,
                                                                           const std::string& after,
                                                                           std::size_t limit) const {
  std::vector<std::pair<std::string, EventRules>> found;
  const FunctionRecord* const record = impl_->find(key);
  if (!record) return found;
  for (auto place = record->event_rules.upper_bound(after); place != record->event_rules.end(); ++place) {
    if (found.size() == limit) break;
    found.emplace_back(*place);
  }
  return found;
}

Result<EventRules> Registry::set_event_rules(const FunctionKey& key, const std::string& qualifier, EventRules rules) {
  TRY(FunctionRecord* const record, impl_->get(key));
  const std::string name = qualifier.empty() ? std::string(kLatestVersion) : qualifier;
  rules.last_modified = impl_->clock.now();
  FunctionChange change = impl_->store.change(key);
  TRY_STATUS(impl_->store.commit(std::move(change.put_event_rules(name, rules))));
  record->event_rules[name] = rules;
  return rules;
}

Status Registry::remove_event_rules(const FunctionKey& key, const std::string& qualifier) {
  TRY(FunctionRecord* const record, impl_->get(key));
  const std::string name = qualifier.empty() ? std::string(kLatestVersion) : qualifier;
  if (!record->event_rules.contains(name)) return fail(ErrorKind::kNotFound, fmt::format("rules of {}", name));
  FunctionChange change = impl_->store.change(key);
  TRY_STATUS(impl_->store.commit(std::move(change.erase_event_rules(name))));
  record->event_rules.erase(name);
  return {};
}

}  // namespace hearth::functions
