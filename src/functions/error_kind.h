#pragma once
// ErrorKind: the ways in which a function or its package is refused.

namespace hearth::functions {

enum class ErrorKind {
  kNotFound,  // no such function
  kAlreadyExists,
  kUpdateInProgress,  // Pending, or LastUpdateStatus InProgress
  kRevisionMismatch,
  kBadPackage,  // message is AWS's
  kTooLarge,    // message is AWS's
};

}  // namespace hearth::functions
