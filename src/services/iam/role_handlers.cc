#include "services/iam/role_handlers.h"

#include <algorithm>
#include <utility>

#include "services/iam/convert.h"
#include "services/iam/errors.h"
#include "services/iam/paging.h"
#include "wire/percent.h"

namespace hearth::services::iam {
namespace {

constexpr auto kKind = PrincipalKind::kRole;
constexpr std::size_t kMaxTags = 50;

}  // namespace

wire::Outcome<wire::iam::CreateRole::Reply> create_role(Service& service, const RequestContext& context,
                                                        wire::iam::CreateRole::Request request) {
  Role role;
  role.name = std::move(request.role_name);
  role.path = request.path.value_or("/");
  role.trust_policy = std::move(request.assume_role_policy_document);
  role.description = request.description.value_or("");
  role.max_session_s = request.max_session_duration.value_or(role.max_session_s);
  role.permissions_boundary = request.permissions_boundary.value_or("");
  role.tags = from_wire(request.tags);
  AWS_TRY(const Role made, service.create_role(context.account, std::move(role)));
  wire::iam::CreateRole::Reply reply;
  reply.role = to_wire(made, Detail::kFull);
  reply.role->role_last_used.reset();
  return reply;
}

wire::Outcome<wire::iam::GetRole::Reply> get_role(Service& service, const RequestContext& context,
                                                  wire::iam::GetRole::Request request) {
  AWS_TRY(const Role role, service.get_role(context.account, request.role_name));
  wire::iam::GetRole::Reply reply;
  reply.role = to_wire(role, Detail::kFull);
  return reply;
}

wire::Outcome<wire::iam::DeleteRole::Reply> delete_role(Service& service, const RequestContext& context,
                                                        wire::iam::DeleteRole::Request request) {
  AWS_TRY_STATUS(service.delete_role(context.account, request.role_name));
  return wire::iam::DeleteRole::Reply{};
}

wire::Outcome<wire::iam::ListRoles::Reply> list_roles(Service& service, const RequestContext& context,
                                                      wire::iam::ListRoles::Request request) {
  const std::string prefix = request.path_prefix.value_or("/");
  auto roles = page_of(service.roles(context.account), request.marker, request.max_items,
                       [&](const Role& role) { return role.path.starts_with(prefix); });
  wire::iam::ListRoles::Reply reply;
  fill_page(
      reply, reply.roles, std::move(roles), request.marker, request.max_items,
      [](const Role* role) { return role->name; }, [](const Role* role) { return to_wire(*role, Detail::kListed); });
  return reply;
}

wire::Outcome<wire::iam::UpdateRole::Reply> update_role(Service& service, const RequestContext& context,
                                                        wire::iam::UpdateRole::Request request) {
  AWS_TRY_STATUS(service.update_role(context.account, request.role_name, [&](Role& role) {
    role.description = request.description.value_or("");
    if (request.max_session_duration) role.max_session_s = *request.max_session_duration;
  }));
  return wire::iam::UpdateRole::Reply{};
}

wire::Outcome<wire::iam::UpdateRoleDescription::Reply> update_role_description(
    Service& service, const RequestContext& context, wire::iam::UpdateRoleDescription::Request request) {
  AWS_TRY_STATUS(service.update_role(context.account, request.role_name,
                                     [&](Role& role) { role.description = request.description; }));
  AWS_TRY(const Role role, service.get_role(context.account, request.role_name));
  wire::iam::UpdateRoleDescription::Reply reply;
  reply.role = to_wire(role, Detail::kFull);
  return reply;
}

wire::Outcome<wire::iam::UpdateAssumeRolePolicy::Reply> update_assume_role_policy(
    Service& service, const RequestContext& context, wire::iam::UpdateAssumeRolePolicy::Request request) {
  AWS_TRY_STATUS(service.update_role(context.account, request.role_name,
                                     [&](Role& role) { role.trust_policy = request.policy_document; }));
  return wire::iam::UpdateAssumeRolePolicy::Reply{};
}

wire::Outcome<wire::iam::TagRole::Reply> tag_role(Service& service, const RequestContext& context,
                                                  wire::iam::TagRole::Request request) {
  AWS_TRY(const Role role, service.get_role(context.account, request.role_name));
  Tags tags = role.tags;
  for (wire::iam::Tag& tag : request.tags) tags[tag.key] = std::move(tag.value);
  if (tags.size() > kMaxTags)
    return std::unexpected(
        to_aws_error(Error(ErrorKind::kLimitExceeded, "The number of tags has reached the maximum limit.")));
  AWS_TRY_STATUS(service.update_role(context.account, request.role_name, [&](Role& changed) { changed.tags = tags; }));
  return wire::iam::TagRole::Reply{};
}

wire::Outcome<wire::iam::UntagRole::Reply> untag_role(Service& service, const RequestContext& context,
                                                      wire::iam::UntagRole::Request request) {
  AWS_TRY_STATUS(service.update_role(context.account, request.role_name, [&](Role& role) {
    for (const std::string& key : request.tag_keys) role.tags.erase(key);
  }));
  return wire::iam::UntagRole::Reply{};
}

wire::Outcome<wire::iam::ListRoleTags::Reply> list_role_tags(Service& service, const RequestContext& context,
                                                             wire::iam::ListRoleTags::Request request) {
  AWS_TRY(const Role role, service.get_role(context.account, request.role_name));
  wire::iam::ListRoleTags::Reply reply;
  reply.tags.emplace();
  fill_page(
      reply, reply.tags, to_wire(role.tags), request.marker, request.max_items,
      [](const wire::iam::Tag& tag) { return tag.key; }, [](wire::iam::Tag tag) { return tag; });
  return reply;
}

wire::Outcome<wire::iam::PutRolePolicy::Reply> put_role_policy(Service& service, const RequestContext& context,
                                                               wire::iam::PutRolePolicy::Request request) {
  AWS_TRY_STATUS(service.put_inline_policy(kKind, context.account, request.role_name, request.policy_name,
                                           request.policy_document));
  return wire::iam::PutRolePolicy::Reply{};
}

wire::Outcome<wire::iam::GetRolePolicy::Reply> get_role_policy(Service& service, const RequestContext& context,
                                                               wire::iam::GetRolePolicy::Request request) {
  AWS_TRY(const std::string document,
          service.get_inline_policy(kKind, context.account, request.role_name, request.policy_name));
  wire::iam::GetRolePolicy::Reply reply;
  reply.role_name = std::move(request.role_name);
  reply.policy_name = std::move(request.policy_name);
  reply.policy_document = wire::percent_encode(document);
  return reply;
}

wire::Outcome<wire::iam::DeleteRolePolicy::Reply> delete_role_policy(Service& service, const RequestContext& context,
                                                                     wire::iam::DeleteRolePolicy::Request request) {
  AWS_TRY_STATUS(service.delete_inline_policy(kKind, context.account, request.role_name, request.policy_name));
  return wire::iam::DeleteRolePolicy::Reply{};
}

wire::Outcome<wire::iam::ListRolePolicies::Reply> list_role_policies(Service& service, const RequestContext& context,
                                                                     wire::iam::ListRolePolicies::Request request) {
  AWS_TRY(const Role role, service.get_role(context.account, request.role_name));
  std::vector<std::string> names;
  for (const auto& [name, document] : role.inline_policies) names.push_back(name);
  wire::iam::ListRolePolicies::Reply reply;
  fill_page(
      reply, reply.policy_names, std::move(names), request.marker, request.max_items,
      [](const std::string& name) { return name; }, [](std::string name) { return name; });
  return reply;
}

wire::Outcome<wire::iam::AttachRolePolicy::Reply> attach_role_policy(Service& service, const RequestContext& context,
                                                                     wire::iam::AttachRolePolicy::Request request) {
  AWS_TRY_STATUS(service.attach_policy(kKind, context.account, request.role_name, request.policy_arn));
  return wire::iam::AttachRolePolicy::Reply{};
}

wire::Outcome<wire::iam::DetachRolePolicy::Reply> detach_role_policy(Service& service, const RequestContext& context,
                                                                     wire::iam::DetachRolePolicy::Request request) {
  AWS_TRY_STATUS(service.detach_policy(kKind, context.account, request.role_name, request.policy_arn));
  return wire::iam::DetachRolePolicy::Reply{};
}

wire::Outcome<wire::iam::ListAttachedRolePolicies::Reply> list_attached_role_policies(
    Service& service, const RequestContext& context, wire::iam::ListAttachedRolePolicies::Request request) {
  AWS_TRY(const Role role, service.get_role(context.account, request.role_name));
  wire::iam::ListAttachedRolePolicies::Reply reply;
  fill_page(
      reply, reply.attached_policies, std::vector<std::string>(role.attached.begin(), role.attached.end()),
      request.marker, request.max_items, [](const std::string& arn) { return arn; },
      [](const std::string& arn) { return wire::iam::AttachedPolicy{name_of_arn(arn), arn}; });
  return reply;
}

wire::Outcome<wire::iam::ListInstanceProfilesForRole::Reply> list_instance_profiles_for_role(
    Service& service, const RequestContext& context, wire::iam::ListInstanceProfilesForRole::Request request) {
  AWS_TRY_STATUS(service.get_role(context.account, request.role_name));
  // Instance profiles cannot be made here, so a role is in none.
  wire::iam::ListInstanceProfilesForRole::Reply reply;
  reply.instance_profiles.emplace();
  reply.is_truncated = false;
  return reply;
}

wire::Outcome<wire::iam::PutRolePermissionsBoundary::Reply> put_role_permissions_boundary(
    Service& service, const RequestContext& context, wire::iam::PutRolePermissionsBoundary::Request request) {
  AWS_TRY_STATUS(
      service.set_boundary(PrincipalKind::kRole, context.account, request.role_name, request.permissions_boundary));
  return wire::iam::PutRolePermissionsBoundary::Reply{};
}

wire::Outcome<wire::iam::DeleteRolePermissionsBoundary::Reply> delete_role_permissions_boundary(
    Service& service, const RequestContext& context, wire::iam::DeleteRolePermissionsBoundary::Request request) {
  AWS_TRY_STATUS(service.set_boundary(PrincipalKind::kRole, context.account, request.role_name, {}));
  return wire::iam::DeleteRolePermissionsBoundary::Reply{};
}

}  // namespace hearth::services::iam
