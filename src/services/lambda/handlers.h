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

// version_handlers.cc
Handled<wire::lambda::FunctionConfiguration> publish_version(LambdaService& service, const RequestContext& context,
                                                             wire::lambda::PublishVersionRequest request);
Handled<wire::lambda::ListVersionsByFunctionResponse> list_versions_by_function(
    LambdaService& service, const RequestContext& context, wire::lambda::ListVersionsByFunctionRequest request);
Handled<wire::lambda::AliasConfiguration> create_alias(LambdaService& service, const RequestContext& context,
                                                       wire::lambda::CreateAliasRequest request);
Handled<wire::lambda::AliasConfiguration> get_alias(LambdaService& service, const RequestContext& context,
                                                    wire::lambda::GetAliasRequest request);
Handled<wire::lambda::AliasConfiguration> update_alias(LambdaService& service, const RequestContext& context,
                                                       wire::lambda::UpdateAliasRequest request);
Handled<wire::lambda::DeleteAliasResponse> delete_alias(LambdaService& service, const RequestContext& context,
                                                        wire::lambda::DeleteAliasRequest request);
Handled<wire::lambda::ListAliasesResponse> list_aliases(LambdaService& service, const RequestContext& context,
                                                        wire::lambda::ListAliasesRequest request);

// layer_handlers.cc
HandledLater<wire::lambda::PublishLayerVersionResponse> publish_layer_version(
    LambdaService& service, const RequestContext& context, wire::lambda::PublishLayerVersionRequest request);
HandledLater<wire::lambda::GetLayerVersionResponse> get_layer_version(LambdaService& service,
                                                                      const RequestContext& context,
                                                                      wire::lambda::GetLayerVersionRequest request);
HandledLater<wire::lambda::GetLayerVersionResponse> get_layer_version_by_arn(
    LambdaService& service, const RequestContext& context, wire::lambda::GetLayerVersionByArnRequest request);
Handled<wire::lambda::ListLayersResponse> list_layers(LambdaService& service, const RequestContext& context,
                                                      wire::lambda::ListLayersRequest request);
Handled<wire::lambda::ListLayerVersionsResponse> list_layer_versions(LambdaService& service,
                                                                     const RequestContext& context,
                                                                     wire::lambda::ListLayerVersionsRequest request);
Handled<wire::lambda::DeleteLayerVersionResponse> delete_layer_version(LambdaService& service,
                                                                       const RequestContext& context,
                                                                       wire::lambda::DeleteLayerVersionRequest request);
Handled<wire::lambda::AddLayerVersionPermissionResponse> add_layer_version_permission(
    LambdaService& service, const RequestContext& context, wire::lambda::AddLayerVersionPermissionRequest request);
Handled<wire::lambda::GetLayerVersionPolicyResponse> get_layer_version_policy(
    LambdaService& service, const RequestContext& context, wire::lambda::GetLayerVersionPolicyRequest request);
Handled<wire::lambda::RemoveLayerVersionPermissionResponse> remove_layer_version_permission(
    LambdaService& service, const RequestContext& context, wire::lambda::RemoveLayerVersionPermissionRequest request);

// event_rule_handlers.cc
Handled<wire::lambda::FunctionEventInvokeConfig> put_function_event_invoke_config(
    LambdaService& service, const RequestContext& context, wire::lambda::PutFunctionEventInvokeConfigRequest request);
Handled<wire::lambda::FunctionEventInvokeConfig> update_function_event_invoke_config(
    LambdaService& service, const RequestContext& context,
    wire::lambda::UpdateFunctionEventInvokeConfigRequest request);
Handled<wire::lambda::FunctionEventInvokeConfig> get_function_event_invoke_config(
    LambdaService& service, const RequestContext& context, wire::lambda::GetFunctionEventInvokeConfigRequest request);
Handled<wire::lambda::DeleteFunctionEventInvokeConfigResponse> delete_function_event_invoke_config(
    LambdaService& service, const RequestContext& context,
    wire::lambda::DeleteFunctionEventInvokeConfigRequest request);
Handled<wire::lambda::ListFunctionEventInvokeConfigsResponse> list_function_event_invoke_configs(
    LambdaService& service, const RequestContext& context, wire::lambda::ListFunctionEventInvokeConfigsRequest request);

// invoke_handlers.cc
HandledLater<wire::lambda::InvocationResponse> invoke(LambdaService& service, const RequestContext& context,
                                                      wire::lambda::InvocationRequest request);
Handled<wire::lambda::InvokeAsyncResponse> invoke_async(LambdaService& service, const RequestContext& context,
                                                        wire::lambda::InvokeAsyncRequest request);

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

// concurrency_handlers.cc
Handled<wire::lambda::Concurrency> put_function_concurrency(LambdaService& service, const RequestContext& context,
                                                            wire::lambda::PutFunctionConcurrencyRequest request);
Handled<wire::lambda::GetFunctionConcurrencyResponse> get_function_concurrency(
    LambdaService& service, const RequestContext& context, wire::lambda::GetFunctionConcurrencyRequest request);
Handled<wire::lambda::DeleteFunctionConcurrencyResponse> delete_function_concurrency(
    LambdaService& service, const RequestContext& context, wire::lambda::DeleteFunctionConcurrencyRequest request);

// account_handlers.cc: what is read about an account or function and is always as by default here.
Handled<wire::lambda::GetAccountSettingsResponse> get_account_settings(LambdaService& service,
                                                                       const RequestContext& context,
                                                                       wire::lambda::GetAccountSettingsRequest request);
Handled<wire::lambda::GetFunctionCodeSigningConfigResponse> get_function_code_signing_config(
    LambdaService& service, const RequestContext& context, wire::lambda::GetFunctionCodeSigningConfigRequest request);
Handled<wire::lambda::GetRuntimeManagementConfigResponse> get_runtime_management_config(
    LambdaService& service, const RequestContext& context, wire::lambda::GetRuntimeManagementConfigRequest request);

}  // namespace hearth::services::lambda
