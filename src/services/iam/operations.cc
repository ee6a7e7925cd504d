#include "services/iam/operations.h"

#include <optional>
#include <utility>

#include "services/iam/convert.h"
#include "services/iam/policy_handlers.h"
#include "services/iam/role_handlers.h"
#include "services/iam/simulation_handlers.h"
#include "services/iam/user_handlers.h"

namespace hearth::services::iam {
namespace {

// The ARN a request acts on: the role, user or policy it names, else everything.
template <class Request>
std::string resource_of(const Service& service, const RequestContext& context, const Request& request) {
  const std::string account = "arn:aws:iam::" + context.account + ":";
  std::string path = "/";
  if constexpr (requires { request.path; }) path = request.path.value_or("/");
  if constexpr (requires { request.role_name; }) {
    const auto role = service.get_role(context.account, request.role_name);
    return role ? role->arn : account + "role" + path + request.role_name;
  } else if constexpr (requires { std::string(request.user_name); }) {
    const auto user = service.get_user(context.account, request.user_name);
    return user ? user->arn : account + "user" + path + request.user_name;
  } else if constexpr (requires { request.user_name; }) {
    if (!request.user_name) return context.caller.arn;
    const auto user = service.get_user(context.account, *request.user_name);
    return user ? user->arn : account + "user/" + *request.user_name;
  } else if constexpr (requires { request.policy_source_arn; }) {
    return request.policy_source_arn;
  } else if constexpr (requires { request.policy_arn; }) {
    return request.policy_arn;
  } else if constexpr (requires { std::string(request.policy_name); }) {
    return account + "policy" + path + request.policy_name;
  } else {
    return "*";
  }
}

// What conditions may ask about a request of IAM.
template <class Request>
ConditionKeys keys_of(const Request& request) {
  ConditionKeys keys;
  if constexpr (requires { request.policy_arn; }) keys.push_back({"iam:PolicyARN", {request.policy_arn}});
  if constexpr (requires { request.permissions_boundary; }) {
    if constexpr (requires { request.permissions_boundary.value(); }) {
      if (request.permissions_boundary) keys.push_back({"iam:PermissionsBoundary", {*request.permissions_boundary}});
    } else {
      keys.push_back({"iam:PermissionsBoundary", {request.permissions_boundary}});
    }
  }
  if constexpr (requires { request.tags; }) add_request_tags(keys, from_wire(request.tags));
  if constexpr (requires { request.tag_keys; }) keys.push_back({"aws:TagKeys", request.tag_keys});
  return keys;
}

template <class Op, class Handler>
Operation operation(std::string_view action, Service& service, Handler handler,
                    std::optional<Workers> workers = std::nullopt) {
  return services::operation<Op>(
      action,
      [&service](const RequestContext& context, const typename Op::Request& request) {
        return Needs(resource_of(service, context, request), keys_of(request));
      },
      [&service, handler](const RequestContext& context, typename Op::Request request) {
        return handler(service, context, std::move(request));
      },
      workers);
}

}  // namespace

OperationTable make_operations(Service& service, Workers workers) {
  return OperationTable({
      operation<wire::iam::CreateRole>("iam:CreateRole", service, create_role),
      operation<wire::iam::GetRole>("iam:GetRole", service, get_role),
      operation<wire::iam::DeleteRole>("iam:DeleteRole", service, delete_role),
      operation<wire::iam::ListRoles>("iam:ListRoles", service, list_roles, workers),
      operation<wire::iam::UpdateRole>("iam:UpdateRole", service, update_role),
      operation<wire::iam::UpdateRoleDescription>("iam:UpdateRoleDescription", service, update_role_description),
      operation<wire::iam::UpdateAssumeRolePolicy>("iam:UpdateAssumeRolePolicy", service, update_assume_role_policy),
      operation<wire::iam::TagRole>("iam:TagRole", service, tag_role),
      operation<wire::iam::UntagRole>("iam:UntagRole", service, untag_role),
      operation<wire::iam::ListRoleTags>("iam:ListRoleTags", service, list_role_tags),
      operation<wire::iam::PutRolePolicy>("iam:PutRolePolicy", service, put_role_policy),
      operation<wire::iam::GetRolePolicy>("iam:GetRolePolicy", service, get_role_policy),
      operation<wire::iam::DeleteRolePolicy>("iam:DeleteRolePolicy", service, delete_role_policy),
      operation<wire::iam::ListRolePolicies>("iam:ListRolePolicies", service, list_role_policies),
      operation<wire::iam::AttachRolePolicy>("iam:AttachRolePolicy", service, attach_role_policy),
      operation<wire::iam::DetachRolePolicy>("iam:DetachRolePolicy", service, detach_role_policy),
      operation<wire::iam::ListAttachedRolePolicies>("iam:ListAttachedRolePolicies", service,
                                                     list_attached_role_policies),
      operation<wire::iam::ListInstanceProfilesForRole>("iam:ListInstanceProfilesForRole", service,
                                                        list_instance_profiles_for_role),
      operation<wire::iam::CreateUser>("iam:CreateUser", service, create_user),
      operation<wire::iam::GetUser>("iam:GetUser", service, get_user),
      operation<wire::iam::DeleteUser>("iam:DeleteUser", service, delete_user),
      operation<wire::iam::ListUsers>("iam:ListUsers", service, list_users, workers),
      operation<wire::iam::TagUser>("iam:TagUser", service, tag_user),
      operation<wire::iam::UntagUser>("iam:UntagUser", service, untag_user),
      operation<wire::iam::ListUserTags>("iam:ListUserTags", service, list_user_tags),
      operation<wire::iam::PutUserPolicy>("iam:PutUserPolicy", service, put_user_policy),
      operation<wire::iam::GetUserPolicy>("iam:GetUserPolicy", service, get_user_policy),
      operation<wire::iam::DeleteUserPolicy>("iam:DeleteUserPolicy", service, delete_user_policy),
      operation<wire::iam::ListUserPolicies>("iam:ListUserPolicies", service, list_user_policies),
      operation<wire::iam::AttachUserPolicy>("iam:AttachUserPolicy", service, attach_user_policy),
      operation<wire::iam::DetachUserPolicy>("iam:DetachUserPolicy", service, detach_user_policy),
      operation<wire::iam::ListAttachedUserPolicies>("iam:ListAttachedUserPolicies", service,
                                                     list_attached_user_policies),
      operation<wire::iam::CreateAccessKey>("iam:CreateAccessKey", service, create_access_key),
      operation<wire::iam::DeleteAccessKey>("iam:DeleteAccessKey", service, delete_access_key),
      operation<wire::iam::UpdateAccessKey>("iam:UpdateAccessKey", service, update_access_key),
      operation<wire::iam::ListAccessKeys>("iam:ListAccessKeys", service, list_access_keys),
      operation<wire::iam::CreatePolicy>("iam:CreatePolicy", service, create_policy),
      operation<wire::iam::GetPolicy>("iam:GetPolicy", service, get_policy),
      operation<wire::iam::DeletePolicy>("iam:DeletePolicy", service, delete_policy),
      operation<wire::iam::ListPolicies>("iam:ListPolicies", service, list_policies, workers),
      operation<wire::iam::CreatePolicyVersion>("iam:CreatePolicyVersion", service, create_policy_version),
      operation<wire::iam::GetPolicyVersion>("iam:GetPolicyVersion", service, get_policy_version),
      operation<wire::iam::DeletePolicyVersion>("iam:DeletePolicyVersion", service, delete_policy_version),
      operation<wire::iam::ListPolicyVersions>("iam:ListPolicyVersions", service, list_policy_versions),
      operation<wire::iam::SetDefaultPolicyVersion>("iam:SetDefaultPolicyVersion", service, set_default_policy_version),
      operation<wire::iam::TagPolicy>("iam:TagPolicy", service, tag_policy),
      operation<wire::iam::UntagPolicy>("iam:UntagPolicy", service, untag_policy),
      operation<wire::iam::ListPolicyTags>("iam:ListPolicyTags", service, list_policy_tags),
      operation<wire::iam::ListEntitiesForPolicy>("iam:ListEntitiesForPolicy", service, list_entities_for_policy),
      operation<wire::iam::PutRolePermissionsBoundary>("iam:PutRolePermissionsBoundary", service,
                                                       put_role_permissions_boundary),
      operation<wire::iam::DeleteRolePermissionsBoundary>("iam:DeleteRolePermissionsBoundary", service,
                                                          delete_role_permissions_boundary),
      operation<wire::iam::PutUserPermissionsBoundary>("iam:PutUserPermissionsBoundary", service,
                                                       put_user_permissions_boundary),
      operation<wire::iam::DeleteUserPermissionsBoundary>("iam:DeleteUserPermissionsBoundary", service,
                                                          delete_user_permissions_boundary),
      operation<wire::iam::SimulateCustomPolicy>("iam:SimulateCustomPolicy", service, simulate_custom_policy),
      operation<wire::iam::SimulatePrincipalPolicy>("iam:SimulatePrincipalPolicy", service, simulate_principal_policy),
      operation<wire::iam::ListAccountAliases>("iam:ListAccountAliases", service, list_account_aliases),
  });
}

}  // namespace hearth::services::iam
