// Checks of policy documents, as far as AWS makes them when a policy is stored.

#include <boost/json.hpp>
#include <string>

#include "services/iam/errors.h"
#include "services/iam/service.h"

namespace hearth::services::iam {
namespace {

namespace json = boost::json;

std::unexpected<Error> malformed(std::string message) { return fail(ErrorKind::kMalformedPolicy, std::move(message)); }

bool has_either(const json::object& statement, std::string_view one, std::string_view other) {
  return statement.contains(one) || statement.contains(other);
}

Status check_statement(const json::value& value, DocumentKind kind) {
  if (!value.is_object()) return malformed("Syntax errors in policy.");
  const json::object& statement = value.as_object();
  const json::value* effect = statement.if_contains("Effect");
  if (!effect || !effect->is_string()) return malformed("Missing required field Effect");
  if (effect->as_string() != "Allow" && effect->as_string() != "Deny") {
    return malformed("Invalid effect: " + std::string(effect->as_string()));
  }
  if (kind == DocumentKind::kTrust) {
    if (!has_either(statement, "Principal", "NotPrincipal")) return malformed("Missing required field Principal");
    if (has_either(statement, "Resource", "NotResource")) return malformed("Has prohibited field Resource");
    if (!has_either(statement, "Action", "NotAction")) return malformed("Missing required field Action");
    return {};
  }
  if (has_either(statement, "Principal", "NotPrincipal"))
    return malformed("Policy document should not specify a principal.");
  if (!has_either(statement, "Action", "NotAction")) return malformed("Policy statement must contain actions.");
  if (!has_either(statement, "Resource", "NotResource")) return malformed("Policy statement must contain resources.");
  return {};
}

}  // namespace

Status check_policy_document(std::string_view document, DocumentKind kind) {
  boost::system::error_code error;
  const json::value value = json::parse(document, error);
  if (error || !value.is_object()) {
    return malformed(kind == DocumentKind::kTrust ? "This policy contains invalid Json" : "Syntax errors in policy.");
  }
  const json::object& policy = value.as_object();
  if (const json::value* version = policy.if_contains("Version")) {
    if (!version->is_string() || (version->as_string() != "2012-10-17" && version->as_string() != "2008-10-17")) {
      return malformed("The policy must contain a valid version string");
    }
  }
  const json::value* statements = policy.if_contains("Statement");
  if (!statements) return malformed("Syntax errors in policy.");
  if (!statements->is_array()) return check_statement(*statements, kind);
  for (const json::value& statement : statements->as_array()) TRY_STATUS(check_statement(statement, kind));
  return {};
}

}  // namespace hearth::services::iam
