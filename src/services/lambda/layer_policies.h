#pragma once
// LayerPolicies: the resource policies of layer versions, for whoever decides about a request.
//
// Tests: layer_handlers_test.cc

#include "functions/layers.h"
#include "services/policy_sources.h"

namespace hearth::services::lambda {

// Thread: the loop's. Lifetime: `layers` outlives it.
class LayerPolicies final : public ResourcePolicySource {
 public:
  explicit LayerPolicies(const functions::LayerRegistry& layers) : layers_(layers) {}
  // Of a version. Everybody may use an imported one; where there is none yet, LayerShelf answers.
  std::optional<ResourceFacts> facts_of(std::string_view action, const std::string& arn) const override;

 private:
  const functions::LayerRegistry& layers_;
};

}  // namespace hearth::services::lambda
