#include "services/sts/operations.h"

#include <utility>

#include "services/sts/identity_handlers.h"

namespace hearth::services::sts {
namespace {

ConditionKeys keys_of(const wire::sts::AssumeRoleRequest& request) {
  ConditionKeys keys{{"sts:RoleSessionName", {request.role_session_name}}};
  if (request.external_id) keys.push_back({"sts:ExternalId", {*request.external_id}});
  return keys;
}

// Who somebody is and a session of one's own need no permission on AWS either.
template <class Op, class Handler>
Operation operation(std::string_view action, Service& service, Handler handler) {
  const auto resource = [](const RequestContext&, const typename Op::Request& request) -> Needs {
    if constexpr (requires { request.role_arn; }) {
      return {request.role_arn, keys_of(request)};
    } else {
      return Needs::nothing();
    }
  };
  return services::operation<Op>(action, resource,
                                 [&service, handler](const RequestContext& context, typename Op::Request request) {
                                   return handler(service, context, std::move(request));
                                 });
}

}  // namespace

OperationTable make_operations(Service& service) {
  return OperationTable({
      operation<wire::sts::GetCallerIdentity>("sts:GetCallerIdentity", service, get_caller_identity),
      operation<wire::sts::AssumeRole>("sts:AssumeRole", service, assume_role),
      services::operation<wire::sts::GetAccessKeyInfo>(
          "sts:GetAccessKeyInfo",
          [](const RequestContext&, const wire::sts::GetAccessKeyInfoRequest&) { return std::string("*"); },
          [&service](const RequestContext& context, wire::sts::GetAccessKeyInfoRequest request) {
            return get_access_key_info(service, context, std::move(request));
          }),
      operation<wire::sts::GetSessionToken>("sts:GetSessionToken", service, get_session_token),
  });
}

}  // namespace hearth::services::sts
