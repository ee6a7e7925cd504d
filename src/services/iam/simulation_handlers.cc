#include "services/iam/simulation_handlers.h"

#include <fmt/format.h>

#include <charconv>
#include <set>
#include <utility>

#include "services/iam/caller_policies.h"
#include "services/iam/errors.h"
#include "services/iam/paging.h"
#include "wire/arn.h"

namespace hearth::services::iam {
namespace {

// What one answer may cost the loop: documents that are read, and comparisons over all its pairs.
constexpr std::size_t kMostCharacters = 131'072;

// A document of a simulation, and by which name its statements are shown.
struct Source {
  std::string id;
  std::shared_ptr<const policy::Document> document;
};

struct Simulation {
  std::vector<Source> identity;
  std::vector<Source> boundary;
  std::vector<Source> resource;
  policy::Policies policies;
  policy::Request request;
};

std::unexpected<Error> invalid(std::string message) { return fail(ErrorKind::kInvalidInput, std::move(message)); }

Status add_sources(const std::vector<std::string>& texts, std::string_view list, policy::DocumentKind kind,
                   std::vector<Source>& into, std::size_t& characters) {
  for (const std::string& text : texts) {
    characters += text.size();
    if (characters > kMostCharacters) {
      return invalid(fmt::format("The policies of a simulation may have {} characters together.", kMostCharacters));
    }
    auto document = policy::parse_document(text, kind);
    if (!document) return fail(ErrorKind::kMalformedPolicy, document.error().message());
    into.push_back(
        {fmt::format("{}.{}", list, into.size() + 1), std::make_shared<const policy::Document>(*std::move(document))});
  }
  return {};
}

// The statements of all sources as one document: a boundary is allowed by any of them.
std::shared_ptr<const policy::Document> joined(const std::vector<Source>& sources) {
  if (sources.empty()) return nullptr;
  policy::Document all;
  for (const Source& source : sources) {
    all.statements.insert(all.statements.end(), source.document->statements.begin(), source.document->statements.end());
  }
  return std::make_shared<const policy::Document>(std::move(all));
}

// What both operations have in common.
template <class Request>
Status set_up(const RequestContext& context, const Request& request, Simulation& simulation, std::size_t characters) {
  if (request.resource_handling_option) {
    return fail(ErrorKind::kUnsupported, "Hearth does not support the parameter ResourceHandlingOption yet");
  }
  if (request.permissions_boundary_policy_input_list) {
    simulation.boundary.clear();
    TRY_STATUS(add_sources(*request.permissions_boundary_policy_input_list, "PermissionsBoundaryPolicyInputList",
                           policy::DocumentKind::kIdentity, simulation.boundary, characters));
  }
  if (request.resource_policy) {
    TRY_STATUS(add_sources({*request.resource_policy}, "ResourcePolicy", policy::DocumentKind::kResource,
                           simulation.resource, characters));
  }
  policy::Requester& requester = simulation.request.requester;
  if (request.caller_arn) {
    const auto arn = wire::parse_arn(*request.caller_arn);
    if (!arn || arn->account.empty()) return invalid(fmt::format("Invalid caller ARN: {}", *request.caller_arn));
    requester.arn = *request.caller_arn;
    requester.account = arn->account;
  } else if (request.resource_policy) {
    return invalid("CallerArn must be given with ResourcePolicy.");
  }
  if (requester.account.empty()) requester.account = context.account;
  if (request.resource_owner) {
    const auto arn = wire::parse_arn(*request.resource_owner);
    simulation.request.resource_account = arn ? arn->account : *request.resource_owner;
  }
  for (const auto& entry : request.context_entries.value_or(std::vector<wire::iam::ContextEntry>{})) {
    if (!entry.context_key_name) return invalid("A context entry needs a ContextKeyName.");
    simulation.request.context.set(*entry.context_key_name,
                                   entry.context_key_values.value_or(std::vector<std::string>{}));
  }
  for (const Source& source : simulation.identity) simulation.policies.identity.push_back(source.document);
  simulation.policies.boundary = joined(simulation.boundary);
  simulation.policies.resource = joined(simulation.resource);
  return {};
}

std::string_view word_of(policy::Verdict verdict) {
  switch (verdict) {
    case policy::Verdict::kAllowed:
      return "allowed";
    case policy::Verdict::kExplicitDeny:
      return "explicitDeny";
    case policy::Verdict::kImplicitDeny:
      return "implicitDeny";
  }
  check_failed("a known verdict", "");
}

// Keys that conditions ask for and the simulation was not given.
std::vector<std::string> missing_keys(const Simulation& simulation) {
  std::set<std::string> missing;
  for (const auto* sources : {&simulation.identity, &simulation.boundary, &simulation.resource}) {
    for (const Source& source : *sources) {
      for (const policy::Statement& statement : source.document->statements) {
        for (const policy::Condition& condition : statement.conditions) {
          if (!simulation.request.context.find(condition.key)) missing.insert(condition.key);
        }
      }
    }
  }
  return {missing.begin(), missing.end()};
}

wire::iam::EvaluationResult result_of(const Simulation& simulation, policy::Steps& steps) {
  const policy::Decision decision = policy::evaluate(simulation.policies, simulation.request, steps);
  wire::iam::EvaluationResult result;
  result.eval_action_name = simulation.request.action;
  result.eval_resource_name = simulation.request.resource;
  result.eval_decision = word_of(decision.verdict);
  result.matched_statements.emplace();
  if (decision.verdict != policy::Verdict::kImplicitDeny) {
    const auto wanted = decision.allowed() ? policy::Effect::kAllow : policy::Effect::kDeny;
    for (const auto* sources : {&simulation.identity, &simulation.boundary, &simulation.resource}) {
      for (const Source& source : *sources) {
        if (policy::effect_of(*source.document, simulation.request, steps) != wanted) continue;
        wire::iam::Statement statement;
        statement.source_policy_id = source.id;
        statement.source_policy_type = sources == &simulation.resource ? "Resource Policy" : "IAM Policy";
        result.matched_statements->push_back(std::move(statement));
      }
    }
  }
  result.missing_context_values = missing_keys(simulation);
  if (simulation.policies.boundary) {
    wire::iam::PermissionsBoundaryDecisionDetail detail;
    detail.allowed_by_permissions_boundary =
        policy::effect_of(*simulation.policies.boundary, simulation.request, steps) == policy::Effect::kAllow;
    result.permissions_boundary_decision_detail = detail;
  }
  return result;
}

// Every action with every resource, a page of them: the marker is the number of the next pair. A page ends early when
// its comparisons have cost as much as one decision may.
template <class Request>
Result<wire::iam::SimulatePolicyResponse> run(const Request& request, Simulation& simulation) {
  const std::vector<std::string> resources =
      request.resource_arns && !request.resource_arns->empty() ? *request.resource_arns : std::vector<std::string>{"*"};
  const std::size_t all = request.action_names.size() * resources.size();
  std::size_t next = 0;
  if (request.marker) {
    const std::string& marker = *request.marker;
    const auto [end, error] = std::from_chars(marker.data(), marker.data() + marker.size(), next);
    if (error != std::errc() || end != marker.data() + marker.size() || next >= all) return invalid("Invalid Marker.");
  }
  wire::iam::SimulatePolicyResponse reply;
  reply.evaluation_results.emplace();
  std::int64_t spent = 0;
  const std::size_t page = page_size(request.max_items);
  for (std::size_t shown = 0; next < all && shown < page && spent < policy::Steps::kDefault; ++next, ++shown) {
    simulation.request.action = request.action_names[next / resources.size()];
    simulation.request.resource = resources[next % resources.size()];
    if (simulation.request.action.find(':') == std::string::npos) {
      return invalid(fmt::format("Invalid Action: {}", simulation.request.action));
    }
    policy::Steps steps;
    reply.evaluation_results->push_back(result_of(simulation, steps));
    spent += steps.used();
  }
  reply.is_truncated = next < all;
  if (next < all) reply.marker = std::to_string(next);
  return reply;
}

Result<wire::iam::SimulatePolicyResponse> simulate(const RequestContext& context,
                                                   const wire::iam::SimulateCustomPolicyRequest& request) {
  Simulation simulation;
  std::size_t characters = 0;
  TRY_STATUS(add_sources(request.policy_input_list, "PolicyInputList", policy::DocumentKind::kIdentity,
                         simulation.identity, characters));
  TRY_STATUS(set_up(context, request, simulation, characters));
  return run(request, simulation);
}

Result<wire::iam::SimulatePolicyResponse> simulate(const Service& service, const RequestContext& context,
                                                   const wire::iam::SimulatePrincipalPolicyRequest& request) {
  const auto arn = wire::parse_arn(request.policy_source_arn);
  const std::string name = request.policy_source_arn.substr(request.policy_source_arn.rfind('/') + 1);
  Caller source{.account = context.account, .arn = {}, .user_id = {}, .access_key = {}};
  Simulation simulation;
  if (arn && arn->service == "iam" && arn->resource.starts_with("user/")) {
    TRY(const User user, service.get_user(context.account, name));
    source.arn = user.arn;
    source.user_id = user.id;
  } else if (arn && arn->service == "iam" && arn->resource.starts_with("role/")) {
    TRY(const Role role, service.get_role(context.account, name));
    source.arn = fmt::format("arn:aws:sts::{}:assumed-role/{}/simulation", context.account, role.name);
    source.user_id = role.id + ":simulation";
    simulation.request.requester.role_arn = role.arn;
  } else {
    return invalid(
        fmt::format("Invalid Entity Arn: {} does not clearly define entity type and name.", request.policy_source_arn));
  }
  simulation.request.requester.arn = source.arn;
  simulation.request.requester.account = context.account;
  const PolicyDirectory directory(service);
  const auto policies = directory.policies_of(source);
  for (const auto& document : policies->identity) {
    simulation.identity.push_back({fmt::format("{}.{}", name, simulation.identity.size() + 1), document});
  }
  if (policies->boundary) simulation.boundary.push_back({name + ".boundary", policies->boundary});
  std::size_t characters = 0;
  if (request.policy_input_list) {
    TRY_STATUS(add_sources(*request.policy_input_list, "PolicyInputList", policy::DocumentKind::kIdentity,
                           simulation.identity, characters));
  }
  if (!policies->user_name.empty()) simulation.request.context.set("aws:username", policies->user_name);
  TRY_STATUS(set_up(context, request, simulation, characters));
  return run(request, simulation);
}

}  // namespace

wire::Outcome<wire::iam::SimulateCustomPolicy::Reply> simulate_custom_policy(
    Service&, const RequestContext& context, wire::iam::SimulateCustomPolicy::Request request) {
  AWS_TRY(auto reply, simulate(context, request));
  return reply;
}

wire::Outcome<wire::iam::SimulatePrincipalPolicy::Reply> simulate_principal_policy(
    Service& service, const RequestContext& context, wire::iam::SimulatePrincipalPolicy::Request request) {
  AWS_TRY(auto reply, simulate(service, context, request));
  return reply;
}

}  // namespace hearth::services::iam
