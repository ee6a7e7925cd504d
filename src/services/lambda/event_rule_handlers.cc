#include <fmt/format.h>

#include "services/lambda/errors.h"
#include "services/lambda/handlers.h"
#include "services/lambda/paging.h"
#include "services/operation_table.h"
#include "wire/arn.h"

namespace hearth::services::lambda {
namespace {

namespace api = wire::lambda;

// The ARN by which rules are shown and missed.
std::string rules_arn(const FunctionRef& ref) {
  return fmt::format("{}:{}", ref.arn(), ref.qualifier.empty() ? kLatest : std::string_view(ref.qualifier));
}

Status check_exists(LambdaService& service, const FunctionRef& ref) {
  if (service.get(ref)) return {};
  return fail(ErrorKind::kNotFound, "The function doesn't exist.");
}

std::unexpected<Error> no_rules(const FunctionRef& ref) {
  return fail(ErrorKind::kNotFound, fmt::format("The function {} doesn't have an EventInvokeConfig", rules_arn(ref)));
}

template <class Destination>
std::string destination_of(const std::optional<Destination>& destination) {
  return destination ? destination->destination.value_or("") : std::string();
}

// "OnSuccess(destination=ARN)" or "null", as AWS words a configuration that it refuses.
template <class Destination>
std::string worded(std::string_view name, const std::optional<Destination>& destination) {
  return destination ? fmt::format("{}(destination={})", name, destination_of(destination)) : "null";
}

// Functions are the destinations that are served here; of queues, topics and buses there are none to be found.
Status check_destination(LambdaService& service, const FunctionRef& ref, const api::DestinationConfig& config,
                         const std::string& destination) {
  if (destination.empty()) return {};
  const auto arn = wire::parse_arn(destination);
  const std::string_view kind = arn ? std::string_view(arn->service) : std::string_view();
  if (kind != "lambda" && kind != "sqs" && kind != "sns" && kind != "events" && kind != "s3") {
    return fail(ErrorKind::kInvalidParameter,
                fmt::format("The provided destination config DestinationConfig(onSuccess={}, onFailure={}) is invalid.",
                            worded("OnSuccess", config.on_success), worded("OnFailure", config.on_failure)));
  }
  const auto target = kind == "lambda" ? parse_function_arn(destination) : std::nullopt;
  if (target && target->key == ref.key) {
    return fail(ErrorKind::kInvalidParameter, "You can't specify the function as a destination for itself.");
  }
  if (!target || !service.get(*target)) {
    return fail(ErrorKind::kInvalidParameter, fmt::format("The destination ARN {} is invalid.", destination));
  }
  return {};
}

// Members that a request gives replace those of `rules`.
template <class Request>
Result<functions::EventRules> merged(LambdaService& service, const FunctionRef& ref, functions::EventRules rules,
                                     const Request& request) {
  if (request.maximum_retry_attempts) rules.retries = static_cast<std::uint32_t>(*request.maximum_retry_attempts);
  if (request.maximum_event_age_in_seconds) {
    rules.oldest_s = static_cast<std::uint32_t>(*request.maximum_event_age_in_seconds);
  }
  if (request.destination_config) {
    const api::DestinationConfig& config = *request.destination_config;
    if (config.on_success) rules.on_success = destination_of(config.on_success);
    if (config.on_failure) rules.on_failure = destination_of(config.on_failure);
    TRY_STATUS(check_destination(service, ref, config, rules.on_success));
    TRY_STATUS(check_destination(service, ref, config, rules.on_failure));
  }
  return rules;
}

template <class Request>
Status check_not_empty(const Request& request) {
  if (request.maximum_retry_attempts || request.maximum_event_age_in_seconds || request.destination_config) return {};
  return fail(ErrorKind::kInvalidParameter, "You must specify at least one of error handling or destination setting.");
}

api::FunctionEventInvokeConfig render(const functions::EventRules& rules, std::string arn) {
  api::FunctionEventInvokeConfig shown;
  shown.function_arn = std::move(arn);
  shown.last_modified = rules.last_modified;
  if (rules.retries) shown.maximum_retry_attempts = static_cast<std::int32_t>(*rules.retries);
  if (rules.oldest_s) shown.maximum_event_age_in_seconds = static_cast<std::int32_t>(*rules.oldest_s);
  shown.destination_config.emplace();
  shown.destination_config->on_success.emplace();
  shown.destination_config->on_failure.emplace();
  if (!rules.on_success.empty()) shown.destination_config->on_success->destination = rules.on_success;
  if (!rules.on_failure.empty()) shown.destination_config->on_failure->destination = rules.on_failure;
  return shown;
}

}  // namespace

Handled<api::FunctionEventInvokeConfig> put_function_event_invoke_config(
    LambdaService& service, const RequestContext& context, api::PutFunctionEventInvokeConfigRequest request) {
  AWS_TRY_STATUS(check_not_empty(request));
  AWS_TRY(const FunctionRef ref,
          resolve_name(context, "lambda:PutFunctionEventInvokeConfig", request.function_name, request.qualifier));
  AWS_TRY_STATUS(check_exists(service, ref));
  AWS_TRY(functions::EventRules rules, merged(service, ref, {}, request));
  AWS_TRY(const auto set, service.registry().set_event_rules(ref.key, ref.qualifier, std::move(rules)));
  return render(set, rules_arn(ref));
}

Handled<api::FunctionEventInvokeConfig> update_function_event_invoke_config(
    LambdaService& service, const RequestContext& context, api::UpdateFunctionEventInvokeConfigRequest request) {
  AWS_TRY_STATUS(check_not_empty(request));
  AWS_TRY(const FunctionRef ref,
          resolve_name(context, "lambda:UpdateFunctionEventInvokeConfig", request.function_name, request.qualifier));
  AWS_TRY_STATUS(check_exists(service, ref));
  auto former = service.registry().event_rules(ref.key, ref.qualifier);
  if (!former) return std::unexpected(to_aws_error(std::move(no_rules(ref)).error()));
  AWS_TRY(functions::EventRules rules, merged(service, ref, *std::move(former), request));
  AWS_TRY(const auto set, service.registry().set_event_rules(ref.key, ref.qualifier, std::move(rules)));
  return render(set, rules_arn(ref));
}

Handled<api::FunctionEventInvokeConfig> get_function_event_invoke_config(
    LambdaService& service, const RequestContext& context, api::GetFunctionEventInvokeConfigRequest request) {
  AWS_TRY(const FunctionRef ref,
          resolve_name(context, "lambda:GetFunctionEventInvokeConfig", request.function_name, request.qualifier));
  const auto rules = service.registry().event_rules(ref.key, ref.qualifier);
  if (!rules) return std::unexpected(to_aws_error(std::move(no_rules(ref)).error()));
  return render(*rules, rules_arn(ref));
}

Handled<api::DeleteFunctionEventInvokeConfigResponse> delete_function_event_invoke_config(
    LambdaService& service, const RequestContext& context, api::DeleteFunctionEventInvokeConfigRequest request) {
  AWS_TRY(const FunctionRef ref,
          resolve_name(context, "lambda:DeleteFunctionEventInvokeConfig", request.function_name, request.qualifier));
  if (!service.registry().event_rules(ref.key, ref.qualifier)) {
    return std::unexpected(to_aws_error(std::move(no_rules(ref)).error()));
  }
  AWS_TRY_STATUS(service.registry().remove_event_rules(ref.key, ref.qualifier));
  return api::DeleteFunctionEventInvokeConfigResponse{};
}

Handled<api::ListFunctionEventInvokeConfigsResponse> list_function_event_invoke_configs(
    LambdaService& service, const RequestContext& context, api::ListFunctionEventInvokeConfigsRequest request) {
  AWS_TRY(FunctionRef ref, resolve_name(context, "lambda:ListFunctionEventInvokeConfigs", request.function_name));
  ref.qualifier.clear();  // all, whichever was named
  AWS_TRY_STATUS(check_exists(service, ref));
  AWS_TRY(const std::string after, read_marker(request.marker));
  const std::size_t limit = page_limit(request.max_items);
  auto page = service.registry().list_event_rules(ref.key, after, limit + 1);
  const bool more = page.size() > limit;
  if (more) page.resize(limit);
  api::ListFunctionEventInvokeConfigsResponse reply;
  reply.function_event_invoke_configs.emplace();
  for (const auto& [qualifier, rules] : page) {
    reply.function_event_invoke_configs->push_back(render(rules, fmt::format("{}:{}", ref.arn(), qualifier)));
  }
  if (more) reply.next_marker = make_marker(page.back().first);
  return reply;
}

}  // namespace hearth::services::lambda
