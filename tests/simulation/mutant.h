#pragma once
// Mutant: a bug put into the simulated server at one of its seams, to show that the simulation would find it.

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace hearth::simulation {

enum class Mutant : std::uint8_t {
  kNone,
  kAnswersBeforeDurable,  // the store calls everything durable at once
  kTearsBatches,          // a power cut leaves half of a batch
  kSkipsBlobSync,         // packages are named before their bytes are on disk
  kForgetsEvents,         // a start does not take up the events of before
  kLosesRetries,          // an event whose function failed is not run again
  kRunsEventsTwice,       // an event is dispatched twice at once
  kAdmitsTooMany,         // admission is two beyond the limit
  kNeverAnswersFailures,  // who invoked a function that failed waits for ever
  kSwapsAnswers,          // an invocation gets the answer of the one before
  kMixesLogs,             // lines go to the stream of another environment
  kLeaksSandboxes,        // a sandbox is not killed when it is let go
};

struct MutantName {
  Mutant mutant;
  std::string_view name;
};
inline constexpr std::array kMutants = {
    MutantName{Mutant::kAnswersBeforeDurable, "answers-before-durable"},
    MutantName{Mutant::kTearsBatches, "tears-batches"},
    MutantName{Mutant::kSkipsBlobSync, "skips-blob-sync"},
    MutantName{Mutant::kForgetsEvents, "forgets-events"},
    MutantName{Mutant::kLosesRetries, "loses-retries"},
    MutantName{Mutant::kRunsEventsTwice, "runs-events-twice"},
    MutantName{Mutant::kAdmitsTooMany, "admits-too-many"},
    MutantName{Mutant::kNeverAnswersFailures, "never-answers-failures"},
    MutantName{Mutant::kSwapsAnswers, "swaps-answers"},
    MutantName{Mutant::kMixesLogs, "mixes-logs"},
    MutantName{Mutant::kLeaksSandboxes, "leaks-sandboxes"},
};

inline std::optional<Mutant> find_mutant(std::string_view name) {
  for (const MutantName& each : kMutants) {
    if (each.name == name) return each.mutant;
  }
  return std::nullopt;
}

}  // namespace hearth::simulation
