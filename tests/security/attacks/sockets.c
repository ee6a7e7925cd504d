/* Promise: only local, IP and route sockets; none that see or forge packets, leave the network namespace, or open
 * rarely used kernel code. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "attack.h"

int sockets(int argc, char** argv) {
  (void)argc, (void)argv;
  must_fail_with("raw ICMP socket", socket(AF_INET, SOCK_RAW, IPPROTO_ICMP), EPERM, 0);
  must_fail_with("raw IP socket", socket(AF_INET, SOCK_RAW, IPPROTO_RAW), EPERM, 0);
  must_fail_with("raw IPv6 socket", socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6), EPERM, 0);
  must_fail_with("raw with flags", socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_TCP), EPERM, 0);
  must_fail_with("packet socket", socket(AF_PACKET, SOCK_RAW, htons(3)), EPERM, 0);
  must_fail_with("cooked packet socket", socket(AF_PACKET, SOCK_DGRAM, htons(3)), EPERM, 0);
  must_fail_with("vsock", socket(40 /* AF_VSOCK */, SOCK_STREAM, 0), EPERM, 0);
  must_fail_with("kernel crypto", socket(38 /* AF_ALG */, SOCK_SEQPACKET, 0), EPERM, 0);
  must_fail_with("xdp", socket(44 /* AF_XDP */, SOCK_RAW, 0), EPERM, 0);
  must_fail_with("netfilter", socket(AF_NETLINK, SOCK_RAW, 12), EPERM, 0);
  must_fail_with("audit", socket(AF_NETLINK, SOCK_RAW, 9), EPERM, 0);
  must_fail_with("uevents", socket(AF_NETLINK, SOCK_RAW, 15), EPERM, 0);
  must_fail_with("sctp", socket(AF_INET, SOCK_STREAM, 132), EPERM, 0);
  must_fail_with("dccp", socket(AF_INET, 6, 33), EPERM, 0);
  must_fail_with("ping socket", socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP), EPERM, 0);
  must_fail_with("bluetooth", socket(31, SOCK_RAW, 0), EPERM, 0);
  must_fail_with("phonet", socket(35, SOCK_DGRAM, 0), EPERM, 0);

  must("tcp works", socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0) >= 0);
  must("udp works", socket(AF_INET6, SOCK_DGRAM, 0) >= 0);
  must("unix works", socket(AF_UNIX, SOCK_STREAM, 0) >= 0);
  must("route netlink works", socket(AF_NETLINK, SOCK_RAW, 0) >= 0);
  return 0;
}
