#pragma once
// Errors of the Lambda API: from what failed to how AWS words it.
//
// ErrorKind is this service's own; the other switches are over the enums of the libraries it uses. Every switch is
// exhaustive and without a default, so that a new kind does not compile until it has its words.

#include <string>
#include <string_view>

#include "base/check.h"
#include "base/result.h"
#include "functions/registry.h"
#include "invocation/invoker.h"
#include "storage/store.h"
#include "wire/aws_error.h"
#include "wire/generated/lambda.h"

namespace hearth::services::lambda {

enum class ErrorKind {
  kInvalidParameter,
  kNotFound,
  kConflict,
  kPreconditionFailed,
  kAccessDenied,
  kRequestTooLarge,
  kPolicyTooLarge,
  kInvalidRequestContent,
  kCodeSigningConfigNotFound,
  kNotImplemented,
};

inline wire::AwsError to_aws_error(ErrorKind kind, std::string message) {
  namespace api = wire::lambda;
  switch (kind) {
    case ErrorKind::kInvalidParameter:
      return wire::make_error(api::kInvalidParameterValueException, std::move(message));
    case ErrorKind::kNotFound:
      return wire::make_error(api::kResourceNotFoundException, std::move(message));
    case ErrorKind::kConflict:
      return wire::make_error(api::kResourceConflictException, std::move(message));
    case ErrorKind::kPreconditionFailed:
      return wire::make_error(api::kPreconditionFailedException, std::move(message));
    case ErrorKind::kAccessDenied:
      return {.code = "AccessDeniedException",
              .message = std::move(message),
              .status = 403,
              .message_member = wire::MessageMember::kUpper};
    case ErrorKind::kRequestTooLarge:
      return {.code = "RequestEntityTooLargeException",
              .message = std::move(message),
              .status = 413,
              .message_member = wire::MessageMember::kUpper,
              .with_type = true};
    case ErrorKind::kPolicyTooLarge:
      return wire::make_error(api::kPolicyLengthExceededException, std::move(message));
    case ErrorKind::kInvalidRequestContent:
      return wire::make_error(api::kInvalidRequestContentException, std::move(message));
    case ErrorKind::kCodeSigningConfigNotFound:
      return wire::make_error(api::kCodeSigningConfigNotFoundException, std::move(message));
    case ErrorKind::kNotImplemented:
      return {.code = "NotImplementedException",
              .message = std::move(message),
              .status = 501,
              .fault = wire::Fault::kReceiver};
  }
  check_failed("a known ErrorKind", message);
}

inline wire::AwsError to_aws_error(functions::ErrorKind kind, std::string message) {
  namespace api = wire::lambda;
  switch (kind) {
    case functions::ErrorKind::kNotFound:
      return to_aws_error(ErrorKind::kNotFound, std::move(message));
    case functions::ErrorKind::kAlreadyExists:
    case functions::ErrorKind::kInUse:
    case functions::ErrorKind::kUpdateInProgress:
      return to_aws_error(ErrorKind::kConflict, std::move(message));
    case functions::ErrorKind::kRevisionMismatch:
      return to_aws_error(ErrorKind::kPreconditionFailed, std::move(message));
    case functions::ErrorKind::kHashMismatch:
    case functions::ErrorKind::kBadPackage:
      return to_aws_error(ErrorKind::kInvalidParameter, std::move(message));
    case functions::ErrorKind::kTooLarge:
      return to_aws_error(ErrorKind::kRequestTooLarge, std::move(message));
  }
  check_failed("a known functions::ErrorKind", message);
}

inline wire::AwsError to_aws_error(invocation::ErrorKind kind, std::string message) {
  namespace api = wire::lambda;
  switch (kind) {
    case invocation::ErrorKind::kNotFound:
      return to_aws_error(ErrorKind::kNotFound, std::move(message));
    case invocation::ErrorKind::kPending:
    case invocation::ErrorKind::kFailed:
      return to_aws_error(ErrorKind::kConflict, std::move(message));
    case invocation::ErrorKind::kKeyNotFound:
      return wire::make_error(api::kKMSNotFoundException, std::move(message));
    case invocation::ErrorKind::kThrottled: {
      auto error = wire::make_error(api::kTooManyRequestsException, std::move(message));
      error.members.emplace_back("Reason", "ConcurrentInvocationLimitExceeded");
      return error;
    }
    case invocation::ErrorKind::kReservedThrottled: {
      auto error = wire::make_error(api::kTooManyRequestsException, std::move(message));
      error.members.emplace_back("Reason", "ReservedFunctionConcurrentInvocationLimitExceeded");
      return error;
    }
    case invocation::ErrorKind::kQueueFull: {
      auto error = wire::make_error(api::kTooManyRequestsException, std::move(message));
      error.members.emplace_back("Reason", "CallerRateLimitExceeded");
      return error;
    }
    case invocation::ErrorKind::kTooLarge:
      return to_aws_error(ErrorKind::kRequestTooLarge, std::move(message));
    case invocation::ErrorKind::kNotJson:
      return to_aws_error(ErrorKind::kInvalidRequestContent, std::move(message));
    case invocation::ErrorKind::kUnavailable:
      return wire::make_error(api::kServiceException, std::move(message));
  }
  check_failed("a known invocation::ErrorKind", message);
}

inline wire::AwsError to_aws_error(storage::ErrorKind kind, std::string message) {
  namespace api = wire::lambda;
  switch (kind) {
    // Two changes of one function at once: the client may try again.
    case storage::ErrorKind::kConflict:
      return to_aws_error(ErrorKind::kConflict, std::move(message));
    case storage::ErrorKind::kUnavailable:
    case storage::ErrorKind::kCorrupt:
    case storage::ErrorKind::kLocked:
    case storage::ErrorKind::kForeign:
    case storage::ErrorKind::kIo:
      return wire::make_error(api::kServiceException, std::move(message));
  }
  check_failed("a known storage::ErrorKind", message);
}

inline wire::AwsError to_aws_error(Error error) {
  std::string message = error.message();
  if (const auto kind = error.kind<ErrorKind>()) return to_aws_error(*kind, std::move(message));
  if (const auto kind = error.kind<functions::ErrorKind>()) return to_aws_error(*kind, std::move(message));
  if (const auto kind = error.kind<invocation::ErrorKind>()) return to_aws_error(*kind, std::move(message));
  if (const auto kind = error.kind<storage::ErrorKind>()) return to_aws_error(*kind, std::move(message));
  check_failed("an error of a library that Lambda uses", message);
}

}  // namespace hearth::services::lambda
