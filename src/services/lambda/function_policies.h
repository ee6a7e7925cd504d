#pragma once
// FunctionPolicies: the resource policies and tags of functions, for whoever decides about a request.
//
// Tests: tests/e2e/test_policies.py

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "functions/registry.h"
#include "services/policy_sources.h"

namespace hearth::services::lambda {

// Thread: the loop's. Lifetime: `registry` outlives it.
class FunctionPolicies final : public ResourcePolicySource {
 public:
  explicit FunctionPolicies(const functions::Registry& registry) : registry_(registry) {}
  // The policy of what the ARN names: the function, one version or one alias.
  std::optional<ResourceFacts> facts_of(std::string_view action, const std::string& arn) const override;

 private:
  struct Kept {
    std::string text;
    std::shared_ptr<const policy::Document> document;
  };
  const functions::Registry& registry_;
  mutable std::map<std::string, Kept, std::less<>> kept_;  // by ARN; read again when the text is another
};

}  // namespace hearth::services::lambda
