/* Promise: the network of a sandbox ends at its loopback: not the host's, no neighbour, no metadata address.
 * argv: a TCP port that listens on the host's 127.0.0.1; an address of the host that is not loopback (may be ""); the
 * name of an abstract unix socket of the host that listens. */
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "attack.h"

static long reach(const char* address, int port, int type) {
  int s = socket(AF_INET, type | SOCK_NONBLOCK, 0);
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  inet_pton(AF_INET, address, &a.sin_addr);
  if (connect(s, (struct sockaddr*)&a, sizeof a) != 0) {
    if (errno != EINPROGRESS) return -1;
    struct pollfd wait = {.fd = s, .events = POLLOUT};
    int error = 0;
    socklen_t size = sizeof error;
    if (poll(&wait, 1, 2000) != 1 || getsockopt(s, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) {
      errno = error ? error : ETIMEDOUT;
      return -1;
    }
  }
  if (type == SOCK_DGRAM && send(s, "x", 1, 0) != 1) return -1;
  return 0;
}

int network(int argc, char** argv) {
  if (argc != 3) return 64;
  const int port = atoi(argv[0]);
  must_fail("a port of the host's loopback", reach("127.0.0.1", port, SOCK_STREAM));
  must_fail("the same by another loopback address", reach("127.0.0.2", port, SOCK_STREAM));
  must_fail("the same by 0.0.0.0", reach("0.0.0.0", port, SOCK_STREAM));
  if (argv[1][0]) must_fail("the host's own address", reach(argv[1], port, SOCK_STREAM));
  must_fail_with("the metadata address", reach("169.254.169.254", 80, SOCK_STREAM), ENETUNREACH, 0);
  must_fail_with("the metadata address by UDP", reach("169.254.169.254", 53, SOCK_DGRAM), ENETUNREACH, 0);
  must_fail_with("a private address", reach("10.0.0.1", 80, SOCK_STREAM), ENETUNREACH, 0);
  must_fail_with("a public address", reach("192.0.2.1", 80, SOCK_STREAM), ENETUNREACH, 0);

  struct sockaddr_un unix_address = {.sun_family = AF_UNIX};
  const size_t length = strlen(argv[2]);
  memcpy(unix_address.sun_path + 1, argv[2], length);
  must_fail("an abstract unix socket of the host",
            connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr*)&unix_address,
                    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length)));

  /* Only loopback, and no power over it. */
  struct if_nameindex* interfaces = if_nameindex();
  int count = 0;
  for (struct if_nameindex* i = interfaces; i && i->if_name; ++i) count += strcmp(i->if_name, "lo") != 0 && 1;
  must("loopback is the only network", interfaces != NULL && count == 0);
  struct ifreq request = {0};
  strcpy(request.ifr_name, "lo");
  ((struct sockaddr_in*)&request.ifr_addr)->sin_family = AF_INET;
  must_fail("readdressing loopback", ioctl(socket(AF_INET, SOCK_DGRAM, 0), SIOCSIFADDR, &request));
  /* The server's sockets cannot be taken over. */
  const int ports[] = {9001, 80, 443, 53};
  for (size_t i = 0; i < 4; ++i) {
    int s = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    setsockopt(s, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)ports[i]), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    must_fail("binding a port of the server", bind(s, (struct sockaddr*)&a, sizeof a));
    must("the server's port answers", reach("127.0.0.1", ports[i], SOCK_STREAM) == 0);
  }
  return 0;
}
