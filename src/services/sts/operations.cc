#include "services/sts/operations.h"

#include <utility>

#include "services/sts/identity_handlers.h"

namespace hearth::services::sts {
namespace {

template <class Op, class Handler>
Operation operation(std::string_view action, Service& service, Handler handler) {
  const auto resource = [](const RequestContext&, const typename Op::Request& request) -> std::string {
    if constexpr (requires { request.role_arn; }) {
      return request.role_arn;
    } else {
      return "*";
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
      operation<wire::sts::GetSessionToken>("sts:GetSessionToken", service, get_session_token),
  });
}

}  // namespace hearth::services::sts
