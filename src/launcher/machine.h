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

// How many owners' functions a launcher may be asked to run side by side.
enum class Tenancy : std::uint8_t { kSeveral, kSingle };

// What may be asked of a tier on a kernel with this Landlock. Error: FailureKind::kFailed, a sentence for people.
Status check_landlock(Tier tier, int abi, Tenancy tenancy);

// Error: FailureKind::kFailed, a sentence for people. Call after build_base_root(), with full privileges.
// `some_host_uid`: one that sandboxes will get.
Result<Machine> probe_machine(Tier tier, Tenancy tenancy, const Cgroups& cgroups, uid_t some_host_uid);

// What a hello says: mechanisms in force, and what is missing.
HelloMessage describe(const Machine& machine, const Cgroups& cgroups);
// The same as JSON.
std::string to_json(const HelloMessage& hello);

}  // namespace hearth::launcher
