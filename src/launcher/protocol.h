#pragma once
// Protocol: the messages between the server and the privileged launcher.
//
// One SOCK_SEQPACKET pair carries them, so a message is a packet and arrives whole; descriptors travel beside it
// (SCM_RIGHTS). Numbers are little-endian, strings and lists carry a 32-bit count. A decoder checks every count against
// what is left of the packet and the packet's limit, and refuses bytes that remain: neither side trusts the other's
// lengths.
//
// Server to launcher: Create, Terminate, Kill, Suspend. Launcher to server: Hello (once, first), then for each Create
// exactly one of Created and Failed, and for each Created exactly one Exited.
//
// Path: sandbox/launcher_client.cc <-> here <-> launcher/server_link.cc        Tests: protocol_test.cc

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace hearth::launcher {

enum class ProtocolError : std::uint8_t {
  kMalformed,  // the bytes are not a message
  kTooLarge,   // the message does not fit into a packet
  kClosed,     // the other side is gone
  kNothing,    // no message now (non-blocking)
  kSystem,     // the socket failed; errno is in the message
};

constexpr std::uint32_t kProtocolVersion = 3;
// Linux gives a unix socket 212,992 bytes by default; environment variables are 4 KiB by AWS's limit, mounts few.
constexpr std::size_t kMaxPacketBytes = 128U * 1024U;
constexpr std::size_t kMaxListEntries = 4096;
constexpr std::size_t kMaxPacketFds = 24;

struct Mount {
  std::string source;
  std::string destination;
  bool operator==(const Mount&) const = default;
};

// Why a Create failed; the same enumerators as sandbox::ErrorKind has for it.
enum class FailureKind : std::uint8_t { kRefused, kNoResources, kFailed };

// How a sandbox is to be built. Field meanings: sandbox/sandbox.h.
struct CreateMessage {
  std::uint64_t id = 0;  // chosen by the server; unique among living sandboxes
  std::string name;
  std::vector<Mount> mounts;
  std::vector<std::string> argv;
  std::vector<std::string> env;
  std::string working_directory;
  std::uint64_t memory_bytes = 0;
  std::uint64_t tmp_bytes = 0;
  std::uint64_t tmp_inodes = 0;
  std::uint32_t cpu_milli = 0;
  std::uint32_t pids = 0;
  std::uint32_t open_files = 0;
  bool operator==(const CreateMessage&) const = default;
};
struct TerminateMessage {
  std::uint64_t id = 0;
  bool operator==(const TerminateMessage&) const = default;
};
struct KillMessage {
  std::uint64_t id = 0;
  bool operator==(const KillMessage&) const = default;
};

// For sandboxes without a freezer of their own (no kCgroupFreeze, no kFreezerState).
struct SuspendMessage {
  std::uint64_t id = 0;
  std::uint8_t suspended = 0;  // 1: stop everything inside, 0: go on
  bool operator==(const SuspendMessage&) const = default;
};

struct HelloMessage {
  std::uint32_t version = kProtocolVersion;
  std::string tier;
  std::vector<std::string> mechanisms;
  std::vector<std::string> warnings;
  bool operator==(const HelloMessage&) const = default;
};

// What each descriptor of a Created is; they come in the order of this list, absent ones left out.
enum class FdRole : std::uint8_t {
  kPidfd,
  kRuntimeApi,
  kHttp,
  kHttps,
  kDnsUdp,
  kDnsTcp,
  kStdout,
  kStderr,
  kLogPipe,
  kCgroupFreeze,   // cgroup2: "1" freezes, "0" thaws
  kFreezerState,   // cgroup v1, only where no cgroup2 is: "FROZEN", "THAWED"
  kCgroupKill,     // cgroup2: "1" kills everything inside
  kMemoryPeak,     // v1 memory.max_usage_in_bytes or v2 memory.peak
  kMemoryStat,     // memory.stat
  kMemoryCurrent,  // v1 memory.usage_in_bytes or v2 memory.current
  kMemoryLimit,    // v1 memory.limit_in_bytes (with swap accounting it can only be lowered) or v2 memory.max
  kCpuQuota,       // v1 cpu.cfs_quota_us or v2 cpu.max: microseconds of a processor per period
  kCount,
};

struct CreatedMessage {
  std::uint64_t id = 0;
  std::uint32_t host_uid = 0;  // the uid everything inside has on the host
  std::uint32_t pid = 0;       // of the sandbox's init, in the launcher's pid namespace
  std::uint32_t fds = 0;       // bit (1 << FdRole) for each descriptor sent
  bool operator==(const CreatedMessage&) const = default;
};
struct FailedMessage {
  std::uint64_t id = 0;
  FailureKind kind = FailureKind::kFailed;
  std::string message;
  bool operator==(const FailedMessage&) const = default;
};
struct ExitedMessage {
  std::uint64_t id = 0;
  std::int32_t code = 0;
  std::int32_t signal = 0;
  std::uint8_t oom_killed = 0;
  bool operator==(const ExitedMessage&) const = default;
};

using Message = std::variant<CreateMessage, TerminateMessage, KillMessage, HelloMessage, CreatedMessage, FailedMessage,
                             ExitedMessage, SuspendMessage>;

// Errors: kTooLarge.
Result<std::string> encode(const Message& message);
// Errors: kMalformed.
Result<Message> decode(std::string_view packet);

// One packet and the descriptors that came with it. Where this process had no room for all of them, there are none.
struct Packet {
  std::string bytes;
  std::vector<UniqueFd> fds;
};

// Errors: kNothing (would block), kClosed, kSystem.
Status send_packet(int socket, std::string_view bytes, std::span<const int> fds);
// Descriptors are received close-on-exec. Errors: kNothing, kClosed (end of stream), kTooLarge (the packet did not fit;
// it is lost), kSystem.
Result<Packet> receive_packet(int socket);

}  // namespace hearth::launcher
