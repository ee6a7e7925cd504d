#pragma once
// The file that holds a KeyRing: made at the first start, changed by `hearth rotate-key` alone.
//
// Its bytes and its name are on disk before anything is sealed with its key.
//
// Path: main/serve_command.cc -> here -> storage/file_system.h        Tests: key_file_test.cc

#include <string>

#include "base/result.h"
#include "storage/file_system.h"
#include "storage/key_ring.h"

namespace hearth::storage {

struct KeyFile {
  KeyRing keys;
  bool is_new = false;  // there was none before
};

// Reads the file, or makes it with one new key, mode 0600. Two processes that make it at once get the same key.
// Blocking. Errors: KeyRingError::kBadFile naming the path, ErrorKind::kUnavailable.
Result<KeyFile> open_key_file(const std::string& path, const FileSystem& files);

// Puts a new key before those that are there, durably. Blocking. Errors: as above; kUnavailable if there is no file.
Result<KeyRing> rotate_key_file(const std::string& path, const FileSystem& files);

}  // namespace hearth::storage
