#pragma once
// Descriptor limit: how many files this process may have open, and how many of them clients may take.
//
// Each connection, environment (about 18) and database file takes descriptors. Clients never get all of them: whoever
// connects without end would otherwise stop functions from starting.
//
// Tests: descriptor_limit_test.cc

#include <cstdint>

namespace hearth::main {

// Raises this process's soft limit to the hard one and returns it. Programs that functions run have a limit of their
// own.
std::uint64_t raise_descriptor_limit();

// Of `configured` connections, how many fit when this process may have `descriptors` files open.
std::uint32_t connections_within(std::uint64_t descriptors, std::uint32_t configured);

}  // namespace hearth::main
