#pragma once
// AccessPolicy: whether an authenticated caller may do something.
//
// With auth "open" everybody may do everything. With auth "enforced" policies decide: those of the caller, its
// boundary, its session's, and the resource's own (policy/evaluate.h). The root user of an account needs no policy in
// it.
//
// Path: gateway.cc -> here -> services/policy_sources.h, policy/evaluate.h        Tests: access_policy_test.cc

#include <optional>
#include <string>
#include <vector>

#include "gateway/guard.h"
#include "services/operation_table.h"
#include "services/policy_sources.h"
#include "wire/service_model.h"

namespace hearth::gateway {

class AccessPolicy {
 public:
  virtual ~AccessPolicy() = default;
  // Nothing if allowed, else AWS's words after the resource ("because no identity-based policy allows the x:Y action"),
  // which may be empty.
  virtual std::optional<std::string> denial(const services::RequestContext& context,
                                            const services::Access& access) const = 0;
};

class OpenAccess final : public AccessPolicy {
 public:
  std::optional<std::string> denial(const services::RequestContext& context,
                                    const services::Access& access) const override;
};

// Lifetime: the sources outlive it. Thread: the loop's.
class EvaluatedAccess final : public AccessPolicy {
 public:
  EvaluatedAccess(const services::CallerPolicySource& callers,
                  std::vector<const services::ResourcePolicySource*> resources);
  std::optional<std::string> denial(const services::RequestContext& context,
                                    const services::Access& access) const override;

 private:
  const services::CallerPolicySource& callers_;
  std::vector<const services::ResourcePolicySource*> resources_;
};

// One request's view of a policy, wording denials for its protocol. Lifetime: `policy` outlives it.
class RequestAuthorizer final : public services::Authorizer {
 public:
  RequestAuthorizer(const AccessPolicy& policy, wire::Protocol protocol) : policy_(policy), protocol_(protocol) {}
  wire::Outcome<void> authorize(const services::RequestContext& context, const services::Access& access) override;

 private:
  const AccessPolicy& policy_;
  wire::Protocol protocol_;
};

}  // namespace hearth::gateway
