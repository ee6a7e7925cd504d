#include "services/iam/user_handlers.h"

#include <algorithm>
#include <utility>

#include "services/iam/convert.h"
#include "services/iam/errors.h"
#include "services/iam/paging.h"
#include "wire/percent.h"

namespace hearth::services::iam {
namespace {

constexpr auto kKind = PrincipalKind::kUser;
constexpr std::size_t kMaxTags = 50;
constexpr std::string_view kUserPart = ":user/";

// The user a request means when it names none: the caller.
Result<std::string> named_user(const RequestContext& context, const std::optional<std::string>& name) {
  if (name) return *name;
  const std::size_t at = context.caller.arn.find(kUserPart);
  if (at == std::string::npos) {
    return fail(ErrorKind::kInvalidInput, "Must specify userName when calling with non-User credentials");
  }
  return name_of_arn(context.caller.arn);
}

}  // namespace

wire::Outcome<wire::iam::CreateUser::Reply> create_user(Service& service, const RequestContext& context,
                                                        wire::iam::CreateUser::Request request) {
  User user;
  user.name = std::move(request.user_name);
  user.path = request.path.value_or("/");
  user.permissions_boundary = request.permissions_boundary.value_or("");
  user.tags = from_wire(request.tags);
  AWS_TRY(const User made, service.create_user(context.account, std::move(user)));
  wire::iam::CreateUser::Reply reply;
  reply.user = to_wire(made, Detail::kFull);
  return reply;
}

wire::Outcome<wire::iam::GetUser::Reply> get_user(Service& service, const RequestContext& context,
                                                  wire::iam::GetUser::Request request) {
  wire::iam::GetUser::Reply reply;
  if (!request.user_name && context.caller.arn.ends_with(":root")) {
    wire::iam::User root;
    root.user_id = context.account;
    root.arn = context.caller.arn;
    reply.user = std::move(root);
    return reply;
  }
  AWS_TRY(const std::string name, named_user(context, request.user_name));
  AWS_TRY(const User user, service.get_user(context.account, name));
  reply.user = to_wire(user, Detail::kFull);
  return reply;
}

wire::Outcome<wire::iam::DeleteUser::Reply> delete_user(Service& service, const RequestContext& context,
                                                        wire::iam::DeleteUser::Request request) {
  AWS_TRY_STATUS(service.delete_user(context.account, request.user_name));
  return wire::iam::DeleteUser::Reply{};
}

wire::Outcome<wire::iam::ListUsers::Reply> list_users(Service& service, const RequestContext& context,
                                                      wire::iam::ListUsers::Request request) {
  const std::string prefix = request.path_prefix.value_or("/");
  auto users = page_of(service.users(context.account), request.marker, request.max_items,
                       [&](const User& user) { return user.path.starts_with(prefix); });
  wire::iam::ListUsers::Reply reply;
  fill_page(
      reply, reply.users, std::move(users), request.marker, request.max_items,
      [](const User* user) { return user->name; }, [](const User* user) { return to_wire(*user, Detail::kListed); });
  return reply;
}

wire::Outcome<wire::iam::TagUser::Reply> tag_user(Service& service, const RequestContext& context,
                                                  wire::iam::TagUser::Request request) {
  AWS_TRY(const User user, service.get_user(context.account, request.user_name));
  Tags tags = user.tags;
  for (wire::iam::Tag& tag : request.tags) tags[tag.key] = std::move(tag.value);
  if (tags.size() > kMaxTags)
    return std::unexpected(
        to_aws_error(Error(ErrorKind::kLimitExceeded, "The number of tags has reached the maximum limit.")));
  AWS_TRY_STATUS(service.update_user(context.account, request.user_name, [&](User& changed) { changed.tags = tags; }));
  return wire::iam::TagUser::Reply{};
}

wire::Outcome<wire::iam::UntagUser::Reply> untag_user(Service& service, const RequestContext& context,
                                                      wire::iam::UntagUser::Request request) {
  AWS_TRY_STATUS(service.update_user(context.account, request.user_name, [&](User& user) {
    for (const std::string& key : request.tag_keys) user.tags.erase(key);
  }));
  return wire::iam::UntagUser::Reply{};
}

wire::Outcome<wire::iam::ListUserTags::Reply> list_user_tags(Service& service, const RequestContext& context,
                                                             wire::iam::ListUserTags::Request request) {
  AWS_TRY(const User user, service.get_user(context.account, request.user_name));
  wire::iam::ListUserTags::Reply reply;
  reply.tags.emplace();
  fill_page(
      reply, reply.tags, to_wire(user.tags), request.marker, request.max_items,
      [](const wire::iam::Tag& tag) { return tag.key; }, [](wire::iam::Tag tag) { return tag; });
  return reply;
}

wire::Outcome<wire::iam::PutUserPolicy::Reply> put_user_policy(Service& service, const RequestContext& context,
                                                               wire::iam::PutUserPolicy::Request request) {
  AWS_TRY_STATUS(service.put_inline_policy(kKind, context.account, request.user_name, request.policy_name,
                                           request.policy_document));
  return wire::iam::PutUserPolicy::Reply{};
}

wire::Outcome<wire::iam::GetUserPolicy::Reply> get_user_policy(Service& service, const RequestContext& context,
                                                               wire::iam::GetUserPolicy::Request request) {
  AWS_TRY(const std::string document,
          service.get_inline_policy(kKind, context.account, request.user_name, request.policy_name));
  wire::iam::GetUserPolicy::Reply reply;
  reply.user_name = std::move(request.user_name);
  reply.policy_name = std::move(request.policy_name);
  reply.policy_document = wire::percent_encode(document);
  return reply;
}

wire::Outcome<wire::iam::DeleteUserPolicy::Reply> delete_user_policy(Service& service, const RequestContext& context,
                                                                     wire::iam::DeleteUserPolicy::Request request) {
  AWS_TRY_STATUS(service.delete_inline_policy(kKind, context.account, request.user_name, request.policy_name));
  return wire::iam::DeleteUserPolicy::Reply{};
}

wire::Outcome<wire::iam::ListUserPolicies::Reply> list_user_policies(Service& service, const RequestContext& context,
                                                                     wire::iam::ListUserPolicies::Request request) {
  AWS_TRY(const User user, service.get_user(context.account, request.user_name));
  std::vector<std::string> names;
  for (const auto& [name, document] : user.inline_policies) names.push_back(name);
  wire::iam::ListUserPolicies::Reply reply;
  fill_page(
      reply, reply.policy_names, std::move(names), request.marker, request.max_items,
      [](const std::string& name) { return name; }, [](std::string name) { return name; });
  return reply;
}

wire::Outcome<wire::iam::AttachUserPolicy::Reply> attach_user_policy(Service& service, const RequestContext& context,
                                                                     wire::iam::AttachUserPolicy::Request request) {
  AWS_TRY_STATUS(service.attach_policy(kKind, context.account, request.user_name, request.policy_arn));
  return wire::iam::AttachUserPolicy::Reply{};
}

wire::Outcome<wire::iam::DetachUserPolicy::Reply> detach_user_policy(Service& service, const RequestContext& context,
                                                                     wire::iam::DetachUserPolicy::Request request) {
  AWS_TRY_STATUS(service.detach_policy(kKind, context.account, request.user_name, request.policy_arn));
  return wire::iam::DetachUserPolicy::Reply{};
}

wire::Outcome<wire::iam::ListAttachedUserPolicies::Reply> list_attached_user_policies(
    Service& service, const RequestContext& context, wire::iam::ListAttachedUserPolicies::Request request) {
  AWS_TRY(const User user, service.get_user(context.account, request.user_name));
  wire::iam::ListAttachedUserPolicies::Reply reply;
  fill_page(
      reply, reply.attached_policies, std::vector<std::string>(user.attached.begin(), user.attached.end()),
      request.marker, request.max_items, [](const std::string& arn) { return arn; },
      [](const std::string& arn) { return wire::iam::AttachedPolicy{name_of_arn(arn), arn}; });
  return reply;
}

wire::Outcome<wire::iam::CreateAccessKey::Reply> create_access_key(Service& service, const RequestContext& context,
                                                                   wire::iam::CreateAccessKey::Request request) {
  AWS_TRY(const std::string name, named_user(context, request.user_name));
  AWS_TRY(const AccessKey key, service.create_access_key(context.account, name));
  wire::iam::AccessKey shown;
  shown.user_name = name;
  shown.access_key_id = key.id;
  shown.secret_access_key = key.secret;
  shown.status = key.status;
  shown.create_date = key.created;
  wire::iam::CreateAccessKey::Reply reply;
  reply.access_key = std::move(shown);
  return reply;
}

wire::Outcome<wire::iam::DeleteAccessKey::Reply> delete_access_key(Service& service, const RequestContext& context,
                                                                   wire::iam::DeleteAccessKey::Request request) {
  AWS_TRY(const std::string name, named_user(context, request.user_name));
  AWS_TRY_STATUS(service.delete_access_key(context.account, name, request.access_key_id));
  return wire::iam::DeleteAccessKey::Reply{};
}

wire::Outcome<wire::iam::UpdateAccessKey::Reply> update_access_key(Service& service, const RequestContext& context,
                                                                   wire::iam::UpdateAccessKey::Request request) {
  AWS_TRY(const std::string name, named_user(context, request.user_name));
  AWS_TRY_STATUS(service.set_access_key_status(context.account, name, request.access_key_id, request.status));
  return wire::iam::UpdateAccessKey::Reply{};
}

wire::Outcome<wire::iam::ListAccessKeys::Reply> list_access_keys(Service& service, const RequestContext& context,
                                                                 wire::iam::ListAccessKeys::Request request) {
  AWS_TRY(const std::string name, named_user(context, request.user_name));
  AWS_TRY(const User user, service.get_user(context.account, name));
  wire::iam::ListAccessKeys::Reply reply;
  fill_page(
      reply, reply.access_key_metadata, user.keys, request.marker, request.max_items,
      [](const AccessKey& key) { return key.id; },
      [&](const AccessKey& key) { return wire::iam::AccessKeyMetadata{name, key.id, key.status, key.created}; });
  return reply;
}

wire::Outcome<wire::iam::PutUserPermissionsBoundary::Reply> put_user_permissions_boundary(
    Service& service, const RequestContext& context, wire::iam::PutUserPermissionsBoundary::Request request) {
  AWS_TRY_STATUS(
      service.set_boundary(PrincipalKind::kUser, context.account, request.user_name, request.permissions_boundary));
  return wire::iam::PutUserPermissionsBoundary::Reply{};
}

wire::Outcome<wire::iam::DeleteUserPermissionsBoundary::Reply> delete_user_permissions_boundary(
    Service& service, const RequestContext& context, wire::iam::DeleteUserPermissionsBoundary::Request request) {
  AWS_TRY_STATUS(service.set_boundary(PrincipalKind::kUser, context.account, request.user_name, {}));
  return wire::iam::DeleteUserPermissionsBoundary::Reply{};
}

}  // namespace hearth::services::iam
