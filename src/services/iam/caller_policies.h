#pragma once
// CallerPolicies: what IAM's policies say of a caller, and whom its roles trust, read once and kept until IAM changes.
//
// Path: gateway/access_policy.cc -> here -> service.h        Tests: caller_policies_test.cc

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "services/iam/service.h"
#include "services/policy_sources.h"

namespace hearth::services::iam {

// Thread: the loop's. Lifetime: `iam` outlives it.
class PolicyDirectory final : public CallerPolicySource, public ResourcePolicySource {
 public:
  explicit PolicyDirectory(const Service& iam) : iam_(iam) {}

  std::shared_ptr<const CallerPolicies> policies_of(const Caller& caller) const override;
  policy::Documents limits_of(const Caller& caller) const override;
  // Of roles: their tags, and for sts:AssumeRole their trust policies, also when there is no such role.
  std::optional<ResourceFacts> facts_of(std::string_view action, const std::string& arn) const override;

 private:
  using Known = std::shared_ptr<const policy::Document>;
  std::shared_ptr<const CallerPolicies> read(const Caller& caller) const;
  void read_principal(const std::string& account, const Principal& principal, CallerPolicies& into) const;
  Known managed(const std::string& account, const std::string& arn) const;
  // Forgets what was read before IAM changed.
  void refresh() const;

  const Service& iam_;
  mutable std::uint64_t seen_ = 0;
  mutable std::map<std::string, std::shared_ptr<const CallerPolicies>, std::less<>> callers_;  // by ARN
  mutable std::map<std::string, Known, std::less<>> documents_;                                // by their text
};

}  // namespace hearth::services::iam
