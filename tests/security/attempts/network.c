#include <arpa/inet.h>
#include <mqueue.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "attempt.h"

static struct sockaddr_in address_of(const char* text, int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  inet_pton(AF_INET, text, &address.sin_addr);
  return address;
}

static int reaches(const char* text, int port) {
  const int s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  const struct sockaddr_in address = address_of(text, port);
  int reached = connect(s, (const struct sockaddr*)&address, sizeof address) == 0;
  if (!reached && errno == EINPROGRESS) {
    struct pollfd wait = {.fd = s, .events = POLLOUT};
    int error = 0;
    socklen_t size = sizeof error;
    reached = poll(&wait, 1, 2000) == 1 && getsockopt(s, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
  }
  close(s);
  return reached;
}

ATTEMPT(host_loopback) {
  const char* const names[] = {"127.0.0.1", "127.0.0.2", "0.0.0.0"};
  for (size_t i = 0; i < 3; ++i)
    if (reaches(names[i], told_number("PORT"))) broke("%s reaches the host", names[i]);
}

ATTEMPT(host_address) {
  if (reaches(told("HOST_ADDRESS"), told_number("PORT"))) broke("the host's address answers");
}

ATTEMPT(metadata_address) {
  if (reaches("169.254.169.254", told_number("PORT"))) broke("the metadata address answers");
}

/* A neighbour listens on its own loopback, as the server does there for its Runtime API. */
ATTEMPT(neighbours_api) {
  if (reaches("127.0.0.1", told_number("NEIGHBOUR_PORT"))) broke("a port of a neighbour answers");
}

ATTEMPT(abstract_socket) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const char* name = told("ABSTRACT");
  memcpy(address.sun_path + 1, name, strlen(name));
  const int s = socket(AF_UNIX, SOCK_STREAM, 0);
  const socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
  if (connect(s, (const struct sockaddr*)&address, length) == 0) broke("an abstract socket of the host answers");
}

/* Who answers on the Runtime API's port is the server, and nobody can take its place. */
ATTEMPT(take_server_port) {
  const int ports[] = {9001, 80, 443, 53};
  for (size_t i = 0; i < 4; ++i) {
    const int s = socket(AF_INET, SOCK_STREAM, 0);
    const int on = 1;
    setsockopt(s, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const struct sockaddr_in address = address_of("127.0.0.1", ports[i]);
    if (bind(s, (const struct sockaddr*)&address, sizeof address) == 0) broke("port %d was free to take", ports[i]);
  }
}

/* Setting what is set already. */
ATTEMPT(configure_network) {
  const int s = socket(AF_INET, SOCK_DGRAM, 0);
  struct ifreq request = {0};
  strcpy(request.ifr_name, "lo");
  if (ioctl(s, SIOCGIFFLAGS, &request) != 0) return;
  broke_if_done("setting flags of loopback", ioctl(s, SIOCSIFFLAGS, &request));
}

ATTEMPT(raw_socket) {
  broke_if_done("a raw socket", socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
  broke_if_done("a raw IPv6 socket", socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6));
}

ATTEMPT(packet_socket) { broke_if_done("a packet socket", socket(AF_PACKET, SOCK_DGRAM, htons(3))); }

ATTEMPT(exotic_socket) {
  const struct {
    int family, type, protocol;
  } kinds[] = {{AF_NETLINK, SOCK_RAW, 15 /* uevents */}, {AF_NETLINK, SOCK_RAW, 4 /* sock_diag */},
               {AF_NETLINK, SOCK_RAW, 12 /* netfilter */}, {AF_NETLINK, SOCK_RAW, 9 /* audit */},
               {40 /* vsock */, SOCK_STREAM, 0},           {38 /* kernel crypto */, SOCK_SEQPACKET, 0},
               {AF_INET, SOCK_DGRAM, IPPROTO_ICMP},        {31 /* bluetooth */, SOCK_RAW, 0}};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; ++i)
    if (socket(kinds[i].family, kinds[i].type, kinds[i].protocol) >= 0)
      broke("a socket of family %d, protocol %d", kinds[i].family, kinds[i].protocol);
}

/* Open to everybody as far as modes go. */
ATTEMPT(shared_memory) {
  const int id = shmget(told_number("SHM_KEY"), 0, 0);
  if (id >= 0 && shmat(id, NULL, 0) != (void*)-1) broke("System V shared memory of the host is attached");
}

ATTEMPT(message_queue) {
  const mqd_t queue = mq_open(told("QUEUE"), O_RDWR);
  if (queue >= 0) broke("a message queue of the host is open");
}
