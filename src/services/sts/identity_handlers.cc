#include "services/sts/identity_handlers.h"

#include <utility>

#include "services/sts/errors.h"

namespace hearth::services::sts {
namespace {

constexpr std::int32_t kDefaultRoleSession_s = 3'600;
constexpr std::int32_t kDefaultCallerSession_s = 43'200;

wire::sts::Credentials to_wire(const AssumedRole& made) {
  wire::sts::Credentials credentials;
  credentials.access_key_id = made.credentials.access_key_id;
  credentials.secret_access_key = made.credentials.secret_access_key;
  credentials.session_token = made.credentials.session_token;
  credentials.expiration = made.session.expires;
  return credentials;
}

// Members that would narrow what a session may do; nothing evaluates them, so they are refused rather than ignored.
wire::Outcome<void> refuse(const char* operation, const char* member) {
  return std::unexpected(
      to_aws_error(Error(ErrorKind::kUnsupported, std::string("Hearth does not support the parameter ") + member +
                                                      " of " + operation + " yet")));
}

}  // namespace

wire::Outcome<wire::sts::GetCallerIdentity::Reply> get_caller_identity(Service&, const RequestContext& context,
                                                                       wire::sts::GetCallerIdentity::Request) {
  wire::sts::GetCallerIdentity::Reply reply;
  reply.account = context.caller.account;
  reply.arn = context.caller.arn;
  reply.user_id = context.caller.user_id;
  return reply;
}

wire::Outcome<wire::sts::AssumeRole::Reply> assume_role(Service& service, const RequestContext& context,
                                                        wire::sts::AssumeRole::Request request) {
  const auto given = [](const auto& list) { return list && !list->empty(); };
  const char* refused = request.serial_number                ? "SerialNumber"
                        : request.token_code                 ? "TokenCode"
                        : given(request.transitive_tag_keys) ? "TransitiveTagKeys"
                        : request.source_identity            ? "SourceIdentity"
                        : given(request.provided_contexts)   ? "ProvidedContexts"
                                                             : nullptr;
  if (refused) return std::unexpected(refuse("AssumeRole", refused).error());
  if (given(request.tags)) context.warn("AssumeRole: session tags are not kept");
  const std::chrono::seconds duration(request.duration_seconds.value_or(kDefaultRoleSession_s));
  SessionLimits limits;
  if (request.policy) limits.documents.push_back(*std::move(request.policy));
  if (request.policy_arns) {
    for (auto& policy : *request.policy_arns) limits.policy_arns.push_back(std::move(policy.arn).value_or(""));
  }
  AWS_TRY(const AssumedRole made,
          service.assume_role(request.role_arn, request.role_session_name, duration, std::move(limits)));
  wire::sts::AssumeRole::Reply reply;
  reply.credentials = to_wire(made);
  if (made.session.limits) reply.packed_policy_size = made.packed_percent;
  wire::sts::AssumedRoleUser user;
  user.arn = made.session.arn;
  user.assumed_role_id = made.session.user_id;
  reply.assumed_role_user = std::move(user);
  return reply;
}

wire::Outcome<wire::sts::GetSessionToken::Reply> get_session_token(Service& service, const RequestContext& context,
                                                                   wire::sts::GetSessionToken::Request request) {
  if (request.serial_number || request.token_code) {
    return std::unexpected(refuse("GetSessionToken", request.serial_number ? "SerialNumber" : "TokenCode").error());
  }
  const std::chrono::seconds duration(request.duration_seconds.value_or(kDefaultCallerSession_s));
  wire::sts::GetSessionToken::Reply reply;
  reply.credentials = to_wire(service.session_for_caller(context.caller, duration));
  return reply;
}

wire::Outcome<wire::sts::GetAccessKeyInfo::Reply> get_access_key_info(Service& service, const RequestContext&,
                                                                      wire::sts::GetAccessKeyInfo::Request request) {
  wire::sts::GetAccessKeyInfo::Reply reply;
  AWS_TRY(reply.account, service.account_of_key(request.access_key_id));
  return reply;
}

}  // namespace hearth::services::sts
