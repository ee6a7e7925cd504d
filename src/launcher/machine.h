#pragma once
// Machine: what isolation this kernel allows this process, found out by trying it.
//
// A mechanism without which sandboxes would not be apart (root, namespaces, seccomp) is an error with one sentence.
// What only thickens the walls (Landlock, a user namespace) or only limits (cgroup controllers) may be missing; each
// missing one is a warning that the server shows.

#include <string>
#include <vector>

#include "base/result.h"
#include "launcher/cgroups.h"
#include "launcher/sandbox_steps.h"

namespace hearth::launcher {

// Error: FailureKind::kFailed, a sentence for people. Call after build_base_root(), with full privileges.
Result<Machine> probe_machine(uid_t some_host_uid);

// What a hello says: mechanisms in force, and what is missing.
HelloMessage describe(const Machine& machine, const Cgroups& cgroups);
// The same as JSON.
std::string to_json(const HelloMessage& hello);

}  // namespace hearth::launcher
