#pragma once
// Handlers of roles: their life, trust, policies and tags.

#include "services/iam/service.h"
#include "services/operation_table.h"
#include "wire/generated/iam.h"

namespace hearth::services::iam {

wire::Outcome<wire::iam::CreateRole::Reply> create_role(Service&, const RequestContext&,
                                                        wire::iam::CreateRole::Request);
wire::Outcome<wire::iam::GetRole::Reply> get_role(Service&, const RequestContext&, wire::iam::GetRole::Request);
wire::Outcome<wire::iam::DeleteRole::Reply> delete_role(Service&, const RequestContext&,
                                                        wire::iam::DeleteRole::Request);
wire::Outcome<wire::iam::ListRoles::Reply> list_roles(Service&, const RequestContext&, wire::iam::ListRoles::Request);
wire::Outcome<wire::iam::UpdateRole::Reply> update_role(Service&, const RequestContext&,
                                                        wire::iam::UpdateRole::Request);
wire::Outcome<wire::iam::UpdateRoleDescription::Reply> update_role_description(
    Service&, const RequestContext&, wire::iam::UpdateRoleDescription::Request);
wire::Outcome<wire::iam::UpdateAssumeRolePolicy::Reply> update_assume_role_policy(
    Service&, const RequestContext&, wire::iam::UpdateAssumeRolePolicy::Request);
wire::Outcome<wire::iam::TagRole::Reply> tag_role(Service&, const RequestContext&, wire::iam::TagRole::Request);
wire::Outcome<wire::iam::UntagRole::Reply> untag_role(Service&, const RequestContext&, wire::iam::UntagRole::Request);
wire::Outcome<wire::iam::ListRoleTags::Reply> list_role_tags(Service&, const RequestContext&,
                                                             wire::iam::ListRoleTags::Request);
wire::Outcome<wire::iam::PutRolePolicy::Reply> put_role_policy(Service&, const RequestContext&,
                                                               wire::iam::PutRolePolicy::Request);
wire::Outcome<wire::iam::GetRolePolicy::Reply> get_role_policy(Service&, const RequestContext&,
                                                               wire::iam::GetRolePolicy::Request);
wire::Outcome<wire::iam::DeleteRolePolicy::Reply> delete_role_policy(Service&, const RequestContext&,
                                                                     wire::iam::DeleteRolePolicy::Request);
wire::Outcome<wire::iam::ListRolePolicies::Reply> list_role_policies(Service&, const RequestContext&,
                                                                     wire::iam::ListRolePolicies::Request);
wire::Outcome<wire::iam::AttachRolePolicy::Reply> attach_role_policy(Service&, const RequestContext&,
                                                                     wire::iam::AttachRolePolicy::Request);
wire::Outcome<wire::iam::DetachRolePolicy::Reply> detach_role_policy(Service&, const RequestContext&,
                                                                     wire::iam::DetachRolePolicy::Request);
wire::Outcome<wire::iam::ListAttachedRolePolicies::Reply> list_attached_role_policies(
    Service&, const RequestContext&, wire::iam::ListAttachedRolePolicies::Request);
wire::Outcome<wire::iam::ListInstanceProfilesForRole::Reply> list_instance_profiles_for_role(
    Service&, const RequestContext&, wire::iam::ListInstanceProfilesForRole::Request);
wire::Outcome<wire::iam::PutRolePermissionsBoundary::Reply> put_role_permissions_boundary(
    Service&, const RequestContext&, wire::iam::PutRolePermissionsBoundary::Request);
wire::Outcome<wire::iam::DeleteRolePermissionsBoundary::Reply> delete_role_permissions_boundary(
    Service&, const RequestContext&, wire::iam::DeleteRolePermissionsBoundary::Request);

}  // namespace hearth::services::iam
