#include <fmt/format.h>

#include "services/lambda/errors.h"
#include "services/lambda/handlers.h"
#include "services/operation_table.h"

namespace hearth::services::lambda {
namespace {

namespace api = wire::lambda;

// The function whose tags are meant. Only functions have tags here, and only whole ones.
Result<FunctionRef> tagged_function(LambdaService& service, const RequestContext& context, std::string_view action,
                                    const std::string& resource) {
  if (resource.find(":function:") == std::string::npos) {
    return fail(ErrorKind::kNotFound, fmt::format("The resource you requested does not exist: {}", resource));
  }
  TRY(FunctionRef ref, resolve_name(context, action, resource));
  if (!ref.qualifier.empty()) {
    return fail(ErrorKind::kInvalidParameter,
                "Tags on function aliases and versions are not supported. Please specify a function ARN.");
  }
  TRY_STATUS(service.get(ref));
  return ref;
}

}  // namespace

Handled<api::TagResourceResponse> tag_resource(LambdaService& service, const RequestContext& context,
                                               api::TagResourceRequest request) {
  AWS_TRY(const FunctionRef ref, tagged_function(service, context, "lambda:TagResource", request.resource));
  auto tags = service.registry().tags(ref.key);
  for (auto& [name, value] : request.tags) tags.insert_or_assign(name, std::move(value));
  AWS_TRY_STATUS(check_tags(tags));
  AWS_TRY_STATUS(service.registry().set_tags(ref.key, std::move(tags)));
  return api::TagResourceResponse{};
}

Handled<api::UntagResourceResponse> untag_resource(LambdaService& service, const RequestContext& context,
                                                   api::UntagResourceRequest request) {
  AWS_TRY(const FunctionRef ref, tagged_function(service, context, "lambda:UntagResource", request.resource));
  auto tags = service.registry().tags(ref.key);
  for (const std::string& name : request.tag_keys) tags.erase(name);
  AWS_TRY_STATUS(service.registry().set_tags(ref.key, std::move(tags)));
  return api::UntagResourceResponse{};
}

Handled<api::ListTagsResponse> list_tags(LambdaService& service, const RequestContext& context,
                                         api::ListTagsRequest request) {
  AWS_TRY(const FunctionRef ref, tagged_function(service, context, "lambda:ListTags", request.resource));
  return api::ListTagsResponse{.tags = service.registry().tags(ref.key)};
}

}  // namespace hearth::services::lambda
