#include "functions/store.h"

#include <fmt/format.h>

#include <array>
#include <boost/json.hpp>
#include <utility>

#include "functions/record_reader.h"
#include "functions/registry.h"
#include "functions/row_scan.h"
#include "storage/key.h"

namespace hearth::functions {
namespace {

namespace json = boost::json;

constexpr std::string_view kVersions = "lambda.version";
constexpr std::string_view kRunning = "lambda.running";
constexpr std::string_view kPublished = "lambda.published";
constexpr std::string_view kAliases = "lambda.alias";
constexpr std::string_view kTags = "lambda.tags";
constexpr std::string_view kEventRules = "lambda.event_rules";
constexpr std::string_view kPolicies = "lambda.policy";
constexpr std::string_view kConcurrency = "lambda.concurrency";
constexpr std::int64_t kFormat = 2;  // since 2, variables are sealed

constexpr std::array<std::string_view, 4> kStates = {"Pending", "Active", "Inactive", "Failed"};
constexpr std::array<std::string_view, 4> kUpdateStatuses = {"", "InProgress", "Successful", "Failed"};

std::string key_of(std::string_view space, const FunctionKey& key) {
  return storage::make_key(space, key.account, key.region, {key.name});
}
std::string key_of(std::string_view space, const FunctionKey& key, std::string_view part) {
  return storage::make_key(space, key.account, key.region, {key.name, part});
}

// Whom variables are sealed for: versions share them with $LATEST, other functions do not.
std::string owner_of(const FunctionKey& key) { return key_of("lambda.environment", key); }

json::object encode_map(const std::map<std::string, std::string>& map) {
  json::object object;
  for (const auto& [name, value] : map) object[name] = value;
  return object;
}

Result<json::object> parse(std::string_view what, const FunctionKey& key, std::string_view text) {
  boost::system::error_code error;
  json::value value = json::parse(text, error);
  const json::object* object = error ? nullptr : value.if_object();
  const json::value* format = object ? object->if_contains("v") : nullptr;
  if (!format || !format->is_int64()) {
    return fail(storage::ErrorKind::kCorrupt, fmt::format("{} of function {} cannot be read", what, key.name));
  }
  if (format->get_int64() > kFormat) {
    return fail(storage::ErrorKind::kForeign,
                fmt::format("{} of function {} was written by a newer version", what, key.name));
  }
  return std::move(value.get_object());
}

// Every entry of a space with the function it belongs to, and its second key part if it has one.
template <class Visit>
Status for_each(storage::Store& store, std::string_view space, const Visit& visit) {
  return for_each_row(
      store, space, [&](const storage::KeyOwner& owner, const std::vector<std::string>& parts, std::string_view value) {
        const FunctionKey key{owner.account, owner.region, parts[0]};
        return visit(key, parts.size() > 1 ? parts[1] : std::string(), value);
      });
}

json::array encode_layers(const std::vector<LayerUse>& layers) {
  json::array list;
  for (const LayerUse& layer : layers) {
    json::object entry = encode_package(layer.package);
    entry["arn"] = layer.arn;
    list.push_back(std::move(entry));
  }
  return list;
}

// Reads one record whose members `read` asks for.
template <class Read>
Status decode(std::string_view what, const FunctionKey& key, std::string_view text, const Read& read) {
  TRY(const json::object object, parse(what, key, text));
  RecordReader reader(object);
  read(reader);
  if (reader.first_broken().empty()) return {};
  return fail(storage::ErrorKind::kCorrupt,
              fmt::format("{} of function {} cannot be read: {}", what, key.name, reader.first_broken()));
}

// Fills in the variables, or what is kept of them when their key is missing.
Status open_environment(std::string sealed, const storage::KeyRing& keys, FunctionVersion& version) {
  auto opened = keys.open(sealed, owner_of(version.key));
  if (!opened && opened.error().is(storage::KeyRingError::kNoKey)) {
    version.lost_environment = std::move(sealed);
    return {};
  }
  boost::system::error_code error;
  const json::value value = opened ? json::parse(*opened, error) : json::value();
  const json::object* const variables = value.if_object();
  if (variables) {
    for (const auto& [name, text] : *variables) {
      if (text.is_string()) version.environment.emplace(name, text.get_string());
    }
    if (version.environment.size() == variables->size()) return {};
  }
  return fail(storage::ErrorKind::kCorrupt,
              fmt::format("the variables of function {} cannot be read", version.key.name));
}

// Whether the key is there decides about the state at every start: what failed for want of it works again with it.
void follow_key(FunctionVersion& version) {
  if (!version.lost_environment.empty()) {
    version.state = State::kFailed;
    version.state_reason = kLostKeyReason;
    version.state_reason_code = kLostKeyCode;
    return;
  }
  if (version.state == State::kFailed && version.state_reason_code == kLostKeyCode) {
    version.state = State::kActive;
    version.state_reason.clear();
    version.state_reason_code.clear();
  }
  if (version.update_status == UpdateStatus::kFailed && version.update_reason_code == kLostKeyCode) {
    version.update_status = UpdateStatus::kSuccessful;
    version.update_reason.clear();
    version.update_reason_code.clear();
  }
}

struct DecodedVersion {
  FunctionVersion version;
  // Its variables are not sealed, or under a key that has been replaced.
  bool wants_sealing = false;
};

Result<DecodedVersion> decode_row(const FunctionKey& key, std::string_view text, const storage::KeyRing& keys);

}  // namespace

std::string encode_version(const FunctionVersion& version, const storage::KeyRing& keys) {
  const bool lost = !version.lost_environment.empty();
  return json::serialize(json::object{
      {"v", kFormat},
      {"version", version.version},
      {"arn", version.arn},
      {"generation", version.generation},
      {"source_description", version.source_description},
      {"blob", version.code.blob.sha256_hex},
      {"code_sha256", version.code.sha256_base64},
      {"code_size", version.code.size_bytes},
      {"unpacked_size", version.code.unpacked_bytes},
      {"runtime", version.runtime},
      {"handler", version.handler},
      {"role", version.role},
      {"description", version.description},
      {"memory_mib", version.memory_mib},
      {"timeout_s", version.timeout_s},
      {"ephemeral_mib", version.ephemeral_mib},
      {"sealed_environment", lost ? version.lost_environment
                                  : keys.seal(json::serialize(encode_map(version.environment)), owner_of(version.key))},
      {"has_environment", version.has_environment},
      {"architecture", version.architecture},
      {"tracing_mode", version.tracing_mode},
      {"log_format", version.log_format},
      {"log_group", version.log_group},
      {"application_log_level", version.application_log_level},
      {"system_log_level", version.system_log_level},
      {"layers", encode_layers(version.layers)},
      {"revision_id", version.revision_id},
      {"last_modified_ms", version.last_modified.time_since_epoch().count()},
      {"state", kStates[static_cast<std::size_t>(version.state)]},
      {"state_reason", version.state_reason},
      {"state_reason_code", version.state_reason_code},
      {"update_status", kUpdateStatuses[static_cast<std::size_t>(version.update_status)]},
      {"update_reason", version.update_reason},
      {"update_reason_code", version.update_reason_code},
  });
}

Result<FunctionVersion> decode_version(const FunctionKey& key, std::string_view text, const storage::KeyRing& keys) {
  TRY(DecodedVersion decoded, decode_row(key, text, keys));
  return std::move(decoded.version);
}

namespace {

Result<DecodedVersion> decode_row(const FunctionKey& key, std::string_view text, const storage::KeyRing& keys) {
  TRY(const json::object object, parse("the record", key, text));
  RecordReader reader(object);
  DecodedVersion decoded;
  FunctionVersion& version = decoded.version;
  version.key = key;
  version.version = reader.text("version");
  version.arn = reader.text("arn");
  version.generation = reader.number("generation");
  version.source_description = reader.text_or_empty("source_description");
  version.code = reader.package();
  version.runtime = reader.text("runtime");
  version.handler = reader.text("handler");
  version.role = reader.text("role");
  version.description = reader.text("description");
  version.memory_mib = reader.number<std::uint32_t>("memory_mib");
  version.timeout_s = reader.number<std::uint32_t>("timeout_s");
  version.ephemeral_mib = reader.number<std::uint32_t>("ephemeral_mib");
  if (reader.has("environment")) {  // of format 1
    version.environment = reader.map("environment");
    decoded.wants_sealing = true;
  } else {
    std::string sealed = reader.text("sealed_environment");
    decoded.wants_sealing = !keys.is_current(sealed);
    TRY_STATUS(open_environment(std::move(sealed), keys, version));
  }
  version.has_environment = reader.flag("has_environment");
  version.architecture = reader.text("architecture");
  version.tracing_mode = reader.text("tracing_mode");
  version.log_format = reader.text("log_format");
  version.log_group = reader.text("log_group");
  version.application_log_level = reader.text("application_log_level");
  version.system_log_level = reader.text("system_log_level");
  reader.each_if_there("layers", [&](RecordReader& layer) {
    version.layers.push_back({.arn = layer.text("arn"), .package = layer.package()});
  });
  version.revision_id = reader.text("revision_id");
  version.last_modified = reader.time("last_modified_ms");
  version.state = reader.word<State>("state", kStates);
  version.state_reason = reader.text("state_reason");
  version.state_reason_code = reader.text("state_reason_code");
  version.update_status = reader.word<UpdateStatus>("update_status", kUpdateStatuses);
  version.update_reason = reader.text("update_reason");
  version.update_reason_code = reader.text("update_reason_code");
  if (!reader.first_broken().empty()) {
    return fail(storage::ErrorKind::kCorrupt,
                fmt::format("the record of function {}: member {} cannot be read", key.name, reader.first_broken()));
  }
  follow_key(version);
  return decoded;
}

}  // namespace

Result<std::vector<FunctionRecord>> FunctionStore::load() {
  std::map<FunctionKey, FunctionRecord> records;
  storage::Batch sealed_anew;
  const auto snapshot = [&](std::string row, const FunctionKey& key,
                            std::string_view text) -> Result<FunctionSnapshot> {
    TRY(DecodedVersion decoded, decode_row(key, text, keys_));
    if (decoded.wants_sealing && decoded.version.lost_environment.empty()) {
      sealed_anew.put(std::move(row), encode_version(decoded.version, keys_));
    }
    return std::make_shared<const FunctionVersion>(std::move(decoded.version));
  };
  using Text = std::string_view;
  using Part = const std::string&;
  TRY_STATUS(for_each(store_, kVersions, [&](const FunctionKey& key, Part version, Text text) -> Status {
    TRY(FunctionSnapshot function, snapshot(key_of(kVersions, key, version), key, text));
    if (version == kLatestVersion) {
      records[key].latest = std::move(function);
      return {};
    }
    const auto number = version_number(version);
    if (!number) {
      return fail(storage::ErrorKind::kCorrupt, fmt::format("function {} has a version '{}'", key.name, version));
    }
    records[key].versions[*number] = std::move(function);
    return {};
  }));
  TRY_STATUS(for_each(store_, kRunning, [&](const FunctionKey& key, Part, Text text) -> Status {
    TRY(FunctionSnapshot running, snapshot(key_of(kRunning, key), key, text));
    if (running->lost_environment.empty()) records[key].running = std::move(running);
    return {};
  }));
  TRY_STATUS(for_each(store_, kPublished, [&](const FunctionKey& key, Part, Text text) -> Status {
    return decode("the version counter", key, text,
                  [&](RecordReader& reader) { records[key].last_version = reader.number("last"); });
  }));
  TRY_STATUS(for_each(store_, kAliases, [&](const FunctionKey& key, Part name, Text text) -> Status {
    return decode("an alias", key, text, [&](RecordReader& reader) {
      records[key].aliases[name] = {.name = name,
                                    .version = reader.text("version"),
                                    .description = reader.text("description"),
                                    .weights = reader.weights("weights"),
                                    .revision_id = reader.text("revision_id")};
    });
  }));
  TRY_STATUS(for_each(store_, kTags, [&](const FunctionKey& key, Part, Text text) -> Status {
    return decode("the tags", key, text, [&](RecordReader& reader) { records[key].tags = reader.map("tags"); });
  }));
  TRY_STATUS(for_each(store_, kEventRules, [&](const FunctionKey& key, Part qualifier, Text text) -> Status {
    return decode("the rules of events", key, text, [&](RecordReader& reader) {
      records[key].event_rules[qualifier] = {.retries = reader.number_if_there("retries"),
                                             .oldest_s = reader.number_if_there("oldest_s"),
                                             .on_success = reader.text("on_success"),
                                             .on_failure = reader.text("on_failure"),
                                             .last_modified = reader.time("last_modified_ms")};
    });
  }));
  TRY_STATUS(for_each(store_, kPolicies, [&](const FunctionKey& key, Part qualifier, Text text) -> Status {
    return decode("the policy", key, text,
                  [&](RecordReader& reader) { records[key].policies[qualifier] = reader.text("document"); });
  }));
  TRY_STATUS(for_each(store_, kConcurrency, [&](const FunctionKey& key, Part, Text text) -> Status {
    return decode("the reserved concurrency", key, text, [&](RecordReader& reader) {
      records[key].reserved_concurrency = reader.number<std::uint32_t>("reserved");
    });
  }));

  std::vector<FunctionRecord> result;
  result.reserve(records.size());
  for (auto& [key, record] : records) {
    if (!record.latest) {
      return fail(storage::ErrorKind::kCorrupt, fmt::format("function {} has rows but no $LATEST", key.name));
    }
    // The row is absent when the newest configuration is the running one.
    const bool ready =
        record.latest->state == State::kActive && record.latest->update_status == UpdateStatus::kSuccessful;
    if (!record.running && ready) record.running = record.latest;
    result.push_back(std::move(record));
  }
  if (!sealed_anew.writes.empty()) {
    TRY([[maybe_unused]] const storage::Ticket ticket, store_.commit(std::move(sealed_anew)));
  }
  return result;
}

FunctionChange& FunctionChange::put_latest(const FunctionSnapshot& latest, const FunctionSnapshot& running) {
  put_version(*latest);
  if (running && running != latest) {
    batch_.put(key_of(kRunning, key_), encode_version(*running, keys_));
  } else {
    batch_.erase(key_of(kRunning, key_));
  }
  return *this;
}

FunctionChange& FunctionChange::put_version(const FunctionVersion& version) {
  batch_.put(key_of(kVersions, key_, version.version), encode_version(version, keys_));
  return *this;
}

FunctionChange& FunctionChange::erase_version(const std::string& version) {
  batch_.erase(key_of(kVersions, key_, version));
  return *this;
}

FunctionChange& FunctionChange::put_last_version(std::uint64_t number) {
  batch_.put(key_of(kPublished, key_), json::serialize(json::object{{"v", kFormat}, {"last", number}}));
  return *this;
}

FunctionChange& FunctionChange::put_alias(const Alias& alias) {
  json::object weights;
  for (const auto& [version, weight] : alias.weights) weights[version] = weight;
  batch_.put(key_of(kAliases, key_, alias.name), json::serialize(json::object{{"v", kFormat},
                                                                              {"version", alias.version},
                                                                              {"description", alias.description},
                                                                              {"weights", std::move(weights)},
                                                                              {"revision_id", alias.revision_id}}));
  return *this;
}

FunctionChange& FunctionChange::erase_alias(const std::string& name) {
  batch_.erase(key_of(kAliases, key_, name));
  return *this;
}

FunctionChange& FunctionChange::put_tags(const std::map<std::string, std::string>& tags) {
  if (tags.empty()) {
    batch_.erase(key_of(kTags, key_));
  } else {
    batch_.put(key_of(kTags, key_), json::serialize(json::object{{"v", kFormat}, {"tags", encode_map(tags)}}));
  }
  return *this;
}

FunctionChange& FunctionChange::put_event_rules(const std::string& qualifier, const EventRules& rules) {
  json::object object{{"v", kFormat},
                      {"on_success", rules.on_success},
                      {"on_failure", rules.on_failure},
                      {"last_modified_ms", rules.last_modified.time_since_epoch().count()}};
  if (rules.retries) object["retries"] = *rules.retries;
  if (rules.oldest_s) object["oldest_s"] = *rules.oldest_s;
  batch_.put(key_of(kEventRules, key_, qualifier), json::serialize(object));
  return *this;
}

FunctionChange& FunctionChange::erase_event_rules(const std::string& qualifier) {
  batch_.erase(key_of(kEventRules, key_, qualifier));
  return *this;
}

FunctionChange& FunctionChange::put_policy(const std::string& qualifier, const std::string& document) {
  const std::string key = qualifier.empty() ? key_of(kPolicies, key_) : key_of(kPolicies, key_, qualifier);
  if (document.empty()) {
    batch_.erase(key);
  } else {
    batch_.put(key, json::serialize(json::object{{"v", kFormat}, {"document", document}}));
  }
  return *this;
}

FunctionChange& FunctionChange::put_reserved_concurrency(std::optional<std::uint32_t> reserved) {
  if (reserved) {
    batch_.put(key_of(kConcurrency, key_), json::serialize(json::object{{"v", kFormat}, {"reserved", *reserved}}));
  } else {
    batch_.erase(key_of(kConcurrency, key_));
  }
  return *this;
}

FunctionChange& FunctionChange::erase(const FunctionRecord& record) {
  erase_version("$LATEST");
  for (const auto& [number, version] : record.versions) erase_version(version->version);
  for (const auto& [name, alias] : record.aliases) erase_alias(name);
  for (const auto& [qualifier, rules] : record.event_rules) erase_event_rules(qualifier);
  for (const auto& [qualifier, document] : record.policies) put_policy(qualifier, {});
  put_reserved_concurrency({});
  batch_.erase(key_of(kRunning, key_)).erase(key_of(kPublished, key_)).erase(key_of(kTags, key_));
  return *this;
}

Status FunctionStore::add(FunctionChange change) {
  change.batch_.require_absent(key_of(kVersions, change.key_, "$LATEST"));
  return commit(std::move(change));
}

Status FunctionStore::commit(FunctionChange change) {
  TRY([[maybe_unused]] const storage::Ticket ticket, store_.commit(std::move(change.batch_)));
  return {};
}

Status FunctionStore::erase_everything() {
  for (const std::string_view space :
       {kVersions, kRunning, kPublished, kAliases, kTags, kEventRules, kPolicies, kConcurrency}) {
    TRY_STATUS(store_.erase_prefix(storage::space_prefix(space)));
  }
  return {};
}

}  // namespace hearth::functions
