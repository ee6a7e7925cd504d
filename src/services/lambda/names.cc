#include "services/lambda/names.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "services/lambda/errors.h"

namespace hearth::services::lambda {
namespace {

bool is_account(std::string_view part) {
  return part.size() == 12 && part.find_first_not_of("0123456789") == std::string_view::npos;
}

// "eu-west-1", "us-gov-east-1", "eusc-de-east-1": words of letters, then one digit.
bool is_region(std::string_view part) {
  const std::size_t dash = part.rfind('-');
  if (dash == std::string_view::npos || dash + 2 != part.size() || part.back() < '0' || part.back() > '9') return false;
  const std::string_view words = part.substr(0, dash);
  return words.find('-') != std::string_view::npos &&
         words.find_first_not_of("abcdefghijklmnopqrstuvwxyz-") == std::string_view::npos;
}

struct NameParts {
  std::string_view region;
  std::string_view account;
  std::string_view name;
  std::string_view qualifier;
};

NameParts split_name(std::string_view text) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t colon = text.find(':');
    parts.push_back(text.substr(0, colon));
    if (colon == std::string_view::npos) break;
    text.remove_prefix(colon + 1);
  }
  std::size_t at = 0;
  const auto left = [&] { return parts.size() - at; };
  NameParts name;
  if (parts[0] == "arn" && parts.size() > 3) at = 3;  // arn, partition, lambda
  if (left() > 1 && is_region(parts[at])) name.region = parts[at++];
  if (left() > 1 && is_account(parts[at])) name.account = parts[at++];
  if (left() > 1 && parts[at] == "function") ++at;
  name.name = parts[at++];
  if (left() > 0) name.qualifier = parts[at];
  return name;
}

FunctionRef ref_of(const RequestContext& context, const NameParts& name, const std::optional<std::string>& qualifier) {
  FunctionRef ref;
  ref.key.account = name.account.empty() ? context.account : std::string(name.account);
  ref.key.region = name.region.empty() ? context.region : std::string(name.region);
  ref.key.name = name.name;
  ref.qualifier = !name.qualifier.empty() ? std::string(name.qualifier) : qualifier.value_or("");
  return ref;
}

}  // namespace

bool names_alias(std::string_view qualifier) {
  return !qualifier.empty() && qualifier.find('$') == std::string_view::npos &&
         qualifier.find_first_not_of("0123456789") != std::string_view::npos;
}

std::string_view partition_of(std::string_view region) {
  if (region.starts_with("cn-")) return "aws-cn";
  if (region.starts_with("us-gov-")) return "aws-us-gov";
  if (region.starts_with("eusc-")) return "aws-eusc";
  return "aws";
}

std::string FunctionRef::arn() const {
  return fmt::format("arn:{}:lambda:{}:{}:function:{}", partition_of(key.region), key.region, key.account, key.name);
}

std::string FunctionRef::qualified_arn() const { return qualifier.empty() ? arn() : arn() + ":" + qualifier; }

Result<FunctionRef> resolve_name(const RequestContext& context, std::string_view action, std::string_view function_name,
                                 const std::optional<std::string>& qualifier) {
  const NameParts name = split_name(function_name);
  const FunctionRef ref = ref_of(context, name, qualifier);
  if (ref.key.region != context.region) {
    return fail(ErrorKind::kNotFound, fmt::format("Functions from '{}' are not reachable in this region ('{}')",
                                                  ref.key.region, context.region));
  }
  if (ref.key.account != context.account) {
    return fail(ErrorKind::kAccessDenied, fmt::format("User: {} is not authorized to perform: {} on resource: {} "
                                                      "because no resource-based policy allows the {} action",
                                                      context.caller.arn, action, ref.qualified_arn(), action));
  }
  if (!name.qualifier.empty() && qualifier && !qualifier->empty() && *qualifier != name.qualifier) {
    return fail(ErrorKind::kInvalidParameter,
                "The derived qualifier from the function name does not match the specified qualifier.");
  }
  return ref;
}

Result<FunctionRef> resolve_unqualified(const RequestContext& context, std::string_view action,
                                        std::string_view function_name) {
  TRY(FunctionRef ref, resolve_name(context, action, function_name));
  if (ref.qualifier.empty()) return ref;
  return fail(
      ErrorKind::kInvalidParameter,
      "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. "
      "Please specify either a function name or an unqualified function ARN.");
}

std::optional<FunctionRef> parse_function_arn(std::string_view arn) {
  if (!arn.starts_with("arn:") || arn.find(":function:") == std::string_view::npos) return std::nullopt;
  const NameParts name = split_name(arn);
  if (name.region.empty() || name.account.empty() || name.name.empty()) return std::nullopt;
  return FunctionRef{{std::string(name.account), std::string(name.region), std::string(name.name)},
                     std::string(name.qualifier)};
}

std::string resource_arn(const RequestContext& context, std::string_view function_name,
                         const std::optional<std::string>& qualifier) {
  return ref_of(context, split_name(function_name), qualifier).qualified_arn();
}

}  // namespace hearth::services::lambda
