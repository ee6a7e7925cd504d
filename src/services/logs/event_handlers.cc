#include "services/logs/event_handlers.h"

#include <fmt/format.h>

#include <utility>

#include "services/logs/errors.h"
#include "services/logs/group_handlers.h"

namespace hearth::services::logs {
namespace {

template <class Request>
EventQuery query_of(const Request& request) {
  EventQuery query;
  query.start_ms = request.start_time;
  query.end_ms = request.end_time;
  if (request.limit) query.limit = static_cast<std::size_t>(*request.limit);
  return query;
}

}  // namespace

net::Task<wire::Outcome<wire::logs::PutLogEvents::Reply>> put_log_events(Service& service,
                                                                         const RequestContext& context,
                                                                         wire::logs::PutLogEventsRequest request) {
  std::vector<InputEvent> events;
  events.reserve(request.log_events.size());
  net::Pace pace = service.pace();
  for (auto& event : request.log_events) {
    events.push_back({event.timestamp, std::move(event.message)});
    if (pace.is_due()) co_await pace.rest();
  }
  auto putting = service.put_events(scope_of(context), std::move(request.log_group_name),
                                    std::move(request.log_stream_name), std::move(events));
  CO_AWS_TRY(const Rejected rejected, co_await std::move(putting));
  wire::logs::PutLogEvents::Reply reply;
  // Sequence tokens no longer order puts; AWS still answers one of this form.
  reply.next_sequence_token = fmt::format("{:056}", context.now.time_since_epoch().count());
  if (rejected.too_new_start || rejected.too_old_end || rejected.expired_end) {
    wire::logs::RejectedLogEventsInfo info;
    info.too_new_log_event_start_index = rejected.too_new_start;
    info.too_old_log_event_end_index = rejected.too_old_end;
    info.expired_log_event_end_index = rejected.expired_end;
    reply.rejected_log_events_info = info;
  }
  co_return reply;
}

net::Task<wire::Outcome<wire::logs::GetLogEvents::Reply>> get_log_events(Service& service,
                                                                         const RequestContext& context,
                                                                         wire::logs::GetLogEventsRequest request) {
  const std::string group = named_group(request.log_group_name, request.log_group_identifier);
  const auto begin = request.start_from_head.value_or(false) ? Service::Begin::kHead : Service::Begin::kTail;
  auto reading = service.get_events(scope_of(context), group, request.log_stream_name, query_of(request),
                                    request.next_token.value_or(""), begin);
  CO_AWS_TRY(EventPage page, co_await std::move(reading));
  wire::logs::GetLogEvents::Reply reply;
  reply.events.emplace();
  net::Pace pace = service.pace();
  for (Event& event : page.events) {
    if (pace.is_due()) co_await pace.rest();
    wire::logs::OutputLogEvent row;
    row.timestamp = event.at.timestamp_ms;
    row.ingestion_time = event.ingested_ms;
    row.message = std::move(event.message);
    reply.events->push_back(std::move(row));
  }
  reply.next_forward_token = std::move(page.forward_token);
  reply.next_backward_token = std::move(page.backward_token);
  co_return reply;
}

net::Task<wire::Outcome<wire::logs::FilterLogEvents::Reply>> filter_log_events(
    Service& service, const RequestContext& context, wire::logs::FilterLogEventsRequest request) {
  if (request.log_stream_names && request.log_stream_name_prefix) {
    co_return std::unexpected(to_aws_error(
        Error(ErrorKind::kInvalid, "logStreamNamePrefix and logStreamNames are mutually exclusive parameters.")));
  }
  const std::string group = named_group(request.log_group_name, request.log_group_identifier);
  FilterQuery query;
  query.range = query_of(request);
  query.pattern = request.filter_pattern.value_or("");
  query.token = request.next_token.value_or("");
  query.stream_prefix = request.log_stream_name_prefix.value_or("");
  if (request.log_stream_names) query.streams = std::move(*request.log_stream_names);
  auto searching = service.filter_events(scope_of(context), group, std::move(query));
  CO_AWS_TRY(FilterPage page, co_await std::move(searching));
  wire::logs::FilterLogEvents::Reply reply;
  reply.events.emplace();
  reply.searched_log_streams.emplace();
  net::Pace pace = service.pace();
  for (FoundEvent& found : page.events) {
    if (pace.is_due()) co_await pace.rest();
    wire::logs::FilteredLogEvent row;
    row.timestamp = found.event.at.timestamp_ms;
    row.ingestion_time = found.event.ingested_ms;
    // 56 digits, as AWS's event ids: time, then the number that makes it unique.
    row.event_id = fmt::format("{:032}{:024}", found.event.at.timestamp_ms, found.event.at.sequence);
    row.message = std::move(found.event.message);
    row.log_stream_name = std::move(found.stream);
    reply.events->push_back(std::move(row));
  }
  if (!page.next_token.empty()) reply.next_token = std::move(page.next_token);
  co_return reply;
}

}  // namespace hearth::services::logs
