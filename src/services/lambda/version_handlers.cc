#include <fmt/format.h>

#include "services/lambda/errors.h"
#include "services/lambda/handlers.h"
#include "services/lambda/paging.h"
#include "services/lambda/render.h"
#include "services/operation_table.h"

namespace hearth::services::lambda {
namespace {

namespace api = wire::lambda;

constexpr std::size_t kMostWeights = 1;  // an alias points to two versions at most

// What an alias is to point to, in the order AWS checks it.
Status check_target(LambdaService& service, const FunctionRef& function, const functions::Alias& alias) {
  if (alias.weights.size() > kMostWeights) {
    return fail(ErrorKind::kInvalidParameter,
                fmt::format("Number of items in AdditionalVersionWeights cannot be greater than {}", kMostWeights));
  }
  for (const auto& [version, weight] : alias.weights) {
    if (version == alias.version) {
      return fail(ErrorKind::kInvalidParameter,
                  fmt::format("Invalid function version {}. Function version {} is already included in routing "
                              "configuration.",
                              version, version));
    }
    if (alias.version == kLatest) {
      return fail(ErrorKind::kInvalidParameter,
                  "$LATEST is not supported for an alias pointing to more than 1 version");
    }
    TRY_STATUS(service.get({function.key, version}));
  }
  return {};
}

std::unexpected<wire::AwsError> alias_not_found(std::string_view words, const FunctionRef& ref,
                                                const std::string& name) {
  return std::unexpected(to_aws_error(ErrorKind::kNotFound, fmt::format("{}: {}:{}", words, ref.arn(), name)));
}

std::map<std::string, double> weights_of(const std::optional<api::AliasRoutingConfiguration>& routing) {
  if (!routing) return {};
  return routing->additional_version_weights.value_or(std::map<std::string, double>());
}

}  // namespace

Handled<api::FunctionConfiguration> publish_version(LambdaService& service, const RequestContext& context,
                                                    api::PublishVersionRequest request) {
  AWS_TRY(FunctionRef ref, resolve_name(context, "lambda:PublishVersion", request.function_name));
  ref.qualifier.clear();  // $LATEST, whichever was named
  AWS_TRY_STATUS(service.get(ref));
  if (request.publish_to) {
    return std::unexpected(
        to_aws_error(ErrorKind::kInvalidParameter, "PublishTo is not supported by this server yet. Leave it out."));
  }
  if (request.code_sha256 && request.code_sha256->empty()) request.code_sha256.reset();
  AWS_TRY(const auto version, service.registry().publish(ref.key, {.description = std::move(request.description),
                                                                   .code_sha256 = std::move(request.code_sha256),
                                                                   .revision_id = std::move(request.revision_id)}));
  return render(*version, version->version);
}

Handled<api::ListVersionsByFunctionResponse> list_versions_by_function(LambdaService& service,
                                                                       const RequestContext& context,
                                                                       api::ListVersionsByFunctionRequest request) {
  AWS_TRY(FunctionRef ref, resolve_name(context, "lambda:ListVersionsByFunction", request.function_name));
  ref.qualifier.clear();  // all versions, whichever was named
  AWS_TRY(const auto latest, service.get(ref));
  AWS_TRY(const std::string after, read_marker(request.marker));
  const std::size_t limit = page_limit(request.max_items);
  std::vector<functions::FunctionSnapshot> page;
  if (after.empty()) page.push_back(latest);
  const std::uint64_t number = functions::version_number(after).value_or(0);
  const auto versions = service.registry().versions(ref.key, number, limit + 1 - page.size());
  page.insert(page.end(), versions.begin(), versions.end());
  const bool more = page.size() > limit;
  if (more) page.resize(limit);
  api::ListVersionsByFunctionResponse reply;
  reply.versions.emplace();
  for (const auto& version : page) reply.versions->push_back(render(*version, version->version, ShownState::kLeftOut));
  if (more) reply.next_marker = make_marker(page.back()->version);
  return reply;
}

Handled<api::AliasConfiguration> create_alias(LambdaService& service, const RequestContext& context,
                                              api::CreateAliasRequest request) {
  AWS_TRY(const FunctionRef ref, resolve_name(context, "lambda:CreateAlias", request.function_name));
  AWS_TRY_STATUS(service.get({ref.key, request.function_version}));
  if (service.registry().alias(ref.key, request.name)) {
    return std::unexpected(
        to_aws_error(ErrorKind::kConflict, fmt::format("Alias already exists: {}:{}", ref.arn(), request.name)));
  }
  functions::Alias alias{.name = std::move(request.name),
                         .version = std::move(request.function_version),
                         .description = std::move(request.description).value_or(""),
                         .weights = weights_of(request.routing_config),
                         .revision_id = {}};
  AWS_TRY_STATUS(check_target(service, ref, alias));
  AWS_TRY(const functions::Alias added, service.registry().add_alias(ref.key, std::move(alias)));
  return render(added, ref.arn());
}

Handled<api::AliasConfiguration> get_alias(LambdaService& service, const RequestContext& context,
                                           api::GetAliasRequest request) {
  AWS_TRY(const FunctionRef ref, resolve_name(context, "lambda:GetAlias", request.function_name));
  const auto alias = service.registry().alias(ref.key, request.name);
  if (!alias) return alias_not_found("Cannot find alias arn", ref, request.name);
  return render(*alias, ref.arn());
}

Handled<api::AliasConfiguration> update_alias(LambdaService& service, const RequestContext& context,
                                              api::UpdateAliasRequest request) {
  AWS_TRY(const FunctionRef ref, resolve_name(context, "lambda:UpdateAlias", request.function_name));
  const auto former = service.registry().alias(ref.key, request.name);
  if (!former) return alias_not_found("Alias not found", ref, request.name);
  functions::Alias next = *former;
  if (request.function_version) {
    AWS_TRY_STATUS(service.get({ref.key, *request.function_version}));
    next.version = *request.function_version;
  }
  if (request.description) next.description = *request.description;
  if (request.routing_config) next.weights = weights_of(request.routing_config);
  AWS_TRY_STATUS(check_target(service, ref, next));
  AWS_TRY(const functions::Alias updated,
          service.registry().update_alias(ref.key, request.name, request.revision_id,
                                          [&](functions::Alias& alias) { alias = next; }));
  return render(updated, ref.arn());
}

Handled<api::DeleteAliasResponse> delete_alias(LambdaService& service, const RequestContext& context,
                                               api::DeleteAliasRequest request) {
  AWS_TRY(const FunctionRef ref, resolve_name(context, "lambda:DeleteAlias", request.function_name));
  AWS_TRY_STATUS(service.get({ref.key, {}}));
  AWS_TRY_STATUS(service.registry().remove_alias(ref.key, request.name));
  return api::DeleteAliasResponse{};
}

Handled<api::ListAliasesResponse> list_aliases(LambdaService& service, const RequestContext& context,
                                               api::ListAliasesRequest request) {
  AWS_TRY(const FunctionRef ref, resolve_name(context, "lambda:ListAliases", request.function_name));
  AWS_TRY_STATUS(service.get({ref.key, {}}));
  AWS_TRY(const std::string after, read_marker(request.marker));
  const std::size_t limit = page_limit(request.max_items);
  auto page = service.registry().aliases(ref.key, request.function_version, after, limit + 1);
  const bool more = page.size() > limit;
  if (more) page.resize(limit);
  api::ListAliasesResponse reply;
  reply.aliases.emplace();
  for (const functions::Alias& alias : page) reply.aliases->push_back(render(alias, ref.arn()));
  if (more) reply.next_marker = make_marker(page.back().name);
  return reply;
}

}  // namespace hearth::services::lambda
