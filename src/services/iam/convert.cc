#include "services/iam/convert.h"

#include "wire/percent.h"

namespace hearth::services::iam {
namespace {

std::optional<wire::iam::AttachedPermissionsBoundary> boundary_of(const Principal& principal) {
  if (principal.permissions_boundary.empty()) return std::nullopt;
  wire::iam::AttachedPermissionsBoundary boundary;
  boundary.permissions_boundary_type = "Policy";
  boundary.permissions_boundary_arn = principal.permissions_boundary;
  return boundary;
}

}  // namespace

std::vector<wire::iam::Tag> to_wire(const Tags& tags) {
  std::vector<wire::iam::Tag> out;
  for (const auto& [key, value] : tags) out.push_back({key, value});
  return out;
}

Tags from_wire(const std::optional<std::vector<wire::iam::Tag>>& tags) {
  Tags out;
  if (!tags) return out;
  for (const wire::iam::Tag& tag : *tags) out[tag.key] = tag.value;
  return out;
}

wire::iam::Role to_wire(const Role& role, Detail detail) {
  wire::iam::Role out;
  out.path = role.path;
  out.role_name = role.name;
  out.role_id = role.id;
  out.arn = role.arn;
  out.create_date = role.created;
  out.assume_role_policy_document = wire::percent_encode(role.trust_policy);
  if (!role.description.empty()) out.description = role.description;
  out.max_session_duration = role.max_session_s;
  if (detail == Detail::kFull) {
    out.permissions_boundary = boundary_of(role);
    if (!role.tags.empty()) out.tags = to_wire(role.tags);
    out.role_last_used = wire::iam::RoleLastUsed{};
  }
  return out;
}

wire::iam::User to_wire(const User& user, Detail detail) {
  wire::iam::User out;
  out.path = user.path;
  out.user_name = user.name;
  out.user_id = user.id;
  out.arn = user.arn;
  out.create_date = user.created;
  if (detail == Detail::kFull) {
    out.permissions_boundary = boundary_of(user);
    if (!user.tags.empty()) out.tags = to_wire(user.tags);
  }
  return out;
}

wire::iam::Policy to_wire(const Policy& policy, std::int32_t attachments, Detail detail) {
  wire::iam::Policy out;
  out.policy_name = policy.name;
  out.policy_id = policy.id;
  out.arn = policy.arn;
  out.path = policy.path;
  out.default_version_id = policy.default_version;
  out.attachment_count = attachments;
  out.permissions_boundary_usage_count = 0;
  out.is_attachable = true;
  out.create_date = policy.created;
  out.update_date = policy.updated;
  if (detail == Detail::kFull) {
    if (!policy.description.empty()) out.description = policy.description;
    out.tags = to_wire(policy.tags);
  }
  return out;
}

wire::iam::PolicyVersion to_wire(const PolicyVersion& version, const Policy& policy, WithDocument document) {
  wire::iam::PolicyVersion out;
  if (document == WithDocument::kYes) out.document = wire::percent_encode(version.document);
  out.version_id = version.id;
  out.is_default_version = version.id == policy.default_version;
  out.create_date = version.created;
  return out;
}

std::string name_of_arn(const std::string& arn) { return arn.substr(arn.rfind('/') + 1); }

}  // namespace hearth::services::iam
