#pragma once
// Small files of the gateway in the data folder: keys, certificates, trust bundles.

#include <sys/stat.h>

#include <string>
#include <string_view>

#include "base/result.h"

namespace hearth::gateway {

enum class FileError {
  kMissing,
  kIo,  // message has path and errno
};

// The whole file. Errors: kMissing, kIo.
Result<std::string> read_file(const std::string& path);
// Writes beside, syncs, renames over `path` and syncs the folder, so that readers see the old or the new bytes, whole.
// Errors: kIo.
Status write_file_atomically(const std::string& path, std::string_view bytes, mode_t mode);

}  // namespace hearth::gateway
