#pragma once
// Layer: packages that functions share. Plain values; a layer version never changes but for its policy.

#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "functions/function.h"

namespace hearth::functions {

struct LayerKey {
  std::string account;
  std::string region;
  std::string name;
  auto operator<=>(const LayerKey&) const = default;
};

enum class LayerOrigin { kPublished, kImported };  // kImported: a copy of what another account or region published

struct LayerVersion {
  LayerKey key;
  std::uint64_t number = 0;
  std::string layer_arn;  // without the version
  LayerOrigin origin = LayerOrigin::kPublished;
  CodePackage package;
  std::string description;
  std::string license;
  std::vector<std::string> runtimes;
  std::vector<std::string> architectures;
  TimePoint created;
  std::string policy;  // JSON; empty: none
  std::string policy_revision;

  std::string arn() const { return layer_arn + ":" + std::to_string(number); }
};

using LayerSnapshot = std::shared_ptr<const LayerVersion>;

}  // namespace hearth::functions
