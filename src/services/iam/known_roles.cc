// Roles that IAM knows and whose trust policy lets the service in.

#include "policy/evaluate.h"
#include "services/iam/service.h"
#include "wire/arn.h"

namespace hearth::services::iam {

RoleAnswer KnownRoles::ask(const std::string& role_arn, const std::string& service) const {
  const auto role = iam_.find_role_by_arn(role_arn);
  if (!role) return RoleAnswer::kMissing;
  const auto trust = policy::parse_document(role->trust_policy, policy::DocumentKind::kTrust);
  if (!trust) return RoleAnswer::kNotTrusted;
  policy::Request request;
  request.requester = {.account = {}, .arn = {}, .role_arn = {}, .service = service};
  request.action = "sts:AssumeRole";
  request.resource = role_arn;
  if (const auto arn = wire::parse_arn(role_arn)) request.context.set("aws:sourceaccount", arn->account);
  return policy::effect_of(*trust, request) == policy::Effect::kAllow ? RoleAnswer::kAssumable
                                                                      : RoleAnswer::kNotTrusted;
}

}  // namespace hearth::services::iam
