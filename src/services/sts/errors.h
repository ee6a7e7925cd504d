#pragma once
// Errors of STS: kinds, and the one place that turns them into AWS's answers.

#include "base/result.h"
#include "storage/store.h"
#include "wire/aws_error.h"

namespace hearth::services::sts {

enum class ErrorKind {
  kInvalid,  // messages are AWS's
  kMalformedPolicy,
  kPackedPolicyTooLarge,
  kUnsupported,  // known to AWS, not built here; the message names it
};

inline wire::AwsError to_aws_error(const Error& error) {
  if (const auto kind = error.kind<ErrorKind>()) {
    switch (*kind) {
      case ErrorKind::kInvalid:
        return {.code = "ValidationError", .message = error.message(), .status = 400};
      case ErrorKind::kMalformedPolicy:
        return {.code = "MalformedPolicyDocument", .message = error.message(), .status = 400};
      case ErrorKind::kPackedPolicyTooLarge:
        return {.code = "PackedPolicyTooLarge", .message = error.message(), .status = 400};
      case ErrorKind::kUnsupported:
        return {.code = "NotImplemented", .message = error.message(), .status = 501, .fault = wire::Fault::kReceiver};
    }
  }
  if (error.is(storage::ErrorKind::kUnavailable)) {
    return {.code = "ServiceUnavailable", .message = error.message(), .status = 503, .fault = wire::Fault::kReceiver};
  }
  return {.code = "InternalFailure", .message = error.message(), .status = 500, .fault = wire::Fault::kReceiver};
}

}  // namespace hearth::services::sts
