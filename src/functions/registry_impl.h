#pragma once
// The inside of Registry, shared by its two source files: functions in registry.cc, versions and aliases in
// versions.cc.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "functions/registry.h"
#include "functions/store.h"

namespace hearth::functions {

bool is_settled(const FunctionVersion& function);
// What AWS says of a change meanwhile.
std::string why_unsettled(const FunctionVersion& function);

struct Registry::Impl {
  FunctionStore store;
  const Clock& clock;
  std::map<FunctionKey, FunctionRecord> records;
  // By account and region, where it is not 0.
  std::map<std::pair<std::string, std::string>, std::uint64_t> reserved_by_all;
  // Never given twice, also not to a function created again under the name of a deleted one.
  std::uint64_t next_generation = 1;
  std::vector<std::function<void(const FunctionKey&)>> listeners;

  Impl(storage::Store& in_store, const storage::KeyRing& keys, const Clock& by_clock)
      : store(in_store, keys), clock(by_clock) {}

  void tell(const FunctionKey& key) const {
    for (const auto& listener : listeners) listener(key);
  }
  // Keeps the sum true when a function's share goes from `former` to `next`.
  void count_reserved(const FunctionKey& key, std::optional<std::uint32_t> former, std::optional<std::uint32_t> next) {
    std::uint64_t& sum = reserved_by_all[{key.account, key.region}];
    sum = sum - former.value_or(0) + next.value_or(0);
    if (sum == 0) reserved_by_all.erase({key.account, key.region});
  }
  const FunctionRecord* find(const FunctionKey& key) const {
    const auto place = records.find(key);
    return place == records.end() ? nullptr : &place->second;
  }
  // Errors: kNotFound.
  Result<FunctionRecord*> get(const FunctionKey& key);
  // The version that publishing `latest` gives: the last one if it has the same content, else a new one.
  FunctionSnapshot version_of(const FunctionRecord& record, const FunctionVersion& latest,
                              const std::optional<std::string>& description);
};

}  // namespace hearth::functions
