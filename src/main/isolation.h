#pragma once
// Isolation: which tier of walls the server runs with, settled before anything is started.
//
// The launcher is asked to build one sandbox of a tier for real (`hearth-launcher --describe`) and says what stands in
// the way. A tier that was asked for and cannot be had ends the start with that sentence; "auto" takes the strongest
// that can be had, and keeps the reasons against the others to be shown.
//
// Path: main/serve_command.cc -> here -> supervisor.h        Tests: tests/e2e/test_isolation.py

#include <string>
#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "main/supervisor.h"

namespace hearth::main {

struct ChosenIsolation {
  std::string tier;                             // as the launcher names it
  std::vector<std::string> launcher_arguments;  // that ask for it
  SupervisorOptions::Launcher launcher = SupervisorOptions::Launcher::kAsStarted;
  std::vector<std::string> notes;  // why no stronger one is in force
};

// `options` without what is chosen here. Errors: CommandError::kNoIsolation, one sentence per tier that was tried.
Result<ChosenIsolation> choose_isolation(const config::Config& config, const SupervisorOptions& options,
                                         const std::string& data_folder);

}  // namespace hearth::main
