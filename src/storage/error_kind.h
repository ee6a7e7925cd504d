#pragma once
// ErrorKind: the ways in which storage fails.

namespace hearth::storage {

enum class ErrorKind {
  kConflict,     // a condition of the batch did not hold; nothing was applied
  kUnavailable,  // disk full or failing: not acknowledged, may or may not survive
  kCorrupt,      // stored bytes do not read back
  kLocked,       // another server owns the data folder
  kForeign,      // the data folder is not ours, or of a newer format
  kIo,           // opening or creating failed; the message has path and errno
};

}  // namespace hearth::storage
