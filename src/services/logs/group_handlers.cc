#include "services/logs/group_handlers.h"

#include <algorithm>
#include <array>
#include <utility>

#include "services/logs/errors.h"

namespace hearth::services::logs {
namespace {

constexpr std::size_t kMaxTags = 50;
constexpr std::int32_t kDefaultPage = 50;
constexpr std::string_view kArnGroup = ":log-group:";
// The retention periods AWS accepts, in days.
constexpr std::array<std::int32_t, 23> kRetentionDays = {
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653, 0};

// The group named by an ARN of this account and region; nothing for other ARNs.
std::optional<std::string> group_of_arn(const RequestContext& context, const std::string& arn) {
  const std::string prefix = "arn:aws:logs:" + context.region + ":" + context.account + std::string(kArnGroup);
  if (!arn.starts_with(prefix)) return std::nullopt;
  std::string name = arn.substr(prefix.size());
  if (name.ends_with(":*")) name.resize(name.size() - 2);
  return name;
}

Result<std::string> group_of_resource(const RequestContext& context, const std::string& arn) {
  if (auto name = group_of_arn(context, arn)) return *name;
  if (arn.starts_with("arn:")) return fail(ErrorKind::kGroupNotFound, arn);
  return fail(ErrorKind::kInvalid, "The specified resource ARN is invalid.");
}

wire::Outcome<void> refuse_member(const char* member) {
  return std::unexpected(
      to_aws_error(Error(ErrorKind::kUnsupported,
                         std::string("Hearth does not support the member ") + member + " of CreateLogGroup yet")));
}

}  // namespace

std::string named_group(const std::optional<std::string>& name, const std::optional<std::string>& identifier) {
  if (name) return *name;
  if (!identifier) return {};
  const std::size_t at = identifier->find(kArnGroup);
  if (at == std::string::npos) return *identifier;
  std::string found = identifier->substr(at + kArnGroup.size());
  if (found.ends_with(":*")) found.resize(found.size() - 2);
  return found;
}

Scope scope_of(const RequestContext& context) { return {context.account, context.region}; }

std::string arn_of(const RequestContext& context, const std::string& group) {
  return "arn:aws:logs:" + context.region + ":" + context.account + std::string(kArnGroup) + group;
}

wire::Outcome<wire::logs::CreateLogGroup::Reply> create_log_group(Service& service, const RequestContext& context,
                                                                  wire::logs::CreateLogGroupRequest request) {
  if (request.kms_key_id) {
    if (auto refused = refuse_member("kmsKeyId"); !refused) return std::unexpected(refused.error());
  }
  if (request.deletion_protection_enabled.value_or(false)) {
    if (auto refused = refuse_member("deletionProtectionEnabled"); !refused) return std::unexpected(refused.error());
  }
  Group group;
  group.name = std::move(request.log_group_name);
  if (request.log_group_class) group.log_class = *request.log_group_class;
  if (request.tags) group.tags = std::move(*request.tags);
  AWS_TRY_STATUS(service.create_group(scope_of(context), std::move(group)));
  return wire::logs::CreateLogGroup::Reply{};
}

net::Task<wire::Outcome<wire::logs::DeleteLogGroup::Reply>> delete_log_group(
    Service& service, const RequestContext& context, wire::logs::DeleteLogGroupRequest request) {
  auto deleting = service.delete_group(scope_of(context), std::move(request.log_group_name));
  CO_AWS_TRY_STATUS(co_await std::move(deleting));
  co_return wire::logs::DeleteLogGroup::Reply{};
}

wire::Outcome<wire::logs::DescribeLogGroups::Reply> describe_log_groups(Service& service, const RequestContext& context,
                                                                        wire::logs::DescribeLogGroupsRequest request) {
  if (request.log_group_name_prefix && request.log_group_name_pattern) {
    return std::unexpected(to_aws_error(Error(
        ErrorKind::kInvalid, "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")));
  }
  const auto limit = static_cast<std::size_t>(request.limit.value_or(kDefaultPage));
  wire::logs::DescribeLogGroups::Reply reply;
  reply.log_groups.emplace();
  std::string after = request.next_token.value_or("");
  // One more than asked for shows whether there is another page.
  const std::string prefix = request.log_group_name_prefix.value_or("");
  constexpr std::size_t kAll = 1'000'000;
  AWS_TRY(auto groups,
          service.groups(scope_of(context), prefix, after, request.log_group_name_pattern ? kAll : limit + 1));
  if (request.log_group_name_pattern) {
    std::erase_if(groups, [&](const Group& group) {
      return group.name.find(*request.log_group_name_pattern) == std::string::npos;
    });
  }
  if (request.log_group_class) {
    std::erase_if(groups, [&](const Group& group) { return group.log_class != *request.log_group_class; });
  }
  for (Group& group : groups) {
    if (reply.log_groups->size() == limit) {
      reply.next_token = reply.log_groups->back().log_group_name;
      break;
    }
    wire::logs::LogGroup row;
    row.log_group_arn = arn_of(context, group.name);
    row.arn = *row.log_group_arn + ":*";
    row.creation_time = group.created_ms;
    row.retention_in_days = group.retention_days;
    row.metric_filter_count = 0;
    row.stored_bytes = 0;
    row.log_group_class = std::move(group.log_class);
    row.log_group_name = std::move(group.name);
    reply.log_groups->push_back(std::move(row));
  }
  return reply;
}

wire::Outcome<wire::logs::PutRetentionPolicy::Reply> put_retention_policy(
    Service& service, const RequestContext& context, wire::logs::PutRetentionPolicyRequest request) {
  if (request.retention_in_days <= 0 ||
      std::ranges::find(kRetentionDays, request.retention_in_days) == kRetentionDays.end()) {
    return std::unexpected(
        to_aws_error(Error(ErrorKind::kInvalid,
                           "Invalid retention value. Valid values are: [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, "
                           "365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653]")));
  }
  AWS_TRY_STATUS(service.set_retention(scope_of(context), request.log_group_name, request.retention_in_days));
  return wire::logs::PutRetentionPolicy::Reply{};
}

wire::Outcome<wire::logs::DeleteRetentionPolicy::Reply> delete_retention_policy(
    Service& service, const RequestContext& context, wire::logs::DeleteRetentionPolicyRequest request) {
  AWS_TRY_STATUS(service.set_retention(scope_of(context), request.log_group_name, std::nullopt));
  return wire::logs::DeleteRetentionPolicy::Reply{};
}

wire::Outcome<wire::logs::ListTagsForResource::Reply> list_tags_for_resource(
    Service& service, const RequestContext& context, wire::logs::ListTagsForResourceRequest request) {
  AWS_TRY(const std::string name, group_of_resource(context, request.resource_arn));
  AWS_TRY(Group group, service.get_group(scope_of(context), name));
  wire::logs::ListTagsForResource::Reply reply;
  reply.tags = std::move(group.tags);
  return reply;
}

wire::Outcome<wire::logs::ListTagsLogGroup::Reply> list_tags_log_group(Service& service, const RequestContext& context,
                                                                       wire::logs::ListTagsLogGroupRequest request) {
  AWS_TRY(Group group, service.get_group(scope_of(context), request.log_group_name));
  wire::logs::ListTagsLogGroup::Reply reply;
  reply.tags = std::move(group.tags);
  return reply;
}

wire::Outcome<wire::logs::TagResource::Reply> tag_resource(Service& service, const RequestContext& context,
                                                           wire::logs::TagResourceRequest request) {
  AWS_TRY(const std::string name, group_of_resource(context, request.resource_arn));
  AWS_TRY(Group group, service.get_group(scope_of(context), name));
  for (auto& [key, value] : request.tags) group.tags[key] = std::move(value);
  if (group.tags.size() > kMaxTags) {
    return std::unexpected(
        wire::AwsError{.code = "TooManyTagsException", .message = "The maximum number of tags per resource is 50."});
  }
  AWS_TRY_STATUS(service.set_tags(scope_of(context), name, std::move(group.tags)));
  return wire::logs::TagResource::Reply{};
}

wire::Outcome<wire::logs::UntagResource::Reply> untag_resource(Service& service, const RequestContext& context,
                                                               wire::logs::UntagResourceRequest request) {
  AWS_TRY(const std::string name, group_of_resource(context, request.resource_arn));
  AWS_TRY(Group group, service.get_group(scope_of(context), name));
  for (const std::string& key : request.tag_keys) group.tags.erase(key);
  AWS_TRY_STATUS(service.set_tags(scope_of(context), name, std::move(group.tags)));
  return wire::logs::UntagResource::Reply{};
}

}  // namespace hearth::services::logs
