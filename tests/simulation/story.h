#pragma once
// Story: one simulation, from its seed: several lives of the server on one machine, with clients and misfortunes.
//
// Each life starts the server on what the one before left on disk, checks every promise made until then, lets clients
// work while things go wrong, and ends by a power cut or by being told to stop. The last one ends in peace: misfortunes
// cease, and everything must come to rest and be accounted for.

#include <cstdint>
#include <string>
#include <vector>

#include "mutant.h"
#include "trace.h"

namespace hearth::simulation {

struct StoryOptions {
  std::uint64_t seed = 1;
  std::uint64_t steps = 200;  // things that clients do, over all lives
  Mutant mutant = Mutant::kNone;
  Trace::Printing printing = Trace::Printing::kNo;
};

struct StoryEnd {
  std::string trace_hash;
  std::uint64_t lines = 0;
  std::vector<std::string> violations;
  std::uint64_t invocations = 0;
  std::uint64_t runs = 0;
  std::uint64_t lives = 0;
  std::uint64_t virtual_seconds = 0;
};

// Runs it in the current folder, which should be empty. Once per process: what a power cut left undone stays.
StoryEnd tell(const StoryOptions& options);

}  // namespace hearth::simulation
