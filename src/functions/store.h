#pragma once
// FunctionStore: how functions are kept in the store; the only file that knows their keys and their JSON.
//
// Spaces: "lambda.version" (name, version), "lambda.running" (name): the former $LATEST while an update of it is not
// settled or failed; "lambda.tags" (name); "lambda.policy" (name). Values are JSON with a format number "v"; a number
// greater than ours is refused, so that an older server cannot misread newer data.
//
// Path: functions/registry.cc -> here -> storage/store.h        Tests: registry_test.cc

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "functions/function.h"
#include "storage/store.h"

namespace hearth::functions {

// All that is kept of one function name.
struct FunctionRecord {
  FunctionSnapshot latest;
  FunctionSnapshot running;  // null until a first version was ready
  std::map<std::string, std::string> tags;
  std::string policy;  // JSON; empty: none
};

class FunctionStore {
 public:
  explicit FunctionStore(storage::Store& store) : store_(store) {}

  // Errors: storage::ErrorKind::kCorrupt, kForeign (newer format), and what scan() gives.
  Result<std::vector<FunctionRecord>> load();
  // Errors of the rest: storage::ErrorKind; add() also kConflict when the name is taken.
  Status add(const FunctionRecord& record);
  Status put_versions(const FunctionRecord& record);
  Status put_tags(const FunctionKey& key, const std::map<std::string, std::string>& tags);
  // The policy and, in the same batch, the function's new revision.
  Status put_policy(const FunctionRecord& record);
  Status erase(const FunctionKey& key);
  Status erase_everything();

 private:
  storage::Store& store_;
};

// The JSON of one version, for tests of the format.
std::string encode_version(const FunctionVersion& version);
Result<FunctionVersion> decode_version(const FunctionKey& key, std::string_view text);

}  // namespace hearth::functions
