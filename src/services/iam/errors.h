#pragma once
// Errors of IAM: kinds, and the one place that turns them into AWS's answers.

#include "base/result.h"
#include "storage/store.h"
#include "wire/aws_error.h"

namespace hearth::services::iam {

enum class ErrorKind {
  kNoSuchEntity,  // messages are AWS's
  kEntityExists,
  kDeleteConflict,
  kLimitExceeded,
  kMalformedPolicy,
  kInvalidInput,
  kUnmodifiable,
  kUnsupported,  // known to AWS, not built here; the message names it
};

inline wire::AwsError to_aws_error(const Error& error) {
  if (const auto kind = error.kind<ErrorKind>()) {
    switch (*kind) {
      case ErrorKind::kNoSuchEntity:
        return {.code = "NoSuchEntity", .message = error.message(), .status = 404};
      case ErrorKind::kEntityExists:
        return {.code = "EntityAlreadyExists", .message = error.message(), .status = 409};
      case ErrorKind::kDeleteConflict:
        return {.code = "DeleteConflict", .message = error.message(), .status = 409};
      case ErrorKind::kLimitExceeded:
        return {.code = "LimitExceeded", .message = error.message(), .status = 409};
      case ErrorKind::kMalformedPolicy:
        return {.code = "MalformedPolicyDocument", .message = error.message(), .status = 400};
      case ErrorKind::kInvalidInput:
        return {.code = "InvalidInput", .message = error.message(), .status = 400};
      case ErrorKind::kUnmodifiable:
        return {.code = "UnmodifiableEntity", .message = error.message(), .status = 400};
      case ErrorKind::kUnsupported:
        return {.code = "NotImplemented", .message = error.message(), .status = 501, .fault = wire::Fault::kReceiver};
    }
  }
  if (error.is(storage::ErrorKind::kUnavailable)) {
    return {.code = "ServiceUnavailable", .message = error.message(), .status = 503, .fault = wire::Fault::kReceiver};
  }
  return {.code = "ServiceFailure", .message = error.message(), .status = 500, .fault = wire::Fault::kReceiver};
}

}  // namespace hearth::services::iam
