#include <algorithm>

#include "functions/code_store.h"
#include "services/lambda/errors.h"
#include "services/lambda/handlers.h"
#include "services/operation_table.h"

namespace hearth::services::lambda {
namespace {

namespace api = wire::lambda;

// Quotas of a new account.
constexpr std::int64_t kTotalCodeSize = 80'530'636'800;

}  // namespace

Handled<api::GetAccountSettingsResponse> get_account_settings(LambdaService& service, const RequestContext& context,
                                                              api::GetAccountSettingsRequest) {
  const functions::CodeLimits limits;
  const std::uint64_t limit = service.concurrency_limit();
  const std::uint64_t reserved =
      std::min(limit, service.registry().concurrency({context.account, context.region, {}}).reserved_by_all);
  api::GetAccountSettingsResponse reply;
  reply.account_limit =
      api::AccountLimit{.total_code_size = kTotalCodeSize,
                        .code_size_unzipped = static_cast<std::int64_t>(limits.unpacked.value),
                        .code_size_zipped = static_cast<std::int64_t>(limits.zipped.value),
                        .concurrent_executions = static_cast<std::int32_t>(limit),
                        .unreserved_concurrent_executions = static_cast<std::int32_t>(limit - reserved)};
  api::AccountUsage usage{.total_code_size = 0, .function_count = 0};
  for (const auto& function :
       service.registry().list(context.account, context.region, "", service.registry().count())) {
    *usage.total_code_size += static_cast<std::int64_t>(function->code.size_bytes);
    ++*usage.function_count;
  }
  reply.account_usage = usage;
  return reply;
}

Handled<api::GetFunctionCodeSigningConfigResponse> get_function_code_signing_config(
    LambdaService& service, const RequestContext& context, api::GetFunctionCodeSigningConfigRequest request) {
  AWS_TRY(const FunctionRef ref, resolve_name(context, "lambda:GetFunctionCodeSigningConfig", request.function_name));
  AWS_TRY_STATUS(service.get(ref));
  return api::GetFunctionCodeSigningConfigResponse{};
}

Handled<api::GetRuntimeManagementConfigResponse> get_runtime_management_config(
    LambdaService& service, const RequestContext& context, api::GetRuntimeManagementConfigRequest request) {
  AWS_TRY(const FunctionRef ref,
          resolve_name(context, "lambda:GetRuntimeManagementConfig", request.function_name, request.qualifier));
  AWS_TRY_STATUS(service.get(ref));
  return api::GetRuntimeManagementConfigResponse{.update_runtime_on = std::string(api::kUpdateRuntimeOnAuto),
                                                 .runtime_version_arn = {},
                                                 .function_arn = ref.qualified_arn()};
}

}  // namespace hearth::services::lambda
