#pragma once
// Trial: one sandbox built for real, with every step of its tier, and ended again.
//
// Machines forbid things in more ways than can be asked for (security modules, seccomp profiles of containers,
// sysctls), so `--describe` finds out by doing. The server starts only with a tier that was tried.

#include "base/result.h"
#include "launcher/cgroups.h"
#include "launcher/sandbox_steps.h"

namespace hearth::launcher {

constexpr const char* kTrialName = "trial";

// A scratch folder of that name exists, in the landlock tier. Error: FailureKind::kFailed, naming the step that was
// refused.
Status try_sandbox(const Machine& machine, const Cgroups& cgroups, uid_t host_uid);

}  // namespace hearth::launcher
