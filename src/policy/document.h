#pragma once
// Document: a policy as typed statements, read once and then evaluated as often as somebody asks.
//
// parse_document() is the only reading of policies: what it accepts is what a service stores, and what it returns is
// what evaluate.h decides with. Nothing in a document is skipped: an element, operator or principal that is not known
// makes it malformed, for half of a policy is another policy.
//
// Path: services/iam, services/lambda, gateway -> here -> glob.h        Tests: document_test.cc

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "policy/glob.h"

namespace hearth::policy {

enum class ErrorKind { kMalformed };  // messages are AWS's

// Which elements a document has: identity policies name resources, trust policies principals, resource policies both.
enum class DocumentKind : std::uint8_t { kIdentity, kTrust, kResource };

enum class Effect : std::uint8_t { kAllow, kDeny };

// Whether an element lists what is meant or what is not.
enum class Sense : std::uint8_t { kListed, kNotListed };

// Text with wildcards and variables such as ${aws:username}.
struct Template {
  struct Piece {
    Glob text;                            // before the variable
    std::string variable;                 // condition key in lower case; empty: none
    std::optional<std::string> fallback;  // when the request has no such key
  };
  std::vector<Piece> pieces;
};

struct Actions {
  Sense sense = Sense::kListed;
  std::vector<Glob> patterns;  // in lower case
};

struct Resources {
  Sense sense = Sense::kListed;
  std::vector<Template> patterns;
};

enum class PrincipalType : std::uint8_t { kEveryone, kAccount, kArn, kService, kOther };

struct PrincipalName {
  PrincipalType type;
  std::string name;  // the account, ARN or service
};

struct Principals {
  Sense sense = Sense::kListed;
  std::vector<PrincipalName> names;
};

enum class Operator : std::uint8_t {
  kStringEquals,
  kStringEqualsIgnoreCase,
  kStringLike,
  kNumericEquals,
  kNumericLessThan,
  kNumericLessThanEquals,
  kNumericGreaterThan,
  kNumericGreaterThanEquals,
  kDateEquals,
  kDateLessThan,
  kDateLessThanEquals,
  kDateGreaterThan,
  kDateGreaterThanEquals,
  kBool,
  kBinaryEquals,
  kIpAddress,
  kArnLike,
  kNull,
};

enum class Quantifier : std::uint8_t { kNone, kForAll, kForAny };

struct Condition {
  Operator op = Operator::kStringEquals;
  Sense sense = Sense::kListed;  // kNotListed: the operator's negation
  Quantifier quantifier = Quantifier::kNone;
  enum class Missing : std::uint8_t { kAsOperator, kPasses } missing = Missing::kAsOperator;  // kPasses: IfExists
  std::string key;                                                                            // in lower case
  std::vector<std::string> values;                                                            // as written
  std::vector<Template> patterns;  // the same, of operators that compare text
};

struct Statement {
  std::string sid;
  Effect effect = Effect::kDeny;
  std::optional<Principals> principals;
  Actions actions;
  std::optional<Resources> resources;  // nothing: the policy's own resource
  std::vector<Condition> conditions;
};

struct Document {
  std::vector<Statement> statements;
};

// Errors: kMalformed.
Result<Document> parse_document(std::string_view text, DocumentKind kind);

std::string to_lower(std::string_view text);

}  // namespace hearth::policy
