#pragma once
// AccessPolicy: whether an authenticated caller may do something. Where IAM policy evaluation plugs in.
//
// Not evaluated yet: identity policies, resource policies, session policies, boundaries and conditions. Until then a
// caller whom enforced authentication let in may do everything inside its own account and nothing outside it; with auth
// "open" everything is allowed. Health says so as a warning (`unevaluated_policies`).
//
// Path: gateway.cc -> here -> services::Authorizer        Tests: access_policy_test.cc

#include <optional>
#include <string>
#include <string_view>

#include "gateway/guard.h"
#include "services/operation_table.h"
#include "wire/service_model.h"

namespace hearth::gateway {

class AccessPolicy {
 public:
  virtual ~AccessPolicy() = default;
  // Nothing if allowed, else the reason, to follow "because" ("no identity-based policy allows the x:Y action").
  virtual std::optional<std::string> denial(const services::RequestContext& context, std::string_view action,
                                            const std::string& resource_arn) const = 0;
};

class OpenAccess final : public AccessPolicy {
 public:
  std::optional<std::string> denial(const services::RequestContext& context, std::string_view action,
                                    const std::string& resource_arn) const override;
};

class OwnAccountAccess final : public AccessPolicy {
 public:
  std::optional<std::string> denial(const services::RequestContext& context, std::string_view action,
                                    const std::string& resource_arn) const override;
};

// The sentence for health while OwnAccountAccess is in force.
inline constexpr std::string_view kUnevaluatedPolicies =
    "IAM policies are stored but not evaluated yet: every valid key may do everything in its own account";

// One request's view of a policy, wording denials for its protocol. Lifetime: `policy` outlives it.
class RequestAuthorizer final : public services::Authorizer {
 public:
  RequestAuthorizer(const AccessPolicy& policy, wire::Protocol protocol) : policy_(policy), protocol_(protocol) {}
  wire::Outcome<void> authorize(const services::RequestContext& context, std::string_view action,
                                const std::string& resource_arn) override;

 private:
  const AccessPolicy& policy_;
  wire::Protocol protocol_;
};

}  // namespace hearth::gateway
