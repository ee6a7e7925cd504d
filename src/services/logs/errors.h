#pragma once
// Errors of the CloudWatch Logs service: kinds, and the one place that turns them into AWS's answers.

#include <string>

#include "base/result.h"
#include "storage/store.h"
#include "wire/aws_error.h"

namespace hearth::services::logs {

enum class ErrorKind {
  kGroupNotFound,
  kStreamNotFound,
  kGroupExists,
  kStreamExists,
  kInvalid,      // the message is the answer's
  kUnsupported,  // known to AWS, not built here; the message names it
};

inline wire::AwsError to_aws_error(const Error& error) {
  if (const auto kind = error.kind<ErrorKind>()) {
    switch (*kind) {
      case ErrorKind::kGroupNotFound:
        return {.code = "ResourceNotFoundException", .message = "The specified log group does not exist."};
      case ErrorKind::kStreamNotFound:
        return {.code = "ResourceNotFoundException", .message = "The specified log stream does not exist."};
      case ErrorKind::kGroupExists:
        return {.code = "ResourceAlreadyExistsException", .message = "The specified log group already exists"};
      case ErrorKind::kStreamExists:
        return {.code = "ResourceAlreadyExistsException", .message = "The specified log stream already exists"};
      case ErrorKind::kInvalid:
        return {.code = "InvalidParameterException", .message = error.message()};
      case ErrorKind::kUnsupported:
        return {.code = "NotImplemented", .message = error.message(), .status = 501, .fault = wire::Fault::kReceiver};
    }
  }
  if (error.is(storage::ErrorKind::kUnavailable)) {
    return {.code = "ServiceUnavailableException",
            .message = "The service cannot complete the request.",
            .status = 503,
            .fault = wire::Fault::kReceiver};
  }
  return {.code = "InternalFailure", .message = error.message(), .status = 500, .fault = wire::Fault::kReceiver};
}

}  // namespace hearth::services::logs
