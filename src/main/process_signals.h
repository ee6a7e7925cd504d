#pragma once
// ProcessSignals: SIGINT and SIGTERM as events of the loop.

#include <functional>

#include "base/result.h"
#include "base/unique_fd.h"
#include "net/fd_watch.h"
#include "net/gate.h"
#include "net/loop.h"

namespace hearth::main {

enum class SignalError { kSystem };

// Blocks SIGINT, SIGTERM and SIGPIPE in the calling thread and those it starts later. Call before any thread exists.
// Returns a signalfd for the first two.
Result<UniqueFd> block_stop_signals();

// Calls `on_readable` each time `fd` is readable, until it returns false or `gate` is closed and the watch cancelled.
net::Task<> watch_readable(net::FdWatch& watch, std::function<bool()> on_readable);

}  // namespace hearth::main
