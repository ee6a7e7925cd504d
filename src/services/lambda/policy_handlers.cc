#include <fmt/format.h>

#include "services/lambda/errors.h"
#include "services/lambda/handlers.h"
#include "services/lambda/policy.h"
#include "services/operation_table.h"

namespace hearth::services::lambda {
namespace {

namespace api = wire::lambda;

Status no_policies_for_latest(const FunctionRef& ref) {
  if (ref.qualifier != kLatest) return {};
  return fail(ErrorKind::kInvalidParameter, "We currently do not support adding policies for $LATEST.");
}

Status check_alias(LambdaService& service, const FunctionRef& ref) {
  if (!names_alias(ref.qualifier) || service.registry().alias(ref.key, ref.qualifier)) return {};
  return fail(ErrorKind::kNotFound, fmt::format("Cannot find alias arn: {}", ref.qualified_arn()));
}

Status check_revision(const std::optional<std::string>& given, const std::string& current, std::string_view where) {
  if (!given || *given == current) return {};
  return fail(ErrorKind::kPreconditionFailed, fmt::format("The Revision Id provided does not match the latest Revision "
                                                          "Id. Call the {} API to retrieve the latest Revision Id",
                                                          where));
}

}  // namespace

Handled<api::AddPermissionResponse> add_permission(LambdaService& service, const RequestContext& context,
                                                   api::AddPermissionRequest request) {
  AWS_TRY(const FunctionRef ref,
          resolve_name(context, "lambda:AddPermission", request.function_name, request.qualifier));
  AWS_TRY_STATUS(no_policies_for_latest(ref));
  AWS_TRY_STATUS(service.get({ref.key, {}}));
  AWS_TRY_STATUS(check_alias(service, ref));
  AWS_TRY_STATUS(service.get(ref));
  const functions::Registry::Policy former = service.registry().policy(ref.key, ref.qualifier);
  AWS_TRY_STATUS(check_revision(request.revision_id, former.revision_id, "GetPolicy"));
  const Permission permission{.statement_id = std::move(request.statement_id),
                              .action = std::move(request.action),
                              .principal = std::move(request.principal),
                              .source_arn = std::move(request.source_arn),
                              .source_account = std::move(request.source_account),
                              .event_source_token = std::move(request.event_source_token),
                              .principal_org_id = std::move(request.principal_org_id),
                              .function_url_auth_type = std::move(request.function_url_auth_type),
                              .invoked_via_function_url = request.invoked_via_function_url};
  AWS_TRY(AddedStatement added, add_statement(former.document, permission, ref.qualified_arn()));
  AWS_TRY_STATUS(service.registry().set_policy(ref.key, ref.qualifier, std::move(added.document)));
  return api::AddPermissionResponse{.statement = std::move(added.statement)};
}

Handled<api::GetPolicyResponse> get_policy(LambdaService& service, const RequestContext& context,
                                           api::GetPolicyRequest request) {
  AWS_TRY(const FunctionRef ref, resolve_name(context, "lambda:GetPolicy", request.function_name, request.qualifier));
  auto policy = service.registry().policy(ref.key, ref.qualifier);
  if (policy.document.empty()) {
    return std::unexpected(to_aws_error(ErrorKind::kNotFound, "The resource you requested does not exist."));
  }
  return api::GetPolicyResponse{.policy = std::move(policy.document), .revision_id = std::move(policy.revision_id)};
}

Handled<api::RemovePermissionResponse> remove_permission(LambdaService& service, const RequestContext& context,
                                                         api::RemovePermissionRequest request) {
  AWS_TRY(const FunctionRef ref,
          resolve_name(context, "lambda:RemovePermission", request.function_name, request.qualifier));
  if (!service.registry().latest(ref.key)) {
    return std::unexpected(
        to_aws_error(ErrorKind::kNotFound, fmt::format("No policy found for: {}", ref.qualified_arn())));
  }
  AWS_TRY_STATUS(check_alias(service, ref));
  AWS_TRY_STATUS(service.get(ref));
  const functions::Registry::Policy former = service.registry().policy(ref.key, ref.qualifier);
  AWS_TRY(std::string document, remove_statement(former.document, request.statement_id));
  AWS_TRY_STATUS(check_revision(request.revision_id, former.revision_id, "GetFunction/GetAlias"));
  AWS_TRY_STATUS(service.registry().set_policy(ref.key, ref.qualifier, std::move(document)));
  return api::RemovePermissionResponse{};
}

}  // namespace hearth::services::lambda
