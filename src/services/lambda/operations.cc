#include "services/lambda/operations.h"

#include "services/lambda/handlers.h"

namespace hearth::services::lambda {
namespace {

// What authorisation is asked about.
constexpr auto kFunction = [](const RequestContext& context, const auto& request) {
  return resource_arn(context, request.function_name);
};
constexpr auto kQualified = [](const RequestContext& context, const auto& request) {
  return resource_arn(context, request.function_name, request.qualifier);
};
constexpr auto kLayer = [](const RequestContext& context, const auto& request) {
  return layer_resource(context, request.layer_name);
};
constexpr auto kLayerVersion = [](const RequestContext& context, const auto& request) {
  return layer_resource(context, request.layer_name, request.version_number);
};
constexpr auto kLayerArn = [](const RequestContext&, const auto& request) { return request.arn; };
constexpr auto kTagged = [](const RequestContext&, const auto& request) { return request.resource; };
// Whoever gives a function a role must be allowed to pass it to Lambda.
std::vector<Access> passing(const std::string& function_arn, const std::optional<std::string>& role) {
  if (!role) return {};
  return {{.action = "iam:PassRole",
           .resource = *role,
           .keys = {{"iam:PassedToService", {"lambda.amazonaws.com"}}, {"iam:AssociatedResourceArn", {function_arn}}}}};
}
// And to use the layers that it gives it.
void add_layers(std::vector<Access>& further, const std::optional<std::vector<std::string>>& layers) {
  if (!layers) return;
  for (const std::string& arn : *layers) {
    further.push_back({.action = "lambda:GetLayerVersion", .resource = arn, .keys = {}});
  }
}
constexpr auto kCreated = [](const RequestContext& context, const wire::lambda::CreateFunctionRequest& request) {
  std::string arn = resource_arn(context, request.function_name);
  ConditionKeys keys;
  if (request.tags) add_request_tags(keys, *request.tags);
  if (request.layers) keys.emplace_back("lambda:Layer", *request.layers);
  auto further = passing(arn, request.role);
  add_layers(further, request.layers);
  return Needs(std::move(arn), std::move(keys), std::move(further));
};
constexpr auto kConfigured = [](const RequestContext& context,
                                const wire::lambda::UpdateFunctionConfigurationRequest& request) {
  std::string arn = resource_arn(context, request.function_name);
  ConditionKeys keys;
  if (request.layers) keys.emplace_back("lambda:Layer", *request.layers);
  auto further = passing(arn, request.role);
  add_layers(further, request.layers);
  return Needs(std::move(arn), std::move(keys), std::move(further));
};
constexpr auto kPermitted = [](const RequestContext& context, const wire::lambda::AddPermissionRequest& request) {
  ConditionKeys keys{{"lambda:Principal", {request.principal}}};
  if (request.function_url_auth_type) keys.push_back({"lambda:FunctionUrlAuthType", {*request.function_url_auth_type}});
  return Needs(resource_arn(context, request.function_name, request.qualifier), std::move(keys));
};
constexpr auto kNewlyTagged = [](const RequestContext&, const wire::lambda::TagResourceRequest& request) {
  ConditionKeys keys;
  add_request_tags(keys, request.tags);
  return Needs(request.resource, std::move(keys));
};
constexpr auto kUntagged = [](const RequestContext&, const wire::lambda::UntagResourceRequest& request) {
  return Needs(request.resource, {{"aws:TagKeys", request.tag_keys}});
};
constexpr auto kEverything = [](const RequestContext&, const auto&) { return std::string("*"); };

// A handler with the service it works on.
template <class Handler>
auto with(LambdaService& service, Handler handler) {
  return [&service, handler](const RequestContext& context, auto request) {
    return handler(service, context, std::move(request));
  };
}

}  // namespace

OperationTable make_operations(LambdaService& service) {
  return OperationTable({
      operation<wire::lambda::CreateFunction>("lambda:CreateFunction", kCreated, with(service, create_function),
                                              service.workers()),
      operation<wire::lambda::GetFunction>("lambda:GetFunction", kQualified, with(service, get_function)),
      operation<wire::lambda::GetFunctionConfiguration>("lambda:GetFunctionConfiguration", kQualified,
                                                        with(service, get_function_configuration)),
      operation<wire::lambda::UpdateFunctionCode>("lambda:UpdateFunctionCode", kFunction,
                                                  with(service, update_function_code), service.workers()),
      operation<wire::lambda::UpdateFunctionConfiguration>("lambda:UpdateFunctionConfiguration", kConfigured,
                                                           with(service, update_function_configuration)),
      operation<wire::lambda::DeleteFunction>("lambda:DeleteFunction", kQualified, with(service, delete_function)),
      operation<wire::lambda::ListFunctions>("lambda:ListFunctions", kEverything, with(service, list_functions)),
      operation<wire::lambda::ListVersionsByFunction>("lambda:ListVersionsByFunction", kFunction,
                                                      with(service, list_versions_by_function)),
      operation<wire::lambda::PublishVersion>("lambda:PublishVersion", kFunction, with(service, publish_version)),
      operation<wire::lambda::CreateAlias>("lambda:CreateAlias", kFunction, with(service, create_alias)),
      operation<wire::lambda::GetAlias>("lambda:GetAlias", kFunction, with(service, get_alias)),
      operation<wire::lambda::UpdateAlias>("lambda:UpdateAlias", kFunction, with(service, update_alias)),
      operation<wire::lambda::DeleteAlias>("lambda:DeleteAlias", kFunction, with(service, delete_alias)),
      operation<wire::lambda::ListAliases>("lambda:ListAliases", kFunction, with(service, list_aliases)),
      operation<wire::lambda::PutFunctionEventInvokeConfig>("lambda:PutFunctionEventInvokeConfig", kQualified,
                                                            with(service, put_function_event_invoke_config)),
      operation<wire::lambda::UpdateFunctionEventInvokeConfig>("lambda:UpdateFunctionEventInvokeConfig", kQualified,
                                                               with(service, update_function_event_invoke_config)),
      operation<wire::lambda::GetFunctionEventInvokeConfig>("lambda:GetFunctionEventInvokeConfig", kQualified,
                                                            with(service, get_function_event_invoke_config)),
      operation<wire::lambda::DeleteFunctionEventInvokeConfig>("lambda:DeleteFunctionEventInvokeConfig", kQualified,
                                                               with(service, delete_function_event_invoke_config)),
      operation<wire::lambda::ListFunctionEventInvokeConfigs>("lambda:ListFunctionEventInvokeConfigs", kFunction,
                                                              with(service, list_function_event_invoke_configs)),
      operation<wire::lambda::PublishLayerVersion>("lambda:PublishLayerVersion", kLayer,
                                                   with(service, publish_layer_version), service.workers()),
      operation<wire::lambda::GetLayerVersion>("lambda:GetLayerVersion", kLayerVersion,
                                               with(service, get_layer_version)),
      operation<wire::lambda::GetLayerVersionByArn>("lambda:GetLayerVersion", kLayerArn,
                                                    with(service, get_layer_version_by_arn)),
      operation<wire::lambda::ListLayers>("lambda:ListLayers", kEverything, with(service, list_layers)),
      operation<wire::lambda::ListLayerVersions>("lambda:ListLayerVersions", kEverything,
                                                 with(service, list_layer_versions)),
      operation<wire::lambda::DeleteLayerVersion>("lambda:DeleteLayerVersion", kLayerVersion,
                                                  with(service, delete_layer_version)),
      operation<wire::lambda::AddLayerVersionPermission>("lambda:AddLayerVersionPermission", kLayerVersion,
                                                         with(service, add_layer_version_permission)),
      operation<wire::lambda::GetLayerVersionPolicy>("lambda:GetLayerVersionPolicy", kLayerVersion,
                                                     with(service, get_layer_version_policy)),
      operation<wire::lambda::RemoveLayerVersionPermission>("lambda:RemoveLayerVersionPermission", kLayerVersion,
                                                            with(service, remove_layer_version_permission)),
      operation<wire::lambda::Invoke>("lambda:InvokeFunction", kQualified, with(service, invoke)),
      operation<wire::lambda::InvokeAsync>("lambda:InvokeAsync", kFunction, with(service, invoke_async)),
      operation<wire::lambda::AddPermission>("lambda:AddPermission", kPermitted, with(service, add_permission)),
      operation<wire::lambda::GetPolicy>("lambda:GetPolicy", kQualified, with(service, get_policy)),
      operation<wire::lambda::RemovePermission>("lambda:RemovePermission", kQualified,
                                                with(service, remove_permission)),
      operation<wire::lambda::TagResource>("lambda:TagResource", kNewlyTagged, with(service, tag_resource)),
      operation<wire::lambda::UntagResource>("lambda:UntagResource", kUntagged, with(service, untag_resource)),
      operation<wire::lambda::ListTags>("lambda:ListTags", kTagged, with(service, list_tags)),
      operation<wire::lambda::GetAccountSettings>("lambda:GetAccountSettings", kEverything,
                                                  with(service, get_account_settings)),
      operation<wire::lambda::PutFunctionConcurrency>("lambda:PutFunctionConcurrency", kFunction,
                                                      with(service, put_function_concurrency)),
      operation<wire::lambda::DeleteFunctionConcurrency>("lambda:DeleteFunctionConcurrency", kFunction,
                                                         with(service, delete_function_concurrency)),
      operation<wire::lambda::GetFunctionConcurrency>("lambda:GetFunctionConcurrency", kFunction,
                                                      with(service, get_function_concurrency)),
      operation<wire::lambda::GetFunctionCodeSigningConfig>("lambda:GetFunctionCodeSigningConfig", kFunction,
                                                            with(service, get_function_code_signing_config)),
      operation<wire::lambda::GetRuntimeManagementConfig>("lambda:GetRuntimeManagementConfig", kQualified,
                                                          with(service, get_runtime_management_config)),
  });
}

}  // namespace hearth::services::lambda
