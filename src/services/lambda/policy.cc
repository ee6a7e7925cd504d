#include "services/lambda/policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "policy/document.h"
#include "services/lambda/errors.h"
#include "services/lambda/names.h"
#include "wire/arn.h"

namespace hearth::services::lambda {
namespace {

namespace json = boost::json;

constexpr std::size_t kLargestPolicy = 20'480;  // Lambda quotas: function resource-based policy

std::string_view id_of(const json::value& statement) { return statement.as_object().at("Sid").as_string(); }

// The statements of a document this file has written.
json::array statements_of(std::string_view document) {
  if (document.empty()) return {};
  return json::parse(document).as_object().at("Statement").as_array();
}

std::string write_document(json::array statements) {
  return json::serialize(
      json::object{{"Version", "2012-10-17"}, {"Id", "default"}, {"Statement", std::move(statements)}});
}

std::optional<json::value> principal_of(const std::string& principal, const std::string& resource) {
  if (principal == "*") return json::value("*");
  if (principal.ends_with(".amazonaws.com") || principal.ends_with(".amazonaws.com.cn")) {
    return json::object{{"Service", principal}};
  }
  if (principal.size() == 12 && principal.find_first_not_of("0123456789") == std::string::npos) {
    const auto arn = wire::parse_arn(resource);
    return json::object{{"AWS", fmt::format("arn:{}:iam::{}:root", arn ? arn->partition : "aws", principal)}};
  }
  if (wire::parse_arn(principal)) return json::object{{"AWS", principal}};
  return std::nullopt;
}

json::object conditions_of(const Permission& permission) {
  json::object equals;
  if (permission.source_account) equals["AWS:SourceAccount"] = *permission.source_account;
  if (permission.principal_org_id) equals["aws:PrincipalOrgID"] = *permission.principal_org_id;
  if (permission.event_source_token) equals["lambda:EventSourceToken"] = *permission.event_source_token;
  if (permission.function_url_auth_type) equals["lambda:FunctionUrlAuthType"] = *permission.function_url_auth_type;
  json::object conditions;
  if (!equals.empty()) conditions["StringEquals"] = std::move(equals);
  if (permission.invoked_via_function_url) {
    conditions["Bool"] =
        json::object{{"lambda:InvokedViaFunctionUrl", *permission.invoked_via_function_url ? "true" : "false"}};
  }
  if (permission.source_arn) conditions["ArnLike"] = json::object{{"AWS:SourceArn", *permission.source_arn}};
  return conditions;
}

}  // namespace

Result<AddedStatement> add_statement(std::string_view document, const Permission& permission,
                                     const std::string& resource) {
  json::array statements = statements_of(document);
  for (const json::value& statement : statements) {
    if (id_of(statement) == permission.statement_id) {
      return fail(ErrorKind::kConflict, fmt::format("The statement id ({}) provided already exists. Please provide a "
                                                    "new statement id, or remove the existing statement.",
                                                    permission.statement_id));
    }
  }
  std::optional<json::value> principal = principal_of(permission.principal, resource);
  if (!principal) {
    return fail(ErrorKind::kInvalidParameter,
                "The provided principal was invalid. Please check the principal and try again.");
  }
  if (permission.function_url_auth_type && permission.action != "lambda:InvokeFunctionUrl") {
    return fail(ErrorKind::kInvalidParameter,
                "FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action");
  }
  json::object statement{{"Sid", permission.statement_id},
                         {"Effect", "Allow"},
                         {"Principal", *std::move(principal)},
                         {"Action", permission.action},
                         {"Resource", resource}};
  if (json::object conditions = conditions_of(permission); !conditions.empty())
    statement["Condition"] = std::move(conditions);
  AddedStatement added;
  added.statement = json::serialize(statement);
  if (!policy::parse_document(write_document({statement}), policy::DocumentKind::kResource)) {
    return fail(ErrorKind::kInvalidParameter,
                "The provided principal was invalid. Please check the principal and try again.");
  }
  statements.push_back(std::move(statement));
  added.document = write_document(std::move(statements));
  if (added.document.size() > kLargestPolicy) {
    return fail(ErrorKind::kPolicyTooLarge, fmt::format("The final policy size ({}) is bigger than the limit ({}).",
                                                        added.document.size(), kLargestPolicy));
  }
  return added;
}

Result<std::string> remove_statement(std::string_view document, const std::string& statement_id) {
  if (document.empty()) return fail(ErrorKind::kNotFound, "No policy is associated with the given resource.");
  json::array statements = statements_of(document);
  const auto place = std::find_if(statements.begin(), statements.end(),
                                  [&](const json::value& statement) { return id_of(statement) == statement_id; });
  if (place == statements.end()) {
    return fail(ErrorKind::kNotFound, fmt::format("Statement {} is not found in resource policy.", statement_id));
  }
  statements.erase(place);
  return statements.empty() ? std::string() : write_document(std::move(statements));
}

bool allows_account(std::string_view document, std::string_view account) {
  const json::array statements = statements_of(document);
  return std::any_of(statements.begin(), statements.end(), [&](const json::value& statement) {
    const json::object& body = statement.as_object();
    if (body.contains("Condition")) return false;
    const json::value& principal = body.at("Principal");
    if (principal.is_string()) return principal.as_string() == "*";
    const json::value* arn = principal.as_object().if_contains("AWS");
    const auto parsed = arn && arn->is_string() ? wire::parse_arn(arn->as_string()) : std::nullopt;
    return parsed && parsed->account == account;
  });
}

}  // namespace hearth::services::lambda
