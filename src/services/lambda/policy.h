#pragma once
// Resource policies: the documents that AddPermission grows and RemovePermission shrinks, as AWS renders them.
//
// Tests: policy_test.cc

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hearth::services::lambda {

struct Permission {
  std::string statement_id;
  std::string action;
  std::string principal;
  std::optional<std::string> source_arn;
  std::optional<std::string> source_account;
  std::optional<std::string> event_source_token;
  std::optional<std::string> principal_org_id;
  std::optional<std::string> function_url_auth_type;
  std::optional<bool> invoked_via_function_url;
};

struct AddedStatement {
  std::string statement;  // as JSON
  std::string document;   // the whole policy with it
};

// Adds to `document` (empty: none yet). Errors: ErrorKind::kConflict (the id is taken), kInvalidParameter (principal),
// kPolicyTooLarge (20 KB).
Result<AddedStatement> add_statement(std::string_view document, const Permission& permission,
                                     const std::string& resource);
// The document without the statement; empty when it was the last. Errors: ErrorKind::kNotFound.
Result<std::string> remove_statement(std::string_view document, const std::string& statement_id);

// Whether a layer version's policy lets `account` use it. Conditions ask about organizations, which nobody is in here.
bool allows_account(std::string_view document, std::string_view account);

}  // namespace hearth::services::lambda
