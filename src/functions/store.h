#pragma once
// FunctionStore: how functions are kept in the store; the only file that knows their keys and their JSON.
//
// Spaces: "lambda.version" (name, version), "lambda.running" (name): the former $LATEST while an update of it is not
// settled or failed; "lambda.published" (name): the highest version number ever given; "lambda.alias" (name, alias);
// "lambda.tags" (name); "lambda.event_rules" (name, qualifier); "lambda.policy" (name, or name and qualifier);
// "lambda.concurrency" (name). Values are JSON with a format number "v"; a number greater than ours is refused, so that
// an older server cannot misread newer data. Environment variables are sealed under the operator's key; where it is
// missing, the function is Failed (kLostKeyCode) until the key is back or the variables are set anew.
//
// Path: functions/registry.cc -> here -> storage/store.h, storage/key_ring.h        Tests: registry_test.cc

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "functions/function.h"
#include "storage/key_ring.h"
#include "storage/store.h"

namespace hearth::functions {

// All that is kept of one function name.
struct FunctionRecord {
  FunctionSnapshot latest;
  FunctionSnapshot running;  // null until a first version was ready
  std::map<std::uint64_t, FunctionSnapshot> versions;
  std::uint64_t last_version = 0;  // numbers are not given twice, also not after a version was deleted
  std::map<std::string, Alias, std::less<>> aliases;
  std::map<std::string, std::string> tags;
  std::map<std::string, EventRules, std::less<>> event_rules;  // by qualifier, "$LATEST" for none
  std::map<std::string, std::string, std::less<>> policies;    // JSON, by qualifier; the function's own has none
  std::optional<std::uint32_t> reserved_concurrency;
};

// Changes of one function that are committed together.
class FunctionChange {
 public:
  // `keys` seals variables, and outlives the change.
  FunctionChange(FunctionKey key, const storage::KeyRing& keys) : key_(std::move(key)), keys_(keys) {}

  FunctionChange& put_latest(const FunctionSnapshot& latest, const FunctionSnapshot& running);
  FunctionChange& put_version(const FunctionVersion& version);
  FunctionChange& erase_version(const std::string& version);
  FunctionChange& put_last_version(std::uint64_t number);
  FunctionChange& put_alias(const Alias& alias);
  FunctionChange& erase_alias(const std::string& name);
  FunctionChange& put_tags(const std::map<std::string, std::string>& tags);
  FunctionChange& put_event_rules(const std::string& qualifier, const EventRules& rules);
  FunctionChange& erase_event_rules(const std::string& qualifier);
  FunctionChange& put_policy(const std::string& qualifier, const std::string& document);  // empty document: none
  FunctionChange& put_reserved_concurrency(std::optional<std::uint32_t> reserved);
  // Everything of `record`.
  FunctionChange& erase(const FunctionRecord& record);

 private:
  friend class FunctionStore;
  FunctionKey key_;
  const storage::KeyRing& keys_;
  storage::Batch batch_;
};

class FunctionStore {
 public:
  // Both outlive it.
  FunctionStore(storage::Store& store, const storage::KeyRing& keys) : store_(store), keys_(keys) {}

  FunctionChange change(FunctionKey key) const { return {std::move(key), keys_}; }

  // Seals anew, durably, what another than the current key sealed. Errors: storage::ErrorKind::kCorrupt, kForeign
  // (newer format), and what scan() and commit() give.
  Result<std::vector<FunctionRecord>> load();
  // Errors of the rest: storage::ErrorKind; add() also kConflict when the name is taken.
  Status add(FunctionChange change);
  Status commit(FunctionChange change);
  Status erase_everything();

 private:
  storage::Store& store_;
  const storage::KeyRing& keys_;
};

// The JSON of one version, for tests of the format.
std::string encode_version(const FunctionVersion& version, const storage::KeyRing& keys);
Result<FunctionVersion> decode_version(const FunctionKey& key, std::string_view text, const storage::KeyRing& keys);

}  // namespace hearth::functions
