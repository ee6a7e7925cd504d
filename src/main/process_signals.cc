#include "main/process_signals.h"

#include <fmt/format.h>
#include <sys/signalfd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

namespace hearth::main {

Result<UniqueFd> block_stop_signals() {
  sigset_t stop;
  sigemptyset(&stop);
  for (const int number : {SIGINT, SIGTERM}) sigaddset(&stop, number);
  sigset_t blocked = stop;
  sigaddset(&blocked, SIGPIPE);
  if (::sigprocmask(SIG_BLOCK, &blocked, nullptr) != 0) {
    return fail(SignalError::kSystem, fmt::format("sigprocmask: {}", std::strerror(errno)));
  }
  UniqueFd fd(::signalfd(-1, &stop, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) return fail(SignalError::kSystem, fmt::format("signalfd: {}", std::strerror(errno)));
  return fd;
}

net::Task<> watch_readable(net::FdWatch& watch, std::function<bool()> on_readable) {
  for (;;) {
    const net::WatchOutcome outcome = co_await watch.readable(SteadyTime::max());
    if (outcome != net::WatchOutcome::kReady || !on_readable()) co_return;
  }
}

}  // namespace hearth::main
