#pragma once
// LayerStore: how layers are kept in the store; the only file that knows their keys and their JSON.
//
// Spaces: "lambda.layer" (name, version number), "lambda.layer_last" (name): the highest version number ever given.
// Values are JSON with a format number "v", as those of functions.
//
// Path: functions/layers.cc -> here -> storage/store.h        Tests: layers_test.cc

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "functions/layer.h"
#include "storage/store.h"

namespace hearth::functions {

// All that is kept of one layer name.
struct LayerRecord {
  std::map<std::uint64_t, LayerSnapshot> versions;
  std::uint64_t last_version = 0;  // numbers are not given twice, also not after a version was deleted
};

class LayerStore {
 public:
  explicit LayerStore(storage::Store& store) : store_(store) {}

  // Errors: storage::ErrorKind::kCorrupt, kForeign (newer format), and what scan() gives.
  Result<std::map<LayerKey, LayerRecord>> load();
  // Errors of the rest: storage::ErrorKind.
  Status put(const LayerVersion& version, std::uint64_t last_version);
  Status erase(const LayerKey& key, std::uint64_t number);
  Status erase_everything();

 private:
  storage::Store& store_;
};

// The JSON of one version, for tests of the format.
std::string encode_layer(const LayerVersion& version);
Result<LayerVersion> decode_layer(const LayerKey& key, std::string_view text);

}  // namespace hearth::functions
