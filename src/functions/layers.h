#pragma once
// LayerRegistry: every layer of every account, in memory, backed by the store; the only writer of layers.
//
// A deleted version is gone from here at once; functions that use it have their own record of its content. Version
// numbers are never given twice.
//
// Path: services/lambda/layer_shelf.cc -> here -> functions/layer_store.h        Tests: layers_test.cc

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "functions/layer.h"
#include "functions/layer_store.h"
#include "storage/store.h"

namespace hearth::functions {

// Thread: the loop's.
class LayerRegistry {
 public:
  using Match = std::function<bool(const LayerVersion&)>;

  // `store` and `clock` outlive the registry. load() reads everything once, at start.
  LayerRegistry(storage::Store& store, const Clock& clock) : store_(store), clock_(clock) {}
  Status load();

  // nullptr if there is none.
  LayerSnapshot find(const LayerKey& key, std::uint64_t number) const;
  // Of each layer the newest version that matches, in name order, names greater than `after`, at most `limit`.
  std::vector<LayerSnapshot> list(const std::string& account, const std::string& region, const std::string& after,
                                  std::size_t limit, const Match& match) const;
  // Versions that match, newest first, numbers below `before` (0: all), at most `limit`.
  std::vector<LayerSnapshot> versions(const LayerKey& key, std::uint64_t before, std::size_t limit,
                                      const Match& match) const;
  // Every version, of all accounts. For collecting packages.
  std::vector<LayerSnapshot> all() const;

  // Adds a version under the next number, made now. Errors here and below: storage::ErrorKind.
  Result<LayerSnapshot> publish(LayerVersion version);
  // Adds or replaces the version of `version.number`, made now.
  Result<LayerSnapshot> put_imported(LayerVersion version);
  // Gives the version's policy a new revision. Errors: also kNotFound.
  Result<LayerSnapshot> set_policy(const LayerKey& key, std::uint64_t number, std::string document);
  // None of that number: nothing to do.
  Status remove(const LayerKey& key, std::uint64_t number);
  Status clear();

 private:
  Result<LayerSnapshot> put(LayerVersion version);

  LayerStore store_;
  const Clock& clock_;
  std::map<LayerKey, LayerRecord> records_;
};

}  // namespace hearth::functions
