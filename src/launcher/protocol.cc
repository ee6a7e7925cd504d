#include "launcher/protocol.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <type_traits>

namespace hearth::launcher {
namespace {

// The first byte of a packet: the message's index in the variant. The order of the variant is the wire format.
class Writer {
 public:
  template <class T>
    requires std::is_integral_v<T>
  void put(T value) {
    auto bits = static_cast<std::make_unsigned_t<T>>(value);
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      bytes_.push_back(static_cast<char>(bits & 0xFFU));
      bits = static_cast<std::make_unsigned_t<T>>(sizeof(T) > 1 ? bits >> 8U : 0U);
    }
  }
  void put(const std::string& text) {
    put(static_cast<std::uint32_t>(text.size()));
    bytes_ += text;
  }
  void put(const Mount& mount) {
    put(mount.source);
    put(mount.destination);
  }
  void put(FailureKind kind) { put(static_cast<std::uint8_t>(kind)); }
  template <class T>
  void put(const std::vector<T>& list) {
    put(static_cast<std::uint32_t>(list.size()));
    for (const T& entry : list) put(entry);
  }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// Reads what Writer wrote. After the first failure every further read fails too.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  template <class T>
    requires std::is_integral_v<T>
  void get(T& value) {
    if (!has(sizeof(T))) return;
    std::make_unsigned_t<T> bits = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      const auto byte = static_cast<std::make_unsigned_t<T>>(static_cast<unsigned char>(rest_[i]));
      bits = static_cast<std::make_unsigned_t<T>>(bits | static_cast<std::make_unsigned_t<T>>(byte << (8U * i)));
    }
    rest_.remove_prefix(sizeof(T));
    value = static_cast<T>(bits);
  }
  void get(std::string& text) {
    std::uint32_t size = 0;
    get(size);
    if (!has(size)) return;
    text.assign(rest_.substr(0, size));
    rest_.remove_prefix(size);
  }
  void get(Mount& mount) {
    get(mount.source);
    get(mount.destination);
  }
  void get(FailureKind& kind) {
    std::uint8_t number = 0;
    get(number);
    if (number > static_cast<std::uint8_t>(FailureKind::kFailed)) failed_ = true;
    kind = static_cast<FailureKind>(number);
  }
  template <class T>
  void get(std::vector<T>& list) {
    std::uint32_t count = 0;
    get(count);
    if (count > kMaxListEntries) failed_ = true;
    for (std::uint32_t i = 0; i < count && !failed_; ++i) get(list.emplace_back());
  }
  bool at_end() const { return !failed_ && rest_.empty(); }

 private:
  bool has(std::size_t count) {
    if (rest_.size() < count) failed_ = true;
    return !failed_;
  }

  std::string_view rest_;
  bool failed_ = false;
};

// visit_fields(message, f): calls f on every field, in wire order. Both directions use it, so they cannot differ.
template <class M, class F>
  requires std::is_same_v<std::remove_const_t<M>, CreateMessage>
void visit_fields(M& m, F f) {
  f(m.id), f(m.name), f(m.mounts), f(m.argv), f(m.env), f(m.working_directory), f(m.memory_bytes), f(m.tmp_bytes),
      f(m.tmp_inodes), f(m.cpu_milli), f(m.pids), f(m.open_files);
}
template <class M, class F>
  requires std::is_same_v<std::remove_const_t<M>, TerminateMessage> ||
           std::is_same_v<std::remove_const_t<M>, KillMessage>
void visit_fields(M& m, F f) {
  f(m.id);
}
template <class M, class F>
  requires std::is_same_v<std::remove_const_t<M>, HelloMessage>
void visit_fields(M& m, F f) {
  f(m.version), f(m.tier), f(m.mechanisms), f(m.warnings);
}
template <class M, class F>
  requires std::is_same_v<std::remove_const_t<M>, SuspendMessage>
void visit_fields(M& m, F f) {
  f(m.id), f(m.suspended);
}
template <class M, class F>
  requires std::is_same_v<std::remove_const_t<M>, CreatedMessage>
void visit_fields(M& m, F f) {
  f(m.id), f(m.host_uid), f(m.pid), f(m.fds);
}
template <class M, class F>
  requires std::is_same_v<std::remove_const_t<M>, FailedMessage>
