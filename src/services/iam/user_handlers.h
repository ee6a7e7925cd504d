#pragma once
// Handlers of users: their life, policies, tags and access keys.

#include "services/iam/service.h"
#include "services/operation_table.h"
#include "wire/generated/iam.h"

namespace hearth::services::iam {

wire::Outcome<wire::iam::CreateUser::Reply> create_user(Service&, const RequestContext&,
                                                        wire::iam::CreateUser::Request);
wire::Outcome<wire::iam::GetUser::Reply> get_user(Service&, const RequestContext&, wire::iam::GetUser::Request);
wire::Outcome<wire::iam::DeleteUser::Reply> delete_user(Service&, const RequestContext&,
                                                        wire::iam::DeleteUser::Request);
wire::Outcome<wire::iam::ListUsers::Reply> list_users(Service&, const RequestContext&, wire::iam::ListUsers::Request);
wire::Outcome<wire::iam::TagUser::Reply> tag_user(Service&, const RequestContext&, wire::iam::TagUser::Request);
wire::Outcome<wire::iam::UntagUser::Reply> untag_user(Service&, const RequestContext&, wire::iam::UntagUser::Request);
wire::Outcome<wire::iam::ListUserTags::Reply> list_user_tags(Service&, const RequestContext&,
                                                             wire::iam::ListUserTags::Request);
wire::Outcome<wire::iam::PutUserPolicy::Reply> put_user_policy(Service&, const RequestContext&,
                                                               wire::iam::PutUserPolicy::Request);
wire::Outcome<wire::iam::GetUserPolicy::Reply> get_user_policy(Service&, const RequestContext&,
                                                               wire::iam::GetUserPolicy::Request);
wire::Outcome<wire::iam::DeleteUserPolicy::Reply> delete_user_policy(Service&, const RequestContext&,
                                                                     wire::iam::DeleteUserPolicy::Request);
wire::Outcome<wire::iam::ListUserPolicies::Reply> list_user_policies(Service&, const RequestContext&,
                                                                     wire::iam::ListUserPolicies::Request);
wire::Outcome<wire::iam::AttachUserPolicy::Reply> attach_user_policy(Service&, const RequestContext&,
                                                                     wire::iam::AttachUserPolicy::Request);
wire::Outcome<wire::iam::DetachUserPolicy::Reply> detach_user_policy(Service&, const RequestContext&,
                                                                     wire::iam::DetachUserPolicy::Request);
wire::Outcome<wire::iam::ListAttachedUserPolicies::Reply> list_attached_user_policies(
    Service&, const RequestContext&, wire::iam::ListAttachedUserPolicies::Request);
wire::Outcome<wire::iam::CreateAccessKey::Reply> create_access_key(Service&, const RequestContext&,
                                                                   wire::iam::CreateAccessKey::Request);
wire::Outcome<wire::iam::DeleteAccessKey::Reply> delete_access_key(Service&, const RequestContext&,
                                                                   wire::iam::DeleteAccessKey::Request);
wire::Outcome<wire::iam::UpdateAccessKey::Reply> update_access_key(Service&, const RequestContext&,
                                                                   wire::iam::UpdateAccessKey::Request);
wire::Outcome<wire::iam::ListAccessKeys::Reply> list_access_keys(Service&, const RequestContext&,
                                                                 wire::iam::ListAccessKeys::Request);
wire::Outcome<wire::iam::PutUserPermissionsBoundary::Reply> put_user_permissions_boundary(
    Service&, const RequestContext&, wire::iam::PutUserPermissionsBoundary::Request);
wire::Outcome<wire::iam::DeleteUserPermissionsBoundary::Reply> delete_user_permissions_boundary(
    Service&, const RequestContext&, wire::iam::DeleteUserPermissionsBoundary::Request);

}  // namespace hearth::services::iam
