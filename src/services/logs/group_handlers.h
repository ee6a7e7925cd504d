#pragma once
// Handlers of log groups: their life, retention and tags.

#include <optional>
#include <string>

#include "services/logs/service.h"
#include "services/operation_table.h"
#include "wire/generated/logs.h"

namespace hearth::services::logs {

// The group's name from the two members that can name it; `identifier` may be a name or an ARN. Empty if neither is
// set.
std::string named_group(const std::optional<std::string>& name, const std::optional<std::string>& identifier);
Scope scope_of(const RequestContext& context);
// "arn:aws:logs:REGION:ACCOUNT:log-group:NAME", which DescribeLogGroups calls logGroupArn.
std::string arn_of(const RequestContext& context, const std::string& group);

wire::Outcome<wire::logs::CreateLogGroup::Reply> create_log_group(Service&, const RequestContext&,
                                                                  wire::logs::CreateLogGroupRequest);
net::Task<wire::Outcome<wire::logs::DeleteLogGroup::Reply>> delete_log_group(Service&, const RequestContext&,
                                                                             wire::logs::DeleteLogGroupRequest);
wire::Outcome<wire::logs::DescribeLogGroups::Reply> describe_log_groups(Service&, const RequestContext&,
                                                                        wire::logs::DescribeLogGroupsRequest);
wire::Outcome<wire::logs::PutRetentionPolicy::Reply> put_retention_policy(Service&, const RequestContext&,
                                                                          wire::logs::PutRetentionPolicyRequest);
wire::Outcome<wire::logs::DeleteRetentionPolicy::Reply> delete_retention_policy(
    Service&, const RequestContext&, wire::logs::DeleteRetentionPolicyRequest);
wire::Outcome<wire::logs::ListTagsForResource::Reply> list_tags_for_resource(Service&, const RequestContext&,
                                                                             wire::logs::ListTagsForResourceRequest);
wire::Outcome<wire::logs::ListTagsLogGroup::Reply> list_tags_log_group(Service&, const RequestContext&,
                                                                       wire::logs::ListTagsLogGroupRequest);
wire::Outcome<wire::logs::TagResource::Reply> tag_resource(Service&, const RequestContext&,
                                                           wire::logs::TagResourceRequest);
wire::Outcome<wire::logs::UntagResource::Reply> untag_resource(Service&, const RequestContext&,
                                                               wire::logs::UntagResourceRequest);

}  // namespace hearth::services::logs
