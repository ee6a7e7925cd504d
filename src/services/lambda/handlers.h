#pragma once
// Handlers: one per operation, from request struct to service call to reply struct. `operations.cc` lists them.

#include "services/lambda/service.h"
#include "services/request_context.h"
#include "wire/aws_error.h"
#include "wire/generated/lambda.h"

namespace hearth::services::lambda {

template <class Reply>
using Handled = wire::Outcome<Reply>;
// Lifetime: service and context outlive the task.
template <class Reply>
using HandledLater = net::Task<wire::Outcome<Reply>>;

// function_handlers.cc
HandledLater<wire::lambda::FunctionConfiguration> create_function(LambdaService& service, const RequestContext& context,
                                                                  wire::lambda::CreateFunctionRequest request);
Handled<wire::lambda::GetFunctionResponse> get_function(LambdaService& service, const RequestContext& context,
                                                        wire::lambda::GetFunctionRequest request);
Handled<wire::lambda::FunctionConfiguration> get_function_configuration(
    LambdaService& service, const RequestContext& context, wire::lambda::GetFunctionConfigurationRequest request);
HandledLater<wire::lambda::FunctionConfiguration> update_function_code(LambdaService& service,
                                                                       const RequestContext& context,
                                                                       wire::lambda::UpdateFunctionCodeRequest request);
HandledLater<wire::lambda::FunctionConfiguration> update_function_configuration(
    LambdaService& service, const RequestContext& context, wire::lambda::UpdateFunctionConfigurationRequest request);
Handled<wire::lambda::DeleteFunctionResponse> delete_function(LambdaService& service, const RequestContext& context,
                                                              wire::lambda::DeleteFunctionRequest request);
Handled<wire::lambda::ListFunctionsResponse> list_functions(LambdaService& service, const RequestContext& context,
                                                            wire::lambda::ListFunctionsRequest request);
Handled<wire::lambda::ListVersionsByFunctionResponse> list_versions_by_function(
    LambdaService& service, const RequestContext& context, wire::lambda::ListVersionsByFunctionRequest request);

// invoke_handlers.cc
HandledLater<wire::lambda::InvocationResponse> invoke(LambdaService& service, const RequestContext& context,
                                                      wire::lambda::InvocationRequest request);

// policy_handlers.cc
Handled<wire::lambda::AddPermissionResponse> add_permission(LambdaService& service, const RequestContext& context,
                                                            wire::lambda::AddPermissionRequest request);
Handled<wire::lambda::GetPolicyResponse> get_policy(LambdaService& service, const RequestContext& context,
                                                    wire::lambda::GetPolicyRequest request);
Handled<wire::lambda::RemovePermissionResponse> remove_permission(LambdaService& service, const RequestContext& context,
                                                                  wire::lambda::RemovePermissionRequest request);

// tag_handlers.cc
Handled<wire::lambda::TagResourceResponse> tag_resource(LambdaService& service, const RequestContext& context,
                                                        wire::lambda::TagResourceRequest request);
Handled<wire::lambda::UntagResourceResponse> untag_resource(LambdaService& service, const RequestContext& context,
                                                            wire::lambda::UntagResourceRequest request);
Handled<wire::lambda::ListTagsResponse> list_tags(LambdaService& service, const RequestContext& context,
                                                  wire::lambda::ListTagsRequest request);

// account_handlers.cc: what is read about an account or function and is always as by default here.
Handled<wire::lambda::GetAccountSettingsResponse> get_account_settings(LambdaService& service,
                                                                       const RequestContext& context,
                                                                       wire::lambda::GetAccountSettingsRequest request);
Handled<wire::lambda::GetFunctionConcurrencyResponse> get_function_concurrency(
    LambdaService& service, const RequestContext& context, wire::lambda::GetFunctionConcurrencyRequest request);
Handled<wire::lambda::GetFunctionCodeSigningConfigResponse> get_function_code_signing_config(
    LambdaService& service, const RequestContext& context, wire::lambda::GetFunctionCodeSigningConfigRequest request);
Handled<wire::lambda::GetRuntimeManagementConfigResponse> get_runtime_management_config(
    LambdaService& service, const RequestContext& context, wire::lambda::GetRuntimeManagementConfigRequest request);

}  // namespace hearth::services::lambda
