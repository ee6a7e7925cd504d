#include <fmt/format.h>

#include "services/lambda/errors.h"
#include "services/lambda/handlers.h"
#include "services/lambda/paging.h"
#include "services/lambda/render.h"
#include "services/operation_table.h"

namespace hearth::services::lambda {
namespace {

namespace api = wire::lambda;

functions::Publish publish_of(const std::optional<bool>& publish) {
  return publish.value_or(false) ? functions::Publish::kYes : functions::Publish::kNo;
}

// Changes of a function go to $LATEST; another qualifier names a version that does not exist.
Status check_latest(const FunctionRef& ref) {
  if (ref.is_latest()) return {};
  return fail(ErrorKind::kNotFound, fmt::format("Function not found: {}", ref.qualified_arn()));
}

}  // namespace

HandledLater<api::FunctionConfiguration> create_function(LambdaService& service, const RequestContext& context,
                                                         api::CreateFunctionRequest request) {
  CO_AWS_TRY(FunctionRef ref, resolve_name(context, "lambda:CreateFunction", request.function_name));
  CO_AWS_TRY_STATUS(check_latest(ref));
  LambdaService::NewFunction wanted;
  CO_AWS_TRY(wanted.zip, take_package(request.code));
  CO_AWS_TRY(wanted.settings, read_settings(request));
  wanted.tags = std::move(request.tags).value_or(std::map<std::string, std::string>());
  wanted.publish = publish_of(request.publish);
  CO_AWS_TRY(const auto created, co_await service.create(context, std::move(ref), std::move(wanted)));
  co_return render(*created);
}

Handled<api::GetFunctionResponse> get_function(LambdaService& service, const RequestContext& context,
                                               api::GetFunctionRequest request) {
  AWS_TRY(const FunctionRef ref, resolve_name(context, "lambda:GetFunction", request.function_name, request.qualifier));
  AWS_TRY(const auto function, service.get(ref));
  api::GetFunctionResponse reply;
  reply.configuration = render(*function, ref.qualifier);
  reply.code = api::FunctionCodeLocation{};
  reply.code->repository_type = "S3";
  reply.code->location = service.links().link(function->code.blob, context.endpoint);
  if (auto tags = service.registry().tags(ref.key); !tags.empty()) reply.tags = std::move(tags);
  if (const auto reserved = service.registry().concurrency(ref.key).reserved) {
    reply.concurrency = api::Concurrency{.reserved_concurrent_executions = static_cast<std::int32_t>(*reserved)};
  }
  return reply;
}

Handled<api::FunctionConfiguration> get_function_configuration(LambdaService& service, const RequestContext& context,
                                                               api::GetFunctionConfigurationRequest request) {
  AWS_TRY(const FunctionRef ref,
          resolve_name(context, "lambda:GetFunctionConfiguration", request.function_name, request.qualifier));
  AWS_TRY(const auto function, service.get(ref));
  return render(*function, ref.qualifier);
}

HandledLater<api::FunctionConfiguration> update_function_code(LambdaService& service, const RequestContext& context,
                                                              api::UpdateFunctionCodeRequest request) {
  CO_AWS_TRY(FunctionRef ref, resolve_name(context, "lambda:UpdateFunctionCode", request.function_name));
  CO_AWS_TRY_STATUS(check_latest(ref));
  CO_AWS_TRY_STATUS(service.get(ref));
  CO_AWS_TRY_STATUS(check_publish_to(request));
  LambdaService::CodeUpdate update;
  CO_AWS_TRY(update.zip, take_package(request));
  if (request.architectures && !request.architectures->empty()) update.architecture = request.architectures->front();
  update.revision_id = std::move(request.revision_id);
  update.run = request.dry_run.value_or(false) ? LambdaService::Run::kDry : LambdaService::Run::kReal;
  update.publish = publish_of(request.publish);
  const bool published = update.publish == functions::Publish::kYes && update.run == LambdaService::Run::kReal;
  CO_AWS_TRY(const auto updated, co_await service.update_code(context, std::move(ref), std::move(update)));
  co_return render(*updated, published ? std::string_view(updated->version) : std::string_view());
}

HandledLater<api::FunctionConfiguration> update_function_configuration(
    LambdaService& service, const RequestContext& context, api::UpdateFunctionConfigurationRequest request) {
  CO_AWS_TRY(FunctionRef ref, resolve_name(context, "lambda:UpdateFunctionConfiguration", request.function_name));
  CO_AWS_TRY_STATUS(check_latest(ref));
  CO_AWS_TRY_STATUS(service.get(ref));
  CO_AWS_TRY(Settings settings, read_settings(request));
  CO_AWS_TRY(const auto updated, co_await service.update_settings(context, std::move(ref), std::move(settings),
                                                                  std::move(request.revision_id)));
  co_return render(*updated);
}

Handled<api::DeleteFunctionResponse> delete_function(LambdaService& service, const RequestContext& context,
                                                     api::DeleteFunctionRequest request) {
  AWS_TRY(const FunctionRef ref,
          resolve_name(context, "lambda:DeleteFunction", request.function_name, request.qualifier));
  AWS_TRY_STATUS(service.get({ref.key, {}}));
  if (ref.qualifier == kLatest) {
    return std::unexpected(
        to_aws_error(ErrorKind::kInvalidParameter, "$LATEST version cannot be deleted without deleting the function."));
  }
  if (names_alias(ref.qualifier)) {
    return std::unexpected(
        to_aws_error(ErrorKind::kInvalidParameter, "Deletion of aliases is not currently supported."));
  }
  AWS_TRY_STATUS(service.remove(ref));
  return api::DeleteFunctionResponse{.status_code = 204};
}

Handled<api::ListFunctionsResponse> list_functions(LambdaService& service, const RequestContext& context,
                                                   api::ListFunctionsRequest request) {
  AWS_TRY(const std::string after, read_marker(request.marker));
  api::ListFunctionsResponse reply;
  reply.functions.emplace();
  // Functions replicated from another region: there are none.
  if (request.master_region && *request.master_region != "ALL" && *request.master_region != context.region)
    return reply;
  const functions::Registry& registry = service.registry();
  const std::size_t limit = page_limit(request.max_items);
  // The marker names the last entry: a function, and with FunctionVersion ALL the number of its version.
  const std::size_t colon = after.find(':');
  const std::string after_name = after.substr(0, colon);
  std::vector<functions::FunctionSnapshot> page;
  if (!request.function_version) {
    page = registry.list(context.account, context.region, after_name, limit + 1);
  } else {
    const auto add_versions = [&](const functions::FunctionKey& key, std::uint64_t number) {
      const auto versions = registry.versions(key, number, limit + 1 - page.size());
      page.insert(page.end(), versions.begin(), versions.end());
    };
    if (colon != std::string::npos) {
      add_versions({context.account, context.region, after_name},
                   functions::version_number(after.substr(colon + 1)).value_or(0));
    }
    for (const auto& function : registry.list(context.account, context.region, after_name, limit + 1)) {
      if (page.size() > limit) break;
      page.push_back(function);
      add_versions(function->key, 0);
    }
  }
  const bool more = page.size() > limit;
  if (more) page.resize(limit);
  for (const auto& function : page) {
    const std::string_view qualifier = request.function_version ? std::string_view(function->version) : "";
    reply.functions->push_back(render(*function, qualifier, ShownState::kLeftOut));
  }
  if (more) {
    const functions::FunctionVersion& last = *page.back();
    reply.next_marker = make_marker(request.function_version ? last.key.name + ":" + last.version : last.key.name);
  }
  return reply;
}

}  // namespace hearth::services::lambda
