#include <fmt/format.h>

#include <boost/json.hpp>

#include "base/bytes.h"
#include "services/lambda/errors.h"
#include "services/lambda/handlers.h"
#include "services/operation_table.h"

namespace hearth::services::lambda {
namespace {

namespace api = wire::lambda;

constexpr std::size_t kLargestClientContext = 3583;  // base64, as the Invoke API documents
constexpr std::int32_t kRan = 200;
constexpr std::int32_t kAccepted = 202;
constexpr std::int32_t kOnlyChecked = 204;

Result<std::string> decode_client_context(const std::string& encoded) {
  if (encoded.size() > kLargestClientContext) {
    return fail(ErrorKind::kInvalidRequestContent,
                fmt::format("Client context must be smaller than {} bytes", kLargestClientContext + 1));
  }
  auto text = base64_decode(encoded);
  boost::system::error_code error;
  if (text) (void)boost::json::parse(*text, error);
  if (!text || error)
    return fail(ErrorKind::kInvalidRequestContent, "Client context must be a valid Base64-encoded JSON object.");
  return *std::move(text);
}

Result<invocation::InvokeRequest> read_request(const RequestContext& context, const FunctionRef& ref,
                                               api::InvocationRequest request) {
  if (request.durable_execution_name) {
    return fail(ErrorKind::kInvalidParameter,
                "DurableExecutionName is not supported by this server yet. Leave it out.");
  }
  if (request.tenant_id) {
    return fail(ErrorKind::kInvalidParameter, "TenantId is not supported by this server yet. Leave it out.");
  }
  invocation::InvokeRequest invoke;
  invoke.function = ref.key;
  invoke.qualifier = ref.qualifier;
  invoke.invoked_arn = ref.qualified_arn();
  invoke.request_id = context.request_id;
  invoke.payload = std::move(request.payload).value_or("");
  if (request.client_context && !request.client_context->empty()) {
    TRY(invoke.client_context, decode_client_context(*request.client_context));
  }
  invoke.tail_log = request.log_type.value_or("") == api::kLogTypeTail;
  return invoke;
}

}  // namespace

HandledLater<api::InvocationResponse> invoke(LambdaService& service, const RequestContext& context,
                                             api::InvocationRequest request) {
  CO_AWS_TRY(const FunctionRef ref,
             resolve_name(context, "lambda:InvokeFunction", request.function_name, request.qualifier));
  const std::string type = request.invocation_type.value_or(std::string(api::kInvocationTypeRequestResponse));
  CO_AWS_TRY(invocation::InvokeRequest invoke, read_request(context, ref, std::move(request)));
  if (type == api::kInvocationTypeEvent) {
    CO_AWS_TRY_STATUS(service.events().accept(std::move(invoke)));
    co_return api::InvocationResponse{.status_code = kAccepted};
  }
  if (type == api::kInvocationTypeDryRun) {
    auto checking = service.invoker().check_large(std::move(invoke));
    CO_AWS_TRY_STATUS(co_await std::move(checking));
    co_return api::InvocationResponse{.status_code = kOnlyChecked};
  }
  const bool tail = invoke.tail_log;
  CO_AWS_TRY(invocation::InvokeOutcome outcome, co_await service.invoker().invoke(std::move(invoke)));
  api::InvocationResponse reply;
  reply.status_code = kRan;
  reply.payload = std::move(outcome.payload);
  reply.executed_version = std::move(outcome.executed_version);
  if (!outcome.function_error.empty()) reply.function_error = std::move(outcome.function_error);
  if (tail) reply.log_result = base64_encode(outcome.log_tail);
  co_return reply;
}

Handled<api::InvokeAsyncResponse> invoke_async(LambdaService& service, const RequestContext& context,
                                               api::InvokeAsyncRequest request) {
  AWS_TRY(const FunctionRef ref, resolve_name(context, "lambda:InvokeAsync", request.function_name));
  invocation::InvokeRequest invoke;
  invoke.function = ref.key;
  invoke.qualifier = ref.qualifier;
  invoke.invoked_arn = ref.qualified_arn();
  invoke.request_id = context.request_id;
  invoke.payload = std::move(request.invoke_args);
  AWS_TRY_STATUS(service.events().accept(std::move(invoke)));
  return api::InvokeAsyncResponse{.status = kAccepted};
}

}  // namespace hearth::services::lambda
