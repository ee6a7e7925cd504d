#include <fmt/format.h>

#include <algorithm>

#include "services/lambda/errors.h"
#include "services/lambda/handlers.h"
#include "services/lambda/paging.h"
#include "services/lambda/policy.h"
#include "services/lambda/render.h"
#include "services/operation_table.h"

namespace hearth::services::lambda {
namespace {

namespace api = wire::lambda;
using functions::LayerSnapshot;
using functions::LayerVersion;

// Members that are shown wherever a version is.
template <class Shown>
void render_common(const LayerVersion& layer, Shown& shown) {
  shown.layer_version_arn = layer.arn();
  shown.version = static_cast<std::int64_t>(layer.number);
  shown.description = layer.description;
  shown.created_date = date_text(layer.created);
  if (!layer.runtimes.empty()) shown.compatible_runtimes = layer.runtimes;
  if (!layer.architectures.empty()) shown.compatible_architectures = layer.architectures;
  if (!layer.license.empty()) shown.license_info = layer.license;
}

template <class Reply>
Reply render_version(LambdaService& service, const RequestContext& context, const LayerVersion& layer) {
  Reply shown;
  render_common(layer, shown);
  shown.layer_arn = layer.layer_arn;
  shown.content = api::LayerVersionContentOutput{
      .location = service.links().link(layer.package.blob, context.endpoint),
      .code_sha256 = layer.package.sha256_base64,
      .code_size = static_cast<std::int64_t>(layer.package.size_bytes),
      .signing_profile_version_arn = {},
      .signing_job_arn = {},
  };
  return shown;
}

api::LayerVersionsListItem render_item(const LayerVersion& layer) {
  api::LayerVersionsListItem shown;
  render_common(layer, shown);
  return shown;
}

functions::LayerRegistry::Match matching(const std::optional<std::string>& runtime,
                                         const std::optional<std::string>& architecture) {
  const auto holds = [](const std::vector<std::string>& list, const std::optional<std::string>& wanted) {
    return !wanted || std::find(list.begin(), list.end(), *wanted) != list.end();
  };
  return [=](const LayerVersion& layer) {
    return holds(layer.runtimes, runtime) && holds(layer.architectures, architecture);
  };
}

// The version whose policy a request is about.
Result<LayerSnapshot> get_own(LambdaService& service, const LayerRef& ref, std::int64_t number) {
  LayerSnapshot layer = service.layers().registry().find(ref.key, ref.number);
  if (layer) return layer;
  return fail(ErrorKind::kNotFound, fmt::format("Layer version {}:{} does not exist.", ref.layer_arn(), number));
}

Status check_revision(const std::optional<std::string>& given, const LayerVersion& layer) {
  if (!given || *given == layer.policy_revision) return {};
  return fail(ErrorKind::kPreconditionFailed,
              "The Revision Id provided does not match the latest Revision Id. Call the GetLayerPolicy API to retrieve "
              "the latest Revision Id");
}

}  // namespace

HandledLater<api::PublishLayerVersionResponse> publish_layer_version(LambdaService& service,
                                                                     const RequestContext& context,
                                                                     api::PublishLayerVersionRequest request) {
  LayerShelf::NewLayer wanted;
  CO_AWS_TRY(wanted.ref, resolve_layer(context, "lambda:PublishLayerVersion", request.layer_name));
  CO_AWS_TRY(wanted.zip, take_package(request.content));
  wanted.description = std::move(request.description).value_or("");
  wanted.license = std::move(request.license_info).value_or("");
  wanted.runtimes = std::move(request.compatible_runtimes).value_or(std::vector<std::string>());
  wanted.architectures = std::move(request.compatible_architectures).value_or(std::vector<std::string>());
  CO_AWS_TRY(const LayerSnapshot layer, co_await service.layers().publish(std::move(wanted)));
  co_return render_version<api::PublishLayerVersionResponse>(service, context, *layer);
}

HandledLater<api::GetLayerVersionResponse> get_layer_version(LambdaService& service, const RequestContext& context,
                                                             api::GetLayerVersionRequest request) {
  LayerRef ref = any_layer(context, request.layer_name, request.version_number);
  CO_AWS_TRY(const LayerSnapshot layer, co_await service.layers().get(context, std::move(ref)));
  co_return render_version<api::GetLayerVersionResponse>(service, context, *layer);
}

HandledLater<api::GetLayerVersionResponse> get_layer_version_by_arn(LambdaService& service,
                                                                    const RequestContext& context,
                                                                    api::GetLayerVersionByArnRequest request) {
  auto ref = parse_layer_arn(request.arn);
  if (!ref) ref = any_layer(context, "", 0);  // an ARN of AWS's own layers: none is here
  LayerRef wanted = *std::move(ref);
  CO_AWS_TRY(const LayerSnapshot layer, co_await service.layers().get(context, std::move(wanted)));
  co_return render_version<api::GetLayerVersionResponse>(service, context, *layer);
}

Handled<api::ListLayersResponse> list_layers(LambdaService& service, const RequestContext& context,
                                             api::ListLayersRequest request) {
  AWS_TRY(const std::string after, read_marker(request.marker));
  const std::size_t limit = page_limit(request.max_items);
  auto page = service.layers().registry().list(context.account, context.region, after, limit + 1,
                                               matching(request.compatible_runtime, request.compatible_architecture));
  const bool more = page.size() > limit;
  if (more) page.resize(limit);
  api::ListLayersResponse reply;
  reply.layers.emplace();
  for (const LayerSnapshot& layer : page) {
    reply.layers->push_back(
        {.layer_name = layer->key.name, .layer_arn = layer->layer_arn, .latest_matching_version = render_item(*layer)});
  }
  if (more) reply.next_marker = make_marker(page.back()->key.name);
  return reply;
}

Handled<api::ListLayerVersionsResponse> list_layer_versions(LambdaService& service, const RequestContext& context,
                                                            api::ListLayerVersionsRequest request) {
  AWS_TRY(const LayerRef ref, resolve_layer(context, "lambda:ListLayerVersions", request.layer_name));
  AWS_TRY(const std::string last, read_marker(request.marker));
  const std::size_t limit = page_limit(request.max_items);
  auto page =
      service.layers().registry().versions(ref.key, functions::version_number(last).value_or(0), limit + 1,
                                           matching(request.compatible_runtime, request.compatible_architecture));
  const bool more = page.size() > limit;
  if (more) page.resize(limit);
  api::ListLayerVersionsResponse reply;
  reply.layer_versions.emplace();
  for (const LayerSnapshot& layer : page) reply.layer_versions->push_back(render_item(*layer));
  if (more) reply.next_marker = make_marker(std::to_string(page.back()->number));
  return reply;
}

Handled<api::DeleteLayerVersionResponse> delete_layer_version(LambdaService& service, const RequestContext& context,
                                                              api::DeleteLayerVersionRequest request) {
  AWS_TRY(const LayerRef ref,
          resolve_layer(context, "lambda:DeleteLayerVersion", request.layer_name, request.version_number));
  AWS_TRY_STATUS(service.layers().registry().remove(ref.key, ref.number));
  return api::DeleteLayerVersionResponse{};
}

Handled<api::AddLayerVersionPermissionResponse> add_layer_version_permission(
    LambdaService& service, const RequestContext& context, api::AddLayerVersionPermissionRequest request) {
  AWS_TRY(const LayerRef ref,
          resolve_layer(context, "lambda:AddLayerVersionPermission", request.layer_name, request.version_number));
  AWS_TRY(const LayerSnapshot layer, get_own(service, ref, request.version_number));
  AWS_TRY_STATUS(check_revision(request.revision_id, *layer));
  const Permission permission{.statement_id = std::move(request.statement_id),
                              .action = std::move(request.action),
                              .principal = std::move(request.principal),
                              .source_arn = {},
                              .source_account = {},
                              .event_source_token = {},
                              .principal_org_id = std::move(request.organization_id),
                              .function_url_auth_type = {},
                              .invoked_via_function_url = {}};
  AWS_TRY(AddedStatement added, add_statement(layer->policy, permission, layer->arn()));
  AWS_TRY(const LayerSnapshot changed,
          service.layers().registry().set_policy(ref.key, ref.number, std::move(added.document)));
  return api::AddLayerVersionPermissionResponse{.statement = std::move(added.statement),
                                                .revision_id = changed->policy_revision};
}

Handled<api::GetLayerVersionPolicyResponse> get_layer_version_policy(LambdaService& service,
                                                                     const RequestContext& context,
                                                                     api::GetLayerVersionPolicyRequest request) {
  AWS_TRY(const LayerRef ref,
          resolve_layer(context, "lambda:GetLayerVersionPolicy", request.layer_name, request.version_number));
  AWS_TRY(const LayerSnapshot layer, get_own(service, ref, request.version_number));
  if (layer->policy.empty()) {
    return std::unexpected(to_aws_error(ErrorKind::kNotFound, "No policy is associated with the given resource."));
  }
  return api::GetLayerVersionPolicyResponse{.policy = layer->policy, .revision_id = layer->policy_revision};
}

Handled<api::RemoveLayerVersionPermissionResponse> remove_layer_version_permission(
    LambdaService& service, const RequestContext& context, api::RemoveLayerVersionPermissionRequest request) {
  AWS_TRY(const LayerRef ref,
          resolve_layer(context, "lambda:RemoveLayerVersionPermission", request.layer_name, request.version_number));
  AWS_TRY(const LayerSnapshot layer, get_own(service, ref, request.version_number));
  AWS_TRY_STATUS(check_revision(request.revision_id, *layer));
  AWS_TRY(std::string document, remove_statement(layer->policy, request.statement_id));
  AWS_TRY_STATUS(service.layers().registry().set_policy(ref.key, ref.number, std::move(document)));
  return api::RemoveLayerVersionPermissionResponse{};
}

}  // namespace hearth::services::lambda
