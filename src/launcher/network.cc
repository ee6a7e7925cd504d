#include "launcher/network.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cstdlib>

#include "launcher/protocol.h"
#include "launcher/sys.h"

namespace hearth::launcher {
namespace {

struct SocketSpec {
  int type;
  std::uint16_t port;
};
constexpr SocketSpec kSockets[] = {
    {SOCK_STREAM, 9001},  // Socket::kRuntimeApi
    {SOCK_STREAM, 80},    // kHttp
    {SOCK_STREAM, 443},   // kHttps
    {SOCK_DGRAM, 53},     // kDnsUdp
    {SOCK_STREAM, 53},    // kDnsTcp
};
static_assert(std::size(kSockets) == static_cast<std::size_t>(Socket::kCount));
constexpr int kBacklog = 256;

int loopback_up() {
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return errno;
  ifreq request{};
  request.ifr_name[0] = 'l';
  request.ifr_name[1] = 'o';
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  return ::ioctl(socket.get(), SIOCSIFFLAGS, &request) == 0 ? 0 : errno;
}

// The number the kernel chose for a socket bound to port 0.
int port_of(const UniqueFd& socket, std::uint16_t& port) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) return errno;
  port = ntohs(address.sin_port);
  return 0;
}

int open_socket(const SocketSpec& spec, UniqueFd& out) {
  UniqueFd fd(::socket(AF_INET, spec.type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return errno;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(spec.port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return errno;
  if (spec.type == SOCK_STREAM && ::listen(fd.get(), kBacklog) != 0) return errno;
  out = std::move(fd);
  return 0;
}

std::unexpected<Error> failure(const char* what, int error) {
  const bool full = error == ENOMEM || error == ENOSPC || error == EMFILE || error == ENFILE || error == ENOBUFS;
  return fail(full ? FailureKind::kNoResources : FailureKind::kFailed, sys::error_text(what, error));
}

}  // namespace

Result<NetworkPool> NetworkPool::open(std::size_t target) {
  NetworkPool pool;
  pool.target_ = target;
  pool.home_.reset(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!pool.home_) return failure("/proc/self/ns/net", errno);
  return pool;
}

Result<Network> NetworkPool::make() const {
  Network network;
  if (::unshare(CLONE_NEWNET) != 0) return failure("a new network namespace", errno);
  const char* step = "opening the new network namespace";
  int error = 0;
  network.netns.reset(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!network.netns) error = errno;
  if (error == 0) {
    step = "bringing loopback up";
    error = loopback_up();
  }
  for (std::size_t i = 0; i < std::size(kSockets) && error == 0; ++i) {
    step = "a listening socket in the new network namespace";
    error = open_socket(kSockets[i], network.sockets[i]);
  }
  // To go on in a sandbox's namespace would mix sandboxes up; nothing else is safe then.
  if (::setns(home_.get(), CLONE_NEWNET) != 0) std::abort();
  if (error != 0) return failure(step, error);
  return network;
}

Result<Network> NetworkPool::make_ports() {
  Network network;
  UniqueFd& api = network.sockets[static_cast<std::size_t>(Socket::kRuntimeApi)];
  UniqueFd& http = network.sockets[static_cast<std::size_t>(Socket::kHttp)];
  int error = open_socket({SOCK_STREAM, 0}, api);
  if (error == 0) error = open_socket({SOCK_STREAM, 0}, http);
  if (error == 0) error = port_of(api, network.runtime_api_port);
  if (error == 0) error = port_of(http, network.http_port);
  if (error != 0) return failure("a listening port for a sandbox", error);
  return network;
}

Result<Network> NetworkPool::take() {
  if (!home_) return make_ports();
  if (ready_.empty()) return make();
  Network network = std::move(ready_.front());
  ready_.pop_front();
  return network;
}

Status NetworkPool::add_one() {
  TRY(Network network, make());
  ready_.push_back(std::move(network));
  return {};
}

}  // namespace hearth::launcher