void visit_fields(M& m, F f) {
  f(m.id), f(m.kind), f(m.message);
}
template <class M, class F>
  requires std::is_same_v<std::remove_const_t<M>, ExitedMessage>
void visit_fields(M& m, F f) {
  f(m.id), f(m.code), f(m.signal), f(m.oom_killed);
}

template <std::size_t Index = 0>
Result<Message> decode_as(std::uint8_t type, std::string_view body) {
  if constexpr (Index < std::variant_size_v<Message>) {
    if (type != Index) return decode_as<Index + 1>(type, body);
    std::variant_alternative_t<Index, Message> message;
    Reader reader(body);
    visit_fields(message, [&](auto& field) { reader.get(field); });
    if (!reader.at_end()) return fail(ProtocolError::kMalformed, "message of type " + std::to_string(type));
    return Message(std::move(message));
  } else {
    return fail(ProtocolError::kMalformed, "unknown message type " + std::to_string(type));
  }
}

std::unexpected<Error> system_failure(const char* what) {
  const int error = errno;
  if (error == EAGAIN || error == EWOULDBLOCK) return fail(ProtocolError::kNothing, what);
  if (error == EPIPE || error == ECONNRESET || error == ENOTCONN) return fail(ProtocolError::kClosed, what);
  if (error == EMSGSIZE) return fail(ProtocolError::kTooLarge, what);
  return fail(ProtocolError::kSystem, std::string(what) + ": " + std::strerror(error));
}

}  // namespace

Result<std::string> encode(const Message& message) {
  Writer writer;
  writer.put(static_cast<std::uint8_t>(message.index()));
  std::visit([&](const auto& body) { visit_fields(body, [&](const auto& field) { writer.put(field); }); }, message);
  std::string bytes = writer.take();
  if (bytes.size() > kMaxPacketBytes) {
    return fail(ProtocolError::kTooLarge, std::to_string(bytes.size()) + " bytes, at most " +
                                              std::to_string(kMaxPacketBytes) + " fit into a message");
  }
  return bytes;
}

Result<Message> decode(std::string_view packet) {
  if (packet.empty()) return fail(ProtocolError::kMalformed, "empty packet");
  return decode_as(static_cast<std::uint8_t>(packet.front()), packet.substr(1));
}

Status send_packet(int socket, std::string_view bytes, std::span<const int> fds) {
  iovec vector{.iov_base = const_cast<char*>(bytes.data()), .iov_len = bytes.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMaxPacketFds * sizeof(int))> control{};
  msghdr header{};
  header.msg_iov = &vector;
  header.msg_iovlen = 1;
  if (!fds.empty()) {
    if (fds.size() > kMaxPacketFds) return fail(ProtocolError::kTooLarge, "too many descriptors");
    header.msg_control = control.data();
    header.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* part = CMSG_FIRSTHDR(&header);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(part), fds.data(), fds.size_bytes());
  }
  ssize_t sent = 0;
  do sent = ::sendmsg(socket, &header, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  if (sent < 0) return system_failure("sending to the other side");
  return {};
}

Result<Packet> receive_packet(int socket) {
  Packet packet;
  // Not zeroed: this is on the path of every creation.
  packet.bytes.resize_and_overwrite(kMaxPacketBytes + 1, [](char*, std::size_t size) { return size; });
  iovec vector{.iov_base = packet.bytes.data(), .iov_len = packet.bytes.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMaxPacketFds * sizeof(int))> control{};
  msghdr header{};
  header.msg_iov = &vector;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  ssize_t received = 0;
  do received = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
  while (received < 0 && errno == EINTR);
  if (received < 0) return system_failure("receiving from the other side");

  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof fd);
      packet.fds.emplace_back(fd);
    }
  }
  if (received == 0) return fail(ProtocolError::kClosed, "end of stream");
  if ((header.msg_flags & MSG_TRUNC) != 0 || static_cast<std::size_t>(received) > kMaxPacketBytes) {
    return fail(ProtocolError::kTooLarge, "a packet did not fit");
  }
  if ((header.msg_flags & MSG_CTRUNC) != 0) packet.fds.clear();
  packet.bytes.resize(static_cast<std::size_t>(received));
  return packet;
}

}  // namespace hearth::launcher
