#pragma once
// Scratch: folders on disk that stand for /tmp where mounting is not allowed.
//
// One folder per sandbox below a root of the launcher's own. What a function leaves in it is hostile: folders without
// permissions, links, trees deeper than any path. Measuring and removing follow no link, keep a handful of descriptors
// open whatever the depth, and go by descriptor, never by a path that could change meaning.
//
// Tests: scratch_test.cc

#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace hearth::launcher {

struct ScratchUse {
  std::uint64_t bytes = 0;  // on disk
  std::uint64_t entries = 0;
};

// Thread: the launcher has one.
class ScratchRoot {
 public:
  ScratchRoot() = default;
  // Makes `path` if it is missing and empties it. Error: FailureKind::kFailed.
  static Result<ScratchRoot> open(const std::string& path);

  // An empty folder, 0700. Errors: FailureKind::kNoResources, kFailed.
  Status make(const std::string& name) const;
  std::string path_of(const std::string& name) const { return path_ + "/" + name; }
  // What lies in it; stops counting once either limit is passed.
  ScratchUse measure(const std::string& name, const ScratchUse& limit) const;
  // False if something could not be removed; the next start tries again.
  bool remove(const std::string& name) const;

 private:
  std::string path_;
  UniqueFd directory_;
};

}  // namespace hearth::launcher
