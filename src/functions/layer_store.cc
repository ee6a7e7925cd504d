#include "functions/layer_store.h"

#include <fmt/format.h>

#include <array>
#include <boost/json.hpp>
#include <memory>
#include <utility>

#include "functions/record_reader.h"
#include "functions/row_scan.h"
#include "storage/key.h"

namespace hearth::functions {
namespace {

namespace json = boost::json;

constexpr std::string_view kLayers = "lambda.layer";
constexpr std::string_view kLast = "lambda.layer_last";
constexpr std::int64_t kFormat = 1;
constexpr std::array<std::string_view, 2> kOrigins = {"published", "imported"};

std::string version_key(const LayerKey& key, std::uint64_t number) {
  return storage::make_key(kLayers, key.account, key.region, {key.name, storage::sortable(number)});
}
std::string last_key(const LayerKey& key) { return storage::make_key(kLast, key.account, key.region, {key.name}); }

json::array list_of(const std::vector<std::string>& texts) {
  json::array list;
  for (const std::string& text : texts) list.emplace_back(text);
  return list;
}

// Reads one record whose members `read` asks for.
template <class Read>
Status decode(const LayerKey& key, std::string_view text, const Read& read) {
  boost::system::error_code error;
  const json::value value = json::parse(text, error);
  const json::object* object = error ? nullptr : value.if_object();
  const json::value* format = object ? object->if_contains("v") : nullptr;
  if (!format || !format->is_int64()) {
    return fail(storage::ErrorKind::kCorrupt, fmt::format("a record of layer {} cannot be read", key.name));
  }
  if (format->get_int64() > kFormat) {
    return fail(storage::ErrorKind::kForeign,
                fmt::format("a record of layer {} was written by a newer version", key.name));
  }
  RecordReader reader(*object);
  read(reader);
  if (reader.first_broken().empty()) return {};
  return fail(storage::ErrorKind::kCorrupt,
              fmt::format("a record of layer {} cannot be read: {}", key.name, reader.first_broken()));
}

// Every entry of a space with the layer it belongs to.
template <class Visit>
Status for_each(storage::Store& store, std::string_view space, const Visit& visit) {
  return for_each_row(
      store, space, [&](const storage::KeyOwner& owner, const std::vector<std::string>& parts, std::string_view value) {
        return visit(LayerKey{owner.account, owner.region, parts[0]}, value);
      });
}

}  // namespace

std::string encode_layer(const LayerVersion& version) {
  json::object object = encode_package(version.package);
  object["v"] = kFormat;
  object["number"] = version.number;
  object["layer_arn"] = version.layer_arn;
  object["origin"] = kOrigins[static_cast<std::size_t>(version.origin)];
  object["description"] = version.description;
  object["license"] = version.license;
  object["runtimes"] = list_of(version.runtimes);
  object["architectures"] = list_of(version.architectures);
  object["created_ms"] = version.created.time_since_epoch().count();
  object["policy"] = version.policy;
  object["policy_revision"] = version.policy_revision;
  return json::serialize(object);
}

Result<LayerVersion> decode_layer(const LayerKey& key, std::string_view text) {
  LayerVersion version;
  version.key = key;
  TRY_STATUS(decode(key, text, [&](RecordReader& reader) {
    version.number = reader.number("number");
    version.layer_arn = reader.text("layer_arn");
    version.origin = reader.word<LayerOrigin>("origin", kOrigins);
    version.package = reader.package();
    version.description = reader.text("description");
    version.license = reader.text("license");
    version.runtimes = reader.texts("runtimes");
    version.architectures = reader.texts("architectures");
    version.created = reader.time("created_ms");
    version.policy = reader.text("policy");
    version.policy_revision = reader.text("policy_revision");
  }));
  return version;
}

Result<std::map<LayerKey, LayerRecord>> LayerStore::load() {
  std::map<LayerKey, LayerRecord> records;
  TRY_STATUS(for_each(store_, kLayers, [&](const LayerKey& key, std::string_view text) -> Status {
    TRY(LayerVersion version, decode_layer(key, text));
    const std::uint64_t number = version.number;
    records[key].versions[number] = std::make_shared<const LayerVersion>(std::move(version));
    return {};
  }));
  TRY_STATUS(for_each(store_, kLast, [&](const LayerKey& key, std::string_view text) -> Status {
    return decode(key, text, [&](RecordReader& reader) { records[key].last_version = reader.number("last"); });
  }));
  return records;
}

Status LayerStore::put(const LayerVersion& version, std::uint64_t last_version) {
  storage::Batch batch;
  batch.put(version_key(version.key, version.number), encode_layer(version));
  batch.put(last_key(version.key), json::serialize(json::object{{"v", kFormat}, {"last", last_version}}));
  TRY([[maybe_unused]] const storage::Ticket ticket, store_.commit(std::move(batch)));
  return {};
}

Status LayerStore::erase(const LayerKey& key, std::uint64_t number) {
  storage::Batch batch;
  batch.erase(version_key(key, number));
  TRY([[maybe_unused]] const storage::Ticket ticket, store_.commit(std::move(batch)));
  return {};
}

Status LayerStore::erase_everything() {
  for (const std::string_view space : {kLayers, kLast}) TRY_STATUS(store_.erase_prefix(storage::space_prefix(space)));
  return {};
}

}  // namespace hearth::functions
