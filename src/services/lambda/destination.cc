#include "services/lambda/destination.h"

#include <boost/json.hpp>

#include "base/bytes.h"
#include "base/check.h"
#include "environment/platform_lines.h"

namespace hearth::services::lambda {
namespace {

namespace json = boost::json;

std::string_view condition_of(EventEnding ending) {
  switch (ending) {
    case EventEnding::kSuccess:
      return "Success";
    case EventEnding::kRetriesExhausted:
      return "RetriesExhausted";
    case EventEnding::kEventAgeExceeded:
      return "EventAgeExceeded";
    case EventEnding::kZeroReservedConcurrency:
      return "ZeroReservedConcurrency";
  }
  check_failed("a known EventEnding", "");
}

// Payloads are JSON already and may be large: they go in as they are.
std::string with_payload(std::string record, std::string_view name, std::string_view payload) {
  record.pop_back();  // the closing brace
  record += ",\"";
  record += name;
  record += "\":";
  record += payload.empty() ? "null" : payload;
  record += '}';
  return record;
}

}  // namespace

std::string destination_record(const StoredEvent& event, EventEnding ending, const invocation::InvokeOutcome* outcome,
                               TimePoint now) {
  const std::string qualifier = event.request.qualifier.empty() ? ":" + std::string(kLatest) : std::string();
  json::object head{{"version", "1.0"},
                    {"timestamp", environment::iso_time(now)},
                    {"requestContext",
                     json::object{{"requestId", event.request.request_id},
                                  {"functionArn", event.request.invoked_arn + qualifier},
                                  {"condition", condition_of(ending)},
                                  {"approximateInvokeCount", event.runs + (ending == EventEnding::kSuccess ? 1 : 0)}}}};
  if (outcome) {
    json::object response{{"statusCode", 200}, {"executedVersion", outcome->executed_version}};
    if (!outcome->function_error.empty()) response["functionError"] = outcome->function_error;
    head["responseContext"] = std::move(response);
  }
  std::string record = with_payload(json::serialize(head), "requestPayload", event.request.payload);
  if (outcome) record = with_payload(std::move(record), "responsePayload", outcome->payload);
  return record;
}

invocation::InvokeRequest destination_request(const FunctionRef& target, std::string record) {
  invocation::InvokeRequest request;
  request.function = target.key;
  request.qualifier = target.qualifier;
  request.invoked_arn = target.qualified_arn();
  request.request_id = random_uuid();
  request.payload = std::move(record);
  return request;
}

}  // namespace hearth::services::lambda
