#pragma once
// ErrorKind: the ways in which a function or its package is refused.

namespace hearth::functions {

enum class ErrorKind {
  kNotFound,  // no such function, version or alias
  kAlreadyExists,
  kInUse,             // an alias names the version
  kUpdateInProgress,  // Pending, or LastUpdateStatus InProgress
  kRevisionMismatch,
  kHashMismatch,  // the code is not the one that was asked for; message is AWS's
  kBadPackage,    // message is AWS's
  kTooLarge,      // message is AWS's
};

}  // namespace hearth::functions
