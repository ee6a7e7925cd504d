#pragma once
// Landlock: a second wall behind mounts and seccomp, for the day one of them has a hole.
//
// Inside the finished root a process may read and execute, and write only below /tmp, /dev/shm, to the device nodes and
// to its own files in /proc. Where the kernel knows scopes (ABI 6, Linux 6.12), signals and abstract unix sockets end
// at the sandbox too. Rights a kernel does not know are left out.
//
// Runs in the child.

namespace hearth::launcher {

// 0: this kernel has none.
int landlock_abi();

// Confines this process for good. 0 or an errno. `abi` is landlock_abi()'s answer; 0 does nothing.
int confine_with_landlock(int abi);

}  // namespace hearth::launcher
