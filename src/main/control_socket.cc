#include "main/control_socket.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace hearth::main {

Status send_sockets(int control, std::span<const int> sockets) {
  if (sockets.size() > kMostSockets) return fail(ControlError::kSystem, "too many sockets to hand over");
  char byte = 'S';
  iovec data{&byte, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMostSockets)> space{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = space.data();
  message.msg_controllen = CMSG_SPACE(sockets.size_bytes());
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sockets.size_bytes());
  std::memcpy(CMSG_DATA(header), sockets.data(), sockets.size_bytes());
  if (::sendmsg(control, &message, MSG_NOSIGNAL) < 0) {
    return fail(ControlError::kSystem, fmt::format("sendmsg: {}", std::strerror(errno)));
  }
  return {};
}

std::vector<UniqueFd> receive_sockets(int control) {
  char byte = 0;
  iovec data{&byte, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMostSockets)> space{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = space.data();
  message.msg_controllen = space.size();
  if (::recvmsg(control, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) <= 0) return {};
  std::vector<UniqueFd> sockets;
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) return sockets;
  const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
  for (std::size_t i = 0; i < count; ++i) {
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof fd);
    sockets.emplace_back(fd);
  }
  return sockets;
}

}  // namespace hearth::main
