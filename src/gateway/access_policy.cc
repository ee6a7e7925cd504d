#include "gateway/access_policy.h"

#include <fmt/format.h>

#include <utility>

#include "gateway/signature_errors.h"
#include "wire/arn.h"
#include "wire/timestamp.h"

namespace hearth::gateway {
namespace {

using services::Access;
using services::CallerPolicies;
using services::RequestContext;
using services::ResourceFacts;

// Who owns a resource: "aws" owns the managed policies; resources such as buckets name no account.
std::string owner_of(const RequestContext& context, const std::string& resource) {
  const auto arn = wire::parse_arn(resource);
  return arn && !arn->account.empty() && arn->account != "aws" ? arn->account : context.caller.account;
}

std::string_view principal_type(const policy::Requester& requester) {
  if (requester.is_root()) return "Account";
  return requester.role_arn.empty() ? "User" : "AssumedRole";
}

// What conditions may ask about any request.
void describe(const RequestContext& context, const CallerPolicies& caller, const policy::Request& request,
              policy::Context& keys) {
  const policy::Requester& requester = request.requester;
  keys.set("aws:principalarn", requester.role_arn.empty() ? requester.arn : requester.role_arn);
  keys.set("aws:principalaccount", requester.account);
  keys.set("aws:principaltype", std::string(principal_type(requester)));
  keys.set("aws:principalisawsservice", "false");
  keys.set("aws:viaawsservice", "false");
  keys.set("aws:userid", context.caller.user_id);
  if (!caller.user_name.empty()) keys.set("aws:username", caller.user_name);
  for (const auto& [key, value] : caller.tags) keys.set("aws:principaltag/" + key, value);
  keys.set("aws:currenttime", wire::format_timestamp(context.now, wire::TimestampFormat::kIso8601));
  keys.set("aws:epochtime", std::to_string(context.now.time_since_epoch().count() / 1'000));
  keys.set("aws:securetransport", context.endpoint.starts_with("https:") ? "true" : "false");
  keys.set("aws:requestedregion", context.region);
  keys.set("aws:resourceaccount", request.resource_account);
  if (!context.source_ip.empty()) keys.set("aws:sourceip", context.source_ip);
  if (!context.user_agent.empty()) keys.set("aws:useragent", context.user_agent);
}

}  // namespace

std::optional<std::string> OpenAccess::denial(const RequestContext&, const Access&) const { return std::nullopt; }

EvaluatedAccess::EvaluatedAccess(const services::CallerPolicySource& callers,
                                 std::vector<const services::ResourcePolicySource*> resources)
    : callers_(callers), resources_(std::move(resources)) {}

std::optional<std::string> EvaluatedAccess::denial(const RequestContext& context, const Access& access) const {
  const auto caller = callers_.policies_of(context.caller);
  policy::Request request;
  request.requester = {
      .account = context.caller.account, .arn = context.caller.arn, .role_arn = caller->role_arn, .service = {}};
  request.action = access.action;
  request.resource = access.resource;
  request.resource_account = owner_of(context, access.resource);

  ResourceFacts facts;
  for (const services::ResourcePolicySource* source : resources_) {
    if (auto known = source->facts_of(access.action, access.resource)) {
      facts = *std::move(known);
      break;
    }
  }
  request.context.set_when_asked([&](policy::Context& keys) {
    describe(context, *caller, request, keys);
    for (const auto& [key, value] : facts.tags) keys.set("aws:resourcetag/" + key, value);
    for (const auto& [key, values] : access.keys) keys.set(key, values);
  });

  policy::Policies policies{.identity = caller->identity,
                            .boundary = caller->boundary,
                            .session = std::nullopt,
                            .resource = std::move(facts.policy),
                            .resource_role = facts.role};
  if (context.caller.limits) policies.session = callers_.limits_of(context.caller);
  const policy::Decision decision = policy::evaluate(policies, request);
  if (decision.allowed()) return std::nullopt;
  // AWS gives no reason when a trust policy does not let a caller in.
  const bool untrusted = facts.role == policy::ResourcePolicyRole::kMustGrant &&
                         decision.layer == policy::Layer::kResource &&
                         decision.verdict == policy::Verdict::kImplicitDeny;
  return untrusted ? std::string() : policy::denial_of(decision, access.action);
}

wire::Outcome<void> RequestAuthorizer::authorize(const RequestContext& context, const Access& access) {
  if (const auto reason = policy_.denial(context, access)) {
    return std::unexpected(access_denied(protocol_, context.caller.arn, access.action, access.resource, *reason));
  }
  return {};
}

}  // namespace hearth::gateway
