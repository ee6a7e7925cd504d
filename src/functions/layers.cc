#include "functions/layers.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "functions/error_kind.h"

namespace hearth::functions {

Status LayerRegistry::load() {
  TRY(records_, store_.load());
  return {};
}

LayerSnapshot LayerRegistry::find(const LayerKey& key, std::uint64_t number) const {
  const auto record = records_.find(key);
  if (record == records_.end()) return nullptr;
  const auto version = record->second.versions.find(number);
  return version == record->second.versions.end() ? nullptr : version->second;
}

std::vector<LayerSnapshot> LayerRegistry::list(const std::string& account, const std::string& region,
                                               const std::string& after, std::size_t limit, const Match& match) const {
  std::vector<LayerSnapshot> found;
  for (auto place = records_.upper_bound({account, region, after}); place != records_.end(); ++place) {
    if (found.size() == limit || place->first.account != account || place->first.region != region) break;
    const auto newest = versions(place->first, 0, 1, match);
    found.insert(found.end(), newest.begin(), newest.end());
  }
  return found;
}

std::vector<LayerSnapshot> LayerRegistry::versions(const LayerKey& key, std::uint64_t before, std::size_t limit,
                                                   const Match& match) const {
  std::vector<LayerSnapshot> found;
  const auto record = records_.find(key);
  if (record == records_.end()) return found;
  const auto& all = record->second.versions;
  for (auto place = before == 0 ? all.end() : all.lower_bound(before); place != all.begin();) {
    if (found.size() == limit) break;
    --place;
    if (match(*place->second)) found.push_back(place->second);
  }
  return found;
}

std::vector<LayerSnapshot> LayerRegistry::all() const {
  std::vector<LayerSnapshot> found;
  for (const auto& [key, record] : records_) {
    for (const auto& [number, version] : record.versions) found.push_back(version);
  }
  return found;
}

Result<LayerSnapshot> LayerRegistry::put(LayerVersion version) {
  const auto record = records_.find(version.key);
  const std::uint64_t last = std::max(record == records_.end() ? 0 : record->second.last_version, version.number);
  TRY_STATUS(store_.put(version, last));
  LayerRecord& changed = records_[version.key];
  changed.last_version = last;
  LayerSnapshot& place = changed.versions[version.number];
  place = std::make_shared<const LayerVersion>(std::move(version));
  return place;
}

Result<LayerSnapshot> LayerRegistry::publish(LayerVersion version) {
  const auto record = records_.find(version.key);
  version.number = record == records_.end() ? 1 : record->second.last_version + 1;
  version.created = clock_.now();
  return put(std::move(version));
}

Result<LayerSnapshot> LayerRegistry::put_imported(LayerVersion version) {
  version.created = clock_.now();
  return put(std::move(version));
}

Result<LayerSnapshot> LayerRegistry::set_policy(const LayerKey& key, std::uint64_t number, std::string document) {
  const LayerSnapshot former = find(key, number);
  if (!former) return fail(ErrorKind::kNotFound, fmt::format("layer {}:{}", key.name, number));
  LayerVersion next = *former;
  next.policy = std::move(document);
  next.policy_revision = random_uuid();
  return put(std::move(next));
}

Status LayerRegistry::remove(const LayerKey& key, std::uint64_t number) {
  if (!find(key, number)) return {};
  TRY_STATUS(store_.erase(key, number));
  records_[key].versions.erase(number);
  return {};
}

Status LayerRegistry::clear() {
  TRY_STATUS(store_.erase_everything());
  records_.clear();
  return {};
}

}  // namespace hearth::functions
