#pragma once
// ControlSocket: how the supervisor and the server hand each other sockets: a message each way carries any number.
//
// The supervisor sends the socket of a launcher that replaces another; the server sends the sockets it listens on,
// which the supervisor keeps for the next server should this one die.

#include <span>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace hearth::main {

enum class ControlError { kSystem };

inline constexpr std::size_t kMostSockets = 64;  // in one message

// Errors: kSystem, also when there are more than kMostSockets.
Status send_sockets(int control, std::span<const int> sockets);

// What the next message carries, without waiting. Nothing: the other end is closed, or the message had none.
std::vector<UniqueFd> receive_sockets(int control);

}  // namespace hearth::main
