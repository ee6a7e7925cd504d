#pragma once
// RuntimeFiles: the runtime clients (runtimes/ in the source tree), carried inside the binary and written to the data
// folder, from where sandboxes bind them at /var/runtime.
//
// The folder is named by the hash of its content and made by renaming a complete one, so that a server started from
// another build never changes what a living sandbox sees, and a half-written folder is never used.
//
// Path: main -> here -> runtime_catalog_system.h        Tests: runtime_files_test.cc

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hearth::environment {

enum class RuntimeFilesError { kIo };  // the message names the path and errno

struct EmbeddedFile {
  std::string_view name;  // "python/bootstrap.py"
  std::string_view content;
};

// The files built into this binary.
std::span<const EmbeddedFile> embedded_runtime_files();

class RuntimeFiles {
 public:
  // Makes sure that ROOT/client-HASH holds `files` exactly, and removes clients of other builds. Files are
  // world-readable. `root` exists. Errors: kIo.
  static Result<RuntimeFiles> install(const std::string& root,
                                      std::span<const EmbeddedFile> files = embedded_runtime_files());

  // Folders to bind at /var/runtime.
  std::string python() const { return folder_ + "/python"; }
  std::string nodejs() const { return folder_ + "/nodejs"; }
  const std::string& folder() const { return folder_; }

 private:
  explicit RuntimeFiles(std::string folder) : folder_(std::move(folder)) {}

  std::string folder_;
};

}  // namespace hearth::environment
