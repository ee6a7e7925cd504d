#include "gateway/signature_errors.h"

#include <fmt/format.h>

#include "base/check.h"

namespace hearth::gateway {
namespace {

// How a protocol's front end words refusals.
enum class Flavour { kRestJson, kJson, kXml };

Flavour flavour_of(wire::Protocol protocol) {
  switch (protocol) {
    case wire::Protocol::kRestJson:
    case wire::Protocol::kRpcV2Cbor:
      return Flavour::kRestJson;
    case wire::Protocol::kJson10:
    case wire::Protocol::kJson11:
      return Flavour::kJson;
    case wire::Protocol::kQuery:
    case wire::Protocol::kRestXml:
    case wire::Protocol::kEc2:
      return Flavour::kXml;
  }
  return Flavour::kRestJson;
}

wire::AwsError make(Flavour flavour, std::string_view json_code, std::string_view xml_code, int xml_status,
                    std::string message) {
  return wire::AwsError{.code = std::string(flavour == Flavour::kXml ? xml_code : json_code),
                        .message = std::move(message),
                        .status = flavour == Flavour::kXml ? xml_status : (flavour == Flavour::kJson ? 400 : 403)};
}

}  // namespace

wire::AwsError refusal_error(wire::Protocol protocol, Refusal refusal, std::string message) {
  const Flavour flavour = flavour_of(protocol);
  switch (refusal) {
    case Refusal::kNoSignature:
      return make(
          flavour, "MissingAuthenticationTokenException", "MissingAuthenticationToken", 403,
          flavour == Flavour::kXml ? "Request is missing Authentication Token" : "Missing Authentication Token");
    case Refusal::kIncomplete:
      return make(flavour, "IncompleteSignatureException", "IncompleteSignature", 400, std::move(message));
    case Refusal::kMismatch:
      return make(flavour, "InvalidSignatureException", "SignatureDoesNotMatch", 403, std::move(message));
    case Refusal::kNotSupported:
      return wire::AwsError{.code = "NotImplementedException",
                            .message = std::move(message),
                            .status = 501,
                            .fault = wire::Fault::kReceiver};
    case Refusal::kUnknownKey:
      return make(flavour, "UnrecognizedClientException", "InvalidClientTokenId", 403,
                  "The security token included in the request is invalid.");
    case Refusal::kExpired:
      return make(flavour, "ExpiredTokenException", "ExpiredToken", 403,
                  "The security token included in the request is expired");
  }
  check_failed("a known refusal", "");
}

wire::AwsError refusal_error(wire::Protocol protocol, const Error& error) {
  const auto kind = error.kind<wire::SigV4Error>();
  HEARTH_CHECK(kind.has_value(), error.message());
  switch (*kind) {
    case wire::SigV4Error::kIncomplete:
      return refusal_error(protocol, Refusal::kIncomplete, error.message());
    case wire::SigV4Error::kMismatch:
      return refusal_error(protocol, Refusal::kMismatch, error.message());
    case wire::SigV4Error::kNotSupported:
      return refusal_error(protocol, Refusal::kNotSupported, error.message());
  }
  check_failed("a known signature error", error.message());
}

wire::AwsError access_denied(wire::Protocol protocol, std::string_view arn, std::string_view action,
                             std::string_view resource, std::string_view reason) {
  return make(flavour_of(protocol), "AccessDeniedException", "AccessDenied", 403,
              fmt::format("User: {} is not authorized to perform: {} on resource: {}{}{}", arn, action, resource,
                          reason.empty() ? "" : " ", reason));
}

}  // namespace hearth::gateway
