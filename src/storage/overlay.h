#pragma once
// Overlay: writes that reads see already and RocksDB does not yet.
//
// The newest pending write of a key hides what RocksDB has for it. A write leaves the overlay once its group is
// written, unless a newer one of the same key has taken its place. Loop thread only.

#include <map>
#include <memory>
#include <string_view>

#include "storage/store.h"

namespace hearth::storage {

// Shared between the overlay (loop) and the group that carries it to disk (storage thread); never changed.
using PendingWrite = std::shared_ptr<const Batch::Write>;

class Overlay {
 public:
  // Keys view into the writes themselves.
  using Map = std::map<std::string_view, PendingWrite>;

  void add(PendingWrite write) {
    writes_.erase(write->key);  // not assigned over: the key must view into the new write
    const std::string_view key = write->key;
    writes_.emplace(key, std::move(write));
  }
  void remove_written(const PendingWrite& write) {
    const auto found = writes_.find(write->key);
    if (found != writes_.end() && found->second == write) writes_.erase(found);
  }
  // The newest pending write of `key`, or nullptr.
  const Batch::Write* find(std::string_view key) const {
    const auto found = writes_.find(key);
    return found == writes_.end() ? nullptr : found->second.get();
  }
  const Map& map() const { return writes_; }

 private:
  Map writes_;
};

}  // namespace hearth::storage
