#include "services/iam/policy_handlers.h"

#include <algorithm>
#include <utility>

#include "services/iam/convert.h"
#include "services/iam/errors.h"
#include "services/iam/managed_policies.h"
#include "services/iam/paging.h"

namespace hearth::services::iam {
namespace {

constexpr std::size_t kMaxTags = 50;

}  // namespace

wire::Outcome<wire::iam::CreatePolicy::Reply> create_policy(Service& service, const RequestContext& context,
                                                            wire::iam::CreatePolicy::Request request) {
  Policy policy;
  policy.name = std::move(request.policy_name);
  policy.path = request.path.value_or("/");
  policy.description = request.description.value_or("");
  policy.tags = from_wire(request.tags);
  AWS_TRY(const Policy made, service.create_policy(context.account, std::move(policy), request.policy_document));
  wire::iam::CreatePolicy::Reply reply;
  reply.policy = to_wire(made, 0, Detail::kFull);
  return reply;
}

wire::Outcome<wire::iam::GetPolicy::Reply> get_policy(Service& service, const RequestContext& context,
                                                      wire::iam::GetPolicy::Request request) {
  AWS_TRY(const Policy policy, service.get_policy(context.account, request.policy_arn));
  wire::iam::GetPolicy::Reply reply;
  reply.policy = to_wire(policy, service.attachment_count(context.account, policy.arn), Detail::kFull);
  return reply;
}

wire::Outcome<wire::iam::DeletePolicy::Reply> delete_policy(Service& service, const RequestContext& context,
                                                            wire::iam::DeletePolicy::Request request) {
  AWS_TRY_STATUS(service.delete_policy(context.account, request.policy_arn));
  return wire::iam::DeletePolicy::Reply{};
}

wire::Outcome<wire::iam::ListPolicies::Reply> list_policies(Service& service, const RequestContext& context,
                                                            wire::iam::ListPolicies::Request request) {
  const std::string scope = request.scope.value_or("All");
  const std::string prefix = request.path_prefix.value_or("/");
  const std::map<std::string, std::int32_t> attachments = service.attachment_counts(context.account);
  const auto count = [&](const Policy& policy) {
    const auto found = attachments.find(policy.arn);
    return found == attachments.end() ? 0 : found->second;
  };
  const auto is_asked_for = [&](const Policy& policy) {
    return policy.path.starts_with(prefix) && (!request.only_attached.value_or(false) || count(policy) > 0);
  };
  std::vector<const Policy*> policies;
  if (scope != "AWS") {
    policies = page_of(service.policies(context.account), request.marker, request.max_items, is_asked_for);
  }
  std::vector<Policy> of_aws;
  if (scope != "Local") {
    for (const ManagedPolicy& managed : managed_policies()) {
      AWS_TRY(Policy policy, service.get_policy(context.account, arn_of(managed)));
      if (is_asked_for(policy)) of_aws.push_back(std::move(policy));
    }
  }
  for (const Policy& policy : of_aws) policies.push_back(&policy);
  std::ranges::sort(policies, {}, [](const Policy* policy) { return std::string_view(policy->arn); });
  wire::iam::ListPolicies::Reply reply;
  fill_page(
      reply, reply.policies, std::move(policies), request.marker, request.max_items,
      [](const Policy* policy) { return policy->arn; },
      [&](const Policy* policy) { return to_wire(*policy, count(*policy), Detail::kListed); });
  return reply;
}

wire::Outcome<wire::iam::CreatePolicyVersion::Reply> create_policy_version(
    Service& service, const RequestContext& context, wire::iam::CreatePolicyVersion::Request request) {
  AWS_TRY(const PolicyVersion version,
          service.create_policy_version(
              context.account, request.policy_arn, request.policy_document,
              request.set_as_default.value_or(false) ? VersionRole::kDefault : VersionRole::kKept));
  AWS_TRY(const Policy policy, service.get_policy(context.account, request.policy_arn));
  wire::iam::CreatePolicyVersion::Reply reply;
  reply.policy_version = to_wire(version, policy, WithDocument::kNo);
  return reply;
}

wire::Outcome<wire::iam::GetPolicyVersion::Reply> get_policy_version(Service& service, const RequestContext& context,
                                                                     wire::iam::GetPolicyVersion::Request request) {
  AWS_TRY(const Policy policy, service.get_policy(context.account, request.policy_arn));
  const auto version = std::ranges::find(policy.versions, request.version_id, &PolicyVersion::id);
  if (version == policy.versions.end()) {
    return std::unexpected(
        to_aws_error(Error(ErrorKind::kNoSuchEntity, "Policy " + policy.arn + " version " + request.version_id +
                                                         " does not exist or is not attachable.")));
  }
  wire::iam::GetPolicyVersion::Reply reply;
  reply.policy_version = to_wire(*version, policy, WithDocument::kYes);
  return reply;
}

wire::Outcome<wire::iam::DeletePolicyVersion::Reply> delete_policy_version(
    Service& service, const RequestContext& context, wire::iam::DeletePolicyVersion::Request request) {
  AWS_TRY_STATUS(service.delete_policy_version(context.account, request.policy_arn, request.version_id));
  return wire::iam::DeletePolicyVersion::Reply{};
}

wire::Outcome<wire::iam::ListPolicyVersions::Reply> list_policy_versions(
    Service& service, const RequestContext& context, wire::iam::ListPolicyVersions::Request request) {
  AWS_TRY(const Policy policy, service.get_policy(context.account, request.policy_arn));
  wire::iam::ListPolicyVersions::Reply reply;
  reply.versions.emplace();
  reply.is_truncated = false;  // a policy has five versions at most: always one page
  for (auto version = policy.versions.rbegin(); version != policy.versions.rend(); ++version) {
    reply.versions->push_back(to_wire(*version, policy, WithDocument::kNo));
  }
  return reply;
}

wire::Outcome<wire::iam::SetDefaultPolicyVersion::Reply> set_default_policy_version(
    Service& service, const RequestContext& context, wire::iam::SetDefaultPolicyVersion::Request request) {
  AWS_TRY_STATUS(service.set_default_policy_version(context.account, request.policy_arn, request.version_id));
  return wire::iam::SetDefaultPolicyVersion::Reply{};
}

wire::Outcome<wire::iam::TagPolicy::Reply> tag_policy(Service& service, const RequestContext& context,
                                                      wire::iam::TagPolicy::Request request) {
  AWS_TRY(const Policy policy, service.get_policy(context.account, request.policy_arn));
  Tags tags = policy.tags;
  for (wire::iam::Tag& tag : request.tags) tags[tag.key] = std::move(tag.value);
  if (tags.size() > kMaxTags)
    return std::unexpected(
        to_aws_error(Error(ErrorKind::kLimitExceeded, "The number of tags has reached the maximum limit.")));
  AWS_TRY_STATUS(
      service.update_policy(context.account, request.policy_arn, [&](Policy& changed) { changed.tags = tags; }));
  return wire::iam::TagPolicy::Reply{};
}

wire::Outcome<wire::iam::UntagPolicy::Reply> untag_policy(Service& service, const RequestContext& context,
                                                          wire::iam::UntagPolicy::Request request) {
  AWS_TRY_STATUS(service.update_policy(context.account, request.policy_arn, [&](Policy& policy) {
    for (const std::string& key : request.tag_keys) policy.tags.erase(key);
  }));
  return wire::iam::UntagPolicy::Reply{};
}

wire::Outcome<wire::iam::ListPolicyTags::Reply> list_policy_tags(Service& service, const RequestContext& context,
                                                                 wire::iam::ListPolicyTags::Request request) {
  AWS_TRY(const Policy policy, service.get_policy(context.account, request.policy_arn));
  wire::iam::ListPolicyTags::Reply reply;
  reply.tags.emplace();
  fill_page(
      reply, reply.tags, to_wire(policy.tags), request.marker, request.max_items,
      [](const wire::iam::Tag& tag) { return tag.key; }, [](wire::iam::Tag tag) { return tag; });
  return reply;
}

wire::Outcome<wire::iam::ListEntitiesForPolicy::Reply> list_entities_for_policy(
    Service& service, const RequestContext& context, wire::iam::ListEntitiesForPolicy::Request request) {
  AWS_TRY_STATUS(service.get_policy(context.account, request.policy_arn));
  const std::string kind = request.entity_filter.value_or("");
  wire::iam::ListEntitiesForPolicy::Reply reply;
  reply.policy_groups.emplace();
  reply.policy_users.emplace();
  reply.policy_roles.emplace();
  reply.is_truncated = false;
  for (const auto& [role_name, role] : service.roles(context.account)) {
    if ((kind.empty() || kind == "Role") && role.attached.contains(request.policy_arn)) {
      reply.policy_roles->push_back({role.name, role.id});
    }
  }
  for (const auto& [user_name, user] : service.users(context.account)) {
    if ((kind.empty() || kind == "User") && user.attached.contains(request.policy_arn)) {
      reply.policy_users->push_back({user.name, user.id});
    }
  }
  return reply;
}

wire::Outcome<wire::iam::ListAccountAliases::Reply> list_account_aliases(Service&, const RequestContext&,
                                                                         wire::iam::ListAccountAliases::Request) {
  wire::iam::ListAccountAliases::Reply reply;
  reply.account_aliases.emplace();
  reply.is_truncated = false;
  return reply;
}

}  // namespace hearth::services::iam
