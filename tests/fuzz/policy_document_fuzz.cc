// Policy documents: those a client gives to IAM, and the resource policies that are grown from a client's words.
// Lines: statement id, principal, source ARN; the rest is a document.
#include <boost/json.hpp>

#include "fuzz.h"
#include "services/iam/service.h"
#include "services/lambda/policy.h"

using namespace hearth;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  services::lambda::Permission permission;
  permission.statement_id = input.line();
  permission.principal = input.line();
  permission.source_arn = input.line();
  permission.action = "lambda:InvokeFunction";
  const std::string document = input.rest();

  for (const auto kind : {services::iam::DocumentKind::kTrust, services::iam::DocumentKind::kIdentity}) {
    if (!services::iam::check_policy_document(document, kind)) continue;
    // What is accepted is accepted however its JSON is spelt.
    const std::string respelt = boost::json::serialize(boost::json::parse(document));
    FUZZ_REQUIRE(services::iam::check_policy_document(respelt, kind).has_value());
  }

  // Members of a decoded request are UTF-8.
  if (!fuzz::is_utf8(permission.statement_id) || !fuzz::is_utf8(permission.principal) ||
      !fuzz::is_utf8(*permission.source_arn))
    return 0;
  const std::string resource = "arn:aws:lambda:eu-west-1:123456789012:function:f";
  const auto first = services::lambda::add_statement("", permission, resource);
  if (!first) return 0;
  FUZZ_REQUIRE(!services::lambda::add_statement(first->document, permission, resource));  // the id is taken
  services::lambda::Permission other = permission;
  other.statement_id += "-2";
  const auto second = services::lambda::add_statement(first->document, other, resource);
  if (!second) return 0;  // too large
  const auto removed = services::lambda::remove_statement(second->document, other.statement_id);
  FUZZ_REQUIRE(removed && *removed == first->document);
  const auto emptied = services::lambda::remove_statement(*removed, permission.statement_id);
  FUZZ_REQUIRE(emptied && emptied->empty());
  return 0;
}
