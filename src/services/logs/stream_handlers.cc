#include "services/logs/stream_handlers.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "services/logs/errors.h"
#include "services/logs/group_handlers.h"

namespace hearth::services::logs {
namespace {

constexpr std::int32_t kDefaultPage = 50;

// A token is the number of streams already shown in the request's order.
Result<std::size_t> parse_token(const std::optional<std::string>& token) {
  if (!token) return 0;
  std::size_t shown = 0;
  const auto [end, error] = std::from_chars(token->data(), token->data() + token->size(), shown);
  if (error != std::errc() || end != token->data() + token->size()) {
    return fail(ErrorKind::kInvalid, "The specified nextToken is invalid.");
  }
  return shown;
}

}  // namespace

wire::Outcome<wire::logs::CreateLogStream::Reply> create_log_stream(Service& service, const RequestContext& context,
                                                                    wire::logs::CreateLogStreamRequest request) {
  AWS_TRY_STATUS(service.create_stream(scope_of(context), request.log_group_name, request.log_stream_name));
  return wire::logs::CreateLogStream::Reply{};
}

net::Task<wire::Outcome<wire::logs::DeleteLogStream::Reply>> delete_log_stream(
    Service& service, const RequestContext& context, wire::logs::DeleteLogStreamRequest request) {
  auto deleting =
      service.delete_stream(scope_of(context), std::move(request.log_group_name), std::move(request.log_stream_name));
  CO_AWS_TRY_STATUS(co_await std::move(deleting));
  co_return wire::logs::DeleteLogStream::Reply{};
}

net::Task<wire::Outcome<wire::logs::DescribeLogStreams::Reply>> describe_log_streams(
    Service& service, const RequestContext& context, wire::logs::DescribeLogStreamsRequest request) {
  const bool by_time = request.order_by.value_or("LogStreamName") == "LastEventTime";
  if (by_time && request.log_stream_name_prefix) {
    co_return std::unexpected(
        to_aws_error(Error(ErrorKind::kInvalid, "Cannot order by LastEventTime with a logStreamNamePrefix.")));
  }
  const std::string group = named_group(request.log_group_name, request.log_group_identifier);
  auto listing = service.streams(scope_of(context), group, request.log_stream_name_prefix.value_or(""));
  CO_AWS_TRY(auto streams, co_await std::move(listing));
  if (by_time) {
    std::ranges::sort(streams, {},
                      [](const Stream& s) { return std::pair(s.last_event_ms.value_or(s.created_ms), s.name); });
  }
  if (request.descending.value_or(false)) std::ranges::reverse(streams);
  CO_AWS_TRY(const std::size_t shown, parse_token(request.next_token));
  const auto limit = static_cast<std::size_t>(request.limit.value_or(kDefaultPage));
  wire::logs::DescribeLogStreams::Reply reply;
  reply.log_streams.emplace();
  for (std::size_t i = shown; i < streams.size(); ++i) {
    if (reply.log_streams->size() == limit) {
      reply.next_token = std::to_string(i);
      break;
    }
    Stream& stream = streams[i];
    wire::logs::LogStream row;
    row.arn = arn_of(context, group) + ":log-stream:" + stream.name;
    row.creation_time = stream.created_ms;
    row.first_event_timestamp = stream.first_event_ms;
    row.last_event_timestamp = stream.last_event_ms;
    row.last_ingestion_time = stream.last_ingestion_ms;
    row.stored_bytes = 0;
    row.log_stream_name = std::move(stream.name);
    reply.log_streams->push_back(std::move(row));
  }
  co_return reply;
}

}  // namespace hearth::services::logs
