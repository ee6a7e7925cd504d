#include "main/process_signals.h"

#include <fmt/format.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#include <array>
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

UniqueFd receive_socket(int control) {
  char byte = 0;
  iovec data{&byte, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> space{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = space.data();
  message.msg_controllen = space.size();
  if (::recvmsg(control, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) <= 0) return {};
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) return {};
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
  return UniqueFd(fd);
}

net::Task<> watch_readable(net::FdWatch& watch, std::function<bool()> on_readable) {
  for (;;) {
    const net::WatchOutcome outcome = co_await watch.readable(SteadyTime::max());
    if (outcome != net::WatchOutcome::kReady || !on_readable()) co_return;
  }
}

}  // namespace hearth::main
