#pragma once
// Which barriers a mutant build leaves out. Never part of anything that is installed.

#include <optional>
#include <string>
#include <string_view>

#include "base/barriers.h"

namespace hearth::security {

// "kReadOnlyCode" -> Barrier::kReadOnlyCode.
std::optional<Barrier> barrier_named(std::string_view name);

// Replaces the set of barriers that are left out: names separated by commas. False if one is unknown; then nothing
// changes. At start it is what the environment variable HEARTH_LEFT_OUT says; a wrong name there ends the program.
bool leave_out(std::string_view names);

}  // namespace hearth::security
