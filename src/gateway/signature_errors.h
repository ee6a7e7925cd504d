#pragma once
// Refusals of a caller's identity, in the code and status of each protocol.
//
// AWS words the same refusal differently by protocol: a wrong signature is InvalidSignatureException with 403 on
// rest-json and 400 on json, and SignatureDoesNotMatch with 403 on query. Tests: authenticate_test.cc

#include <string>

#include "wire/aws_error.h"
#include "wire/service_model.h"
#include "wire/sigv4.h"

namespace hearth::gateway {

enum class Refusal {
  kNoSignature,
  kIncomplete,
  kMismatch,      // also a stale clock and a wrong scope
  kNotSupported,  // a signing method that is not built yet
  kUnknownKey,    // also a session token that does not belong to the key
  kExpired,       // the session's credentials
};

// `message` is used where AWS's text depends on the request; otherwise it is AWS's fixed sentence.
wire::AwsError refusal_error(wire::Protocol protocol, Refusal refusal, std::string message = {});
// The same for an error of wire/sigv4.h.
wire::AwsError refusal_error(wire::Protocol protocol, const Error& error);
// AccessDenied: `arn` may not perform `action` on `resource`. `reason`: "because ..." or "with ..."; may be empty.
wire::AwsError access_denied(wire::Protocol protocol, std::string_view arn, std::string_view action,
                             std::string_view resource, std::string_view reason);

}  // namespace hearth::gateway
