// Roles that IAM knows and whose trust policy names the service.

#include <boost/json.hpp>

#include "services/iam/service.h"

namespace hearth::services::iam {
namespace {

namespace json = boost::json;

bool names(const json::value& value, std::string_view service) {
  if (value.is_string()) return value.as_string() == service;
  if (!value.is_array()) return false;
  for (const json::value& item : value.as_array()) {
    if (item.is_string() && item.as_string() == service) return true;
  }
  return false;
}

bool statement_trusts(const json::value& value, std::string_view service) {
  if (!value.is_object()) return false;
  const json::object& statement = value.as_object();
  const json::value* effect = statement.if_contains("Effect");
  const json::value* principal = statement.if_contains("Principal");
  if (!effect || !effect->is_string() || effect->as_string() != "Allow" || !principal || !principal->is_object())
    return false;
  const json::value* named = principal->as_object().if_contains("Service");
  return named && names(*named, service);
}

}  // namespace

RoleAnswer KnownRoles::ask(const std::string& role_arn, const std::string& service) const {
  const auto role = iam_.find_role_by_arn(role_arn);
  if (!role) return RoleAnswer::kMissing;
  boost::system::error_code error;
  const json::value policy = json::parse(role->trust_policy, error);
  const json::value* statements = !error && policy.is_object() ? policy.as_object().if_contains("Statement") : nullptr;
  if (!statements) return RoleAnswer::kNotTrusted;
  if (statement_trusts(*statements, service)) return RoleAnswer::kAssumable;
  if (!statements->is_array()) return RoleAnswer::kNotTrusted;
  for (const json::value& statement : statements->as_array()) {
    if (statement_trusts(statement, service)) return RoleAnswer::kAssumable;
  }
  return RoleAnswer::kNotTrusted;
}

}  // namespace hearth::services::iam
