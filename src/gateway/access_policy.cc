#include "gateway/access_policy.h"

#include <fmt/format.h>

#include "gateway/signature_errors.h"
#include "wire/arn.h"

namespace hearth::gateway {

std::optional<std::string> OpenAccess::denial(const services::RequestContext&, std::string_view,
                                              const std::string&) const {
  return std::nullopt;
}

std::optional<std::string> OwnAccountAccess::denial(const services::RequestContext& context, std::string_view action,
                                                    const std::string& resource_arn) const {
  const auto arn = wire::parse_arn(resource_arn);
  // "aws" owns the managed policies; resources such as buckets name no account.
  if (!arn || arn->account.empty() || arn->account == "aws" || arn->account == context.caller.account) {
    return std::nullopt;
  }
  return fmt::format("no resource-based policy allows the {} action", action);
}

wire::Outcome<void> RequestAuthorizer::authorize(const services::RequestContext& context, std::string_view action,
                                                 const std::string& resource_arn) {
  if (const auto reason = policy_.denial(context, action, resource_arn)) {
    return std::unexpected(access_denied(protocol_, context.caller.arn, action, resource_arn, *reason));
  }
  return {};
}

}  // namespace hearth::gateway
