#pragma once
// Delegation: the part of the v2 cgroup tree that an ordinary user was given, if any.
//
// systemd gives a unit with Delegate=yes its own cgroup, writable by the unit's user. A cgroup that is merely writable
// may hold the user's whole session, whose processes would have to move: so it must be marked as delegated, or hold
// nobody but us.
//
// Path: cgroups.cc -> here        Tests: delegation_test.cc, tests/e2e/test_isolation.py

#include <string>
#include <string_view>
#include <vector>

#include "launcher/cgroups.h"

namespace hearth::launcher {

// The path of a process's v2 cgroup, from the text of /proc/PID/cgroup. Empty if it is in none.
std::string parse_own_cgroup(std::string_view text);

// The folder of the cgroup below which a launcher may make its own; empty if there is none. `leaf`: the name of the
// subgroup into which an earlier launcher has moved the processes.
std::string find_delegated_cgroup(const std::vector<CgroupMount>& mounts, std::string_view leaf);

}  // namespace hearth::launcher
