#pragma once
// Sandbox steps: everything that is done to build one sandbox, in order.
//
// start_sandbox() is the launcher's half: it gathers what the child needs and clones it. The child's half is the table
// kSteps in sandbox_steps.cc: one row per step, run top to bottom, each 0 or an errno; the first failure is reported
// with the row's name and the child ends. Read that table first. A tier is the rows marked for it.

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "launcher/base_root.h"
#include "launcher/cgroups.h"
#include "launcher/mounts.h"
#include "launcher/network.h"
#include "launcher/protocol.h"
#include "launcher/scratch.h"
#include "launcher/seccomp.h"
#include "launcher/tier.h"

namespace hearth::launcher {

// What all sandboxes of one launcher share. Asked and built once, at start.
struct Machine {
  Tier tier = Tier::kNamespace;
  uid_t own_uid = 0;  // of the launcher, outside of any user namespace it made
  SeccompFilter filter;
  std::vector<ProcMask> proc_masks;
  int landlock_abi = 0;
  enum class UserNamespaces : std::uint8_t { kAvailable, kForbidden } user_namespaces = UserNamespaces::kForbidden;
  // Without a cgroup for it, each process is kept below this by itself: a bound for what happens between two looks.
  enum class MemoryLimit : std::uint8_t { kCgroup, kWatched } memory_limit = MemoryLimit::kCgroup;
  // Landlock tier: the machine's own folders that interpreters need, and where the folders for /tmp are made.
  std::vector<UniqueFd> interpreter_folders = {};
  std::string scratch = {};
};

// What the launcher and the server keep of a started sandbox.
struct StartedSandbox {
  pid_t pid = 0;  // of its init
  UniqueFd pidfd;
  UniqueFd control;                             // Report messages come here; one byte sent is SIGTERM
  UniqueFd stdout_pipe, stderr_pipe, log_pipe;  // read ends, non-blocking
  Network network;
  Cgroup cgroup;
};

// Clones the first process of a sandbox and returns at once; it runs the steps on its own and reports on `control`.
// The request has been checked (request_check.h); in the landlock tier a scratch folder of its name exists.
// Errors: FailureKind::kRefused (a mount source), kNoResources, kFailed.
Result<StartedSandbox> start_sandbox(const CreateMessage& request, uid_t host_uid, const Machine& machine,
                                     const Cgroups& cgroups, CgroupPool& spare_cgroups, const SourceRoots& sources,
                                     NetworkPool& networks);

}  // namespace hearth::launcher
