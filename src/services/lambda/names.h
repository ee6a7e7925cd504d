#pragma once
// FunctionRef: which function a request means, from a name, a partial ARN or a full ARN, with or without a qualifier.
//
// The forms have passed the constraint checks of the wire layer. What is checked here is what AWS checks next: the
// region and account of an ARN are those of the request, and two qualifiers agree.
//
// Tests: names_test.cc

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "functions/function.h"
#include "services/request_context.h"

namespace hearth::services::lambda {

inline constexpr std::string_view kLatest = "$LATEST";

struct FunctionRef {
  functions::FunctionKey key;
  std::string qualifier;  // empty: none was given

  // "arn:aws:lambda:REGION:ACCOUNT:function:NAME", without and with the qualifier.
  std::string arn() const;
  std::string qualified_arn() const;
  bool is_latest() const { return qualifier.empty() || qualifier == kLatest; }
};

// `action` ("lambda:GetFunction") is named in the refusal of another account's function.
// Errors: ErrorKind::kNotFound (another region), kAccessDenied (another account), kInvalidParameter (two qualifiers).
Result<FunctionRef> resolve_name(const RequestContext& context, std::string_view action, std::string_view function_name,
                                 const std::optional<std::string>& qualifier = std::nullopt);

// The same of operations that know no versions and no aliases. Errors: also kInvalidParameter (a qualifier).
Result<FunctionRef> resolve_unqualified(const RequestContext& context, std::string_view action,
                                        std::string_view function_name);

// The function a full ARN names, of whichever region and account. Nothing if it is none.
std::optional<FunctionRef> parse_function_arn(std::string_view arn);

// The ARN that authorisation is asked about: as the caller named it, never failing.
std::string resource_arn(const RequestContext& context, std::string_view function_name,
                         const std::optional<std::string>& qualifier = std::nullopt);

// A qualifier that can only be an alias: no version number, none of the characters that aliases do not have.
bool names_alias(std::string_view qualifier);

// "aws", "aws-cn" or "aws-us-gov".
std::string_view partition_of(std::string_view region);

}  // namespace hearth::services::lambda
