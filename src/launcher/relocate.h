#pragma once
// Relocate: a request as it must read where a sandbox has no file tree and no network of its own.
//
// Elsewhere every function finds its code at /var/task and its Runtime API at port 9001. Where nothing can be mounted
// it runs from the real folders and has ports of its own, so paths in its command line and variables are replaced by
// the places they stand for. A variable is taken for a list of paths separated by colons; text that only mentions such
// a path inside of something else stays as it is.
//
// Tests: relocate_test.cc

#include <cstdint>
#include <string>

#include "launcher/protocol.h"

namespace hearth::launcher {

// What one sandbox has instead of what is at the same place in all.
struct OwnPlaces {
  std::string tmp;  // for /tmp; also becomes TMPDIR, unless the function has one
  std::uint16_t runtime_api_port = 0;
  std::uint16_t http_port = 0;
};

// Mount destinations become their sources, the longest that fits first.
CreateMessage relocate(CreateMessage request, const OwnPlaces& places);

}  // namespace hearth::launcher
