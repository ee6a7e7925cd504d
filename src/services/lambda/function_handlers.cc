#include <fmt/format.h>

#include "base/bytes.h"
#include "services/lambda/errors.h"
#include "services/lambda/handlers.h"
#include "services/lambda/render.h"
#include "services/operation_table.h"

namespace hearth::services::lambda {
namespace {

namespace api = wire::lambda;

constexpr std::size_t kPageSize = 50;  // ListFunctions gives at most 50 whatever MaxItems says

// A function has one ARN, but shows the qualifier that the caller named.
ArnForm arn_form(const FunctionRef& ref) { return ref.qualifier.empty() ? ArnForm::kPlain : ArnForm::kQualified; }

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
  CO_AWS_TRY(std::string zip, take_package(request.code));
  CO_AWS_TRY(Settings settings, read_settings(context, request));
  std::map<std::string, std::string> tags = std::move(request.tags).value_or(std::map<std::string, std::string>());
  CO_AWS_TRY(const auto created,
             co_await service.create(context, std::move(ref), std::move(settings), std::move(tags), std::move(zip)));
  co_return render(*created);
}

Handled<api::GetFunctionResponse> get_function(LambdaService& service, const RequestContext& context,
                                               api::GetFunctionRequest request) {
  AWS_TRY(const FunctionRef ref, resolve_name(context, "lambda:GetFunction", request.function_name, request.qualifier));
  AWS_TRY(const auto function, service.get(ref));
  api::GetFunctionResponse reply;
  reply.configuration = render(*function, arn_form(ref));
  reply.code = api::FunctionCodeLocation{};
  reply.code->repository_type = "S3";
  reply.code->location = service.links().link(function->code.blob, context.endpoint);
  if (auto tags = service.registry().tags(ref.key); !tags.empty()) reply.tags = std::move(tags);
  return reply;
}

Handled<api::FunctionConfiguration> get_function_configuration(LambdaService& service, const RequestContext& context,
                                                               api::GetFunctionConfigurationRequest request) {
  AWS_TRY(const FunctionRef ref,
          resolve_name(context, "lambda:GetFunctionConfiguration", request.function_name, request.qualifier));
  AWS_TRY(const auto function, service.get(ref));
  return render(*function, arn_form(ref));
}

HandledLater<api::FunctionConfiguration> update_function_code(LambdaService& service, const RequestContext& context,
                                                              api::UpdateFunctionCodeRequest request) {
  CO_AWS_TRY(FunctionRef ref, resolve_name(context, "lambda:UpdateFunctionCode", request.function_name));
  CO_AWS_TRY_STATUS(check_latest(ref));
  CO_AWS_TRY_STATUS(service.get(ref));
  CO_AWS_TRY_STATUS(check_publish(request));
  LambdaService::CodeUpdate update;
  CO_AWS_TRY(update.zip, take_package(request));
  if (request.architectures && !request.architectures->empty()) update.architecture = request.architectures->front();
  update.revision_id = std::move(request.revision_id);
  update.run = request.dry_run.value_or(false) ? LambdaService::Run::kDry : LambdaService::Run::kReal;
  CO_AWS_TRY(const auto updated, co_await service.update_code(context, std::move(ref), std::move(update)));
  co_return render(*updated);
}

HandledLater<api::FunctionConfiguration> update_function_configuration(
    LambdaService& service, const RequestContext& context, api::UpdateFunctionConfigurationRequest request) {
  CO_AWS_TRY(FunctionRef ref, resolve_name(context, "lambda:UpdateFunctionConfiguration", request.function_name));
  CO_AWS_TRY_STATUS(check_latest(ref));
  CO_AWS_TRY_STATUS(service.get(ref));
  CO_AWS_TRY(Settings settings, read_settings(context, request));
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
  AWS_TRY_STATUS(check_latest(ref));
  AWS_TRY_STATUS(service.remove(ref));
  return api::DeleteFunctionResponse{.status_code = 204};
}

Handled<api::ListFunctionsResponse> list_functions(LambdaService& service, const RequestContext& context,
                                                   api::ListFunctionsRequest request) {
  std::string after;
  if (request.marker && !request.marker->empty()) {
    const auto decoded = base64_decode(*request.marker);
    if (!decoded)
      return std::unexpected(
          to_aws_error(ErrorKind::kInvalidParameter, "The marker is not one that this operation gave."));
    after = *decoded;
  }
  const std::size_t limit = std::min(kPageSize, static_cast<std::size_t>(request.max_items.value_or(kPageSize)));
  const ArnForm form =
      request.function_version ? ArnForm::kQualified : ArnForm::kPlain;  // ALL: versions, each by its ARN
  api::ListFunctionsResponse reply;
  reply.functions.emplace();
  // Functions replicated from another region: there are none.
  if (request.master_region && *request.master_region != "ALL" && *request.master_region != context.region)
    return reply;
  auto page = service.registry().list(context.account, context.region, after, limit + 1);
  const bool more = page.size() > limit;
  if (more) page.pop_back();
  for (const auto& function : page) reply.functions->push_back(render(*function, form, ShownState::kLeftOut));
  if (more) reply.next_marker = base64_encode(page.back()->key.name);
  return reply;
}

Handled<api::ListVersionsByFunctionResponse> list_versions_by_function(LambdaService& service,
                                                                       const RequestContext& context,
                                                                       api::ListVersionsByFunctionRequest request) {
  AWS_TRY(FunctionRef ref, resolve_name(context, "lambda:ListVersionsByFunction", request.function_name));
  ref.qualifier.clear();  // all versions, whichever was named
  AWS_TRY(const auto function, service.get(ref));
  api::ListVersionsByFunctionResponse reply;
  reply.versions.emplace();
  reply.versions->push_back(render(*function, ArnForm::kQualified, ShownState::kLeftOut));
  return reply;
}

}  // namespace hearth::services::lambda
