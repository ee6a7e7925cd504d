#include "services/logs/operations.h"

#include <utility>

#include "services/logs/event_handlers.h"
#include "services/logs/group_handlers.h"
#include "services/logs/stream_handlers.h"
#include "wire/generated/logs.h"

namespace hearth::services::logs {
namespace {

std::string group_arn(const RequestContext& context, std::string_view group) {
  return "arn:aws:logs:" + context.region + ":" + context.account + ":log-group:" + std::string(group);
}

std::string stream_arn(const RequestContext& context, std::string_view group,
                       const std::optional<std::string>& stream) {
  return group_arn(context, group) + ":log-stream:" + stream.value_or("");
}

// The stream or group a request names, by name or by ARN.
template <class Request>
std::string resource_of(const RequestContext& context, const Request& request) {
  if constexpr (requires { request.log_group_identifier; }) {
    const std::string group(named_group(request.log_group_name, request.log_group_identifier));
    if constexpr (requires { request.log_stream_name; }) {
      return stream_arn(context, group, request.log_stream_name);
    } else {
      return stream_arn(context, group, {});
    }
  } else if constexpr (requires { request.resource_arn; }) {
    return request.resource_arn;
  } else if constexpr (requires { request.log_stream_name; }) {
    return stream_arn(context, request.log_group_name, request.log_stream_name);
  } else {
    return group_arn(context, request.log_group_name);
  }
}

template <class Op, class Handler>
Operation operation(std::string_view action, Service& service, Handler handler,
                    std::optional<Workers> workers = std::nullopt) {
  return services::operation<Op>(
      action,
      [](const RequestContext& context, const typename Op::Request& request) { return resource_of(context, request); },
      [&service, handler](const RequestContext& context, typename Op::Request request) {
        return handler(service, context, std::move(request));
      },
      workers);
}

}  // namespace

OperationTable make_operations(Service& service, Workers workers) {
  const auto every_group = [](const RequestContext& context, const wire::logs::DescribeLogGroupsRequest&) {
    return group_arn(context, "*");
  };
  return OperationTable({
      operation<wire::logs::CreateLogGroup>("logs:CreateLogGroup", service, create_log_group),
      operation<wire::logs::DeleteLogGroup>("logs:DeleteLogGroup", service, delete_log_group),
      services::operation<wire::logs::DescribeLogGroups>(
          "logs:DescribeLogGroups", every_group,
          [&service](const RequestContext& context, wire::logs::DescribeLogGroupsRequest request) {
            return describe_log_groups(service, context, std::move(request));
          }),
      operation<wire::logs::PutRetentionPolicy>("logs:PutRetentionPolicy", service, put_retention_policy),
      operation<wire::logs::DeleteRetentionPolicy>("logs:DeleteRetentionPolicy", service, delete_retention_policy),
      operation<wire::logs::ListTagsForResource>("logs:ListTagsForResource", service, list_tags_for_resource),
      operation<wire::logs::TagResource>("logs:TagResource", service, tag_resource),
      operation<wire::logs::UntagResource>("logs:UntagResource", service, untag_resource),
      operation<wire::logs::ListTagsLogGroup>("logs:ListTagsLogGroup", service, list_tags_log_group),
      operation<wire::logs::CreateLogStream>("logs:CreateLogStream", service, create_log_stream),
      operation<wire::logs::DeleteLogStream>("logs:DeleteLogStream", service, delete_log_stream),
      operation<wire::logs::DescribeLogStreams>("logs:DescribeLogStreams", service, describe_log_streams),
      operation<wire::logs::PutLogEvents>("logs:PutLogEvents", service, put_log_events, workers),
      operation<wire::logs::GetLogEvents>("logs:GetLogEvents", service, get_log_events, workers),
      operation<wire::logs::FilterLogEvents>("logs:FilterLogEvents", service, filter_log_events, workers),
  });
}

}  // namespace hearth::services::logs
