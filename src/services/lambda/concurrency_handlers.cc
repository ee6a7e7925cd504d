#include <fmt/format.h>

#include <algorithm>

#include "services/lambda/errors.h"
#include "services/lambda/handlers.h"
#include "services/operation_table.h"

namespace hearth::services::lambda {
namespace {

namespace api = wire::lambda;

// Lambda's documentation of reserved concurrency: what functions without a share always keep between them. Where the
// account's limit is smaller, that is all of it.
constexpr std::uint64_t kKeptUnreserved = 100;

}  // namespace

Handled<api::Concurrency> put_function_concurrency(LambdaService& service, const RequestContext& context,
                                                   api::PutFunctionConcurrencyRequest request) {
  AWS_TRY(const FunctionRef ref, resolve_unqualified(context, "lambda:PutFunctionConcurrency", request.function_name));
  AWS_TRY_STATUS(service.get(ref));
  const auto wanted = static_cast<std::uint32_t>(request.reserved_concurrent_executions);
  const functions::Registry::Concurrency now = service.registry().concurrency(ref.key);
  const std::uint64_t limit = service.concurrency_limit();
  const std::uint64_t kept = std::min(kKeptUnreserved, limit);
  if (now.reserved_by_all - now.reserved.value_or(0) + wanted + kept > limit) {
    AWS_TRY_STATUS(Status(fail(ErrorKind::kInvalidParameter,
                               fmt::format("Specified ReservedConcurrentExecutions for function decreases account's "
                                           "UnreservedConcurrentExecution below its minimum value of [{}].",
                                           kept))));
  }
  AWS_TRY_STATUS(service.registry().set_reserved_concurrency(ref.key, wanted));
  return api::Concurrency{.reserved_concurrent_executions = request.reserved_concurrent_executions};
}

Handled<api::GetFunctionConcurrencyResponse> get_function_concurrency(LambdaService& service,
                                                                      const RequestContext& context,
                                                                      api::GetFunctionConcurrencyRequest request) {
  AWS_TRY(const FunctionRef ref, resolve_unqualified(context, "lambda:GetFunctionConcurrency", request.function_name));
  AWS_TRY_STATUS(service.get(ref));
  api::GetFunctionConcurrencyResponse reply;
  if (const auto reserved = service.registry().concurrency(ref.key).reserved) {
    reply.reserved_concurrent_executions = static_cast<std::int32_t>(*reserved);
  }
  return reply;
}

Handled<api::DeleteFunctionConcurrencyResponse> delete_function_concurrency(
    LambdaService& service, const RequestContext& context, api::DeleteFunctionConcurrencyRequest request) {
  AWS_TRY(const FunctionRef ref,
          resolve_unqualified(context, "lambda:DeleteFunctionConcurrency", request.function_name));
  AWS_TRY_STATUS(service.get(ref));
  AWS_TRY_STATUS(service.registry().set_reserved_concurrency(ref.key, std::nullopt));
  return api::DeleteFunctionConcurrencyResponse{};
}

}  // namespace hearth::services::lambda
