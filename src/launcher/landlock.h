#pragma once
// Landlock: rules that a process puts on itself for good, about files, ports, signals and abstract unix sockets.
//
// Two uses. In sandboxes with a file tree of their own it is a second wall behind mounts and seccomp, for the day one
// of them has a hole: read and execute everywhere, write below /tmp, /dev/shm, to the device nodes and to one's own
// files in /proc. In the landlock tier it is the only wall around files and ports: nothing but what is named can be
// opened, and the domains around init and around the runtime end signals, ptrace and abstract sockets.
//
// Rights a kernel does not know are left out; what that means by ABI is in docs/sandbox.md.

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace hearth::launcher {

// 0: this kernel has none, or does not let this process use it.
int landlock_abi();

// The ABI that brought rules on TCP ports (Linux 6.7), and scopes for signals and abstract sockets (6.12).
constexpr int kLandlockPorts = 4;
constexpr int kLandlockScopes = 6;
// Of several owners, one must not reach another: without scopes the landlock tier serves one owner only.
constexpr int kLandlockForSeveralOwners = kLandlockScopes;

// The rest runs in the child. 0 or an errno. `abi` is landlock_abi()'s answer.

// The second wall. ABI 0 does nothing.
int confine_with_landlock(int abi);

// What one sandbox of the landlock tier may use.
struct SharedTreeAccess {
  std::vector<int> readable;  // folders and files (O_PATH) to read and execute, besides the machine's programs
  std::string tmp;            // its own folder to write in
  std::vector<std::uint16_t> ports;
};
// Makes the ruleset; confine_to() puts it in force.
int make_shared_tree_ruleset(int abi, const SharedTreeAccess& access, UniqueFd& ruleset);
// As the process that will run the function's program: adds its own /proc folder, and confines it. Allocates nothing.
int confine_to(int ruleset);
// Signals and abstract sockets of this process and those it starts end here. Below kLandlockScopes it does nothing.
int close_scope(int abi);

}  // namespace hearth::launcher
