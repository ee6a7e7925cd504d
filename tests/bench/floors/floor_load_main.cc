// floor_load PORT CONNECTIONS SECONDS REQUEST_FILE [EXPECTED]
//
// Sends the bytes of REQUEST_FILE over keep-alive connections to 127.0.0.1, each as soon as the answer to the one
// before is whole (a closed loop), and prints latencies and the rate. Answers must begin with "HTTP/1.1 200"; with
// EXPECTED they must also contain that text: a fast error is no result. One process, one thread, one epoll.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <iterator>
#include <vector>

#include "floor.h"
#include "floor_http.h"

namespace {

constexpr std::uint64_t kWarmUp = 300'000'000;

struct Connection {
  int fd = -1;
  std::uint64_t asked_at = 0;
  std::string received;
};

std::string whole_file(const char* path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) floors::give_up(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

int connect_to(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) floors::give_up("connect");
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return fd;
}

void ask(Connection& connection, const std::string& request) {
  connection.asked_at = floors::now_ns();
  if (::send(connection.fd, request.data(), request.size(), MSG_NOSIGNAL) != std::ssize(request))
    floors::give_up("send");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) floors::usage("floor_load PORT CONNECTIONS SECONDS REQUEST_FILE [EXPECTED]");
  const auto port = static_cast<std::uint16_t>(std::atoi(argv[1]));
  const double seconds = std::atof(argv[3]);
  const std::string request = whole_file(argv[4]);
  const std::string_view expected = argc > 5 ? argv[5] : "";

  const int poll = ::epoll_create1(EPOLL_CLOEXEC);
  std::vector<Connection> connections(static_cast<std::size_t>(std::atoi(argv[2])));
  for (std::size_t i = 0; i < connections.size(); ++i) {
    connections[i].fd = connect_to(port);
    epoll_event event{.events = EPOLLIN, .data = {.u64 = i}};
    if (::epoll_ctl(poll, EPOLL_CTL_ADD, connections[i].fd, &event) != 0) floors::give_up("epoll_ctl");
  }
  const std::uint64_t begin = floors::now_ns() + kWarmUp;
  const std::uint64_t end = begin + static_cast<std::uint64_t>(seconds * 1e9);
  for (Connection& connection : connections) ask(connection, request);

  floors::Samples samples;
  static std::array<char, 1U << 16U> chunk;
  std::array<epoll_event, 256> events{};
  while (floors::now_ns() < end) {
    const int count = ::epoll_wait(poll, events.data(), static_cast<int>(events.size()), 1000);
    if (count == 0) floors::give_up("no answer for a second", ETIMEDOUT);
    for (int i = 0; i < count; ++i) {
      Connection& connection = connections[events[static_cast<std::size_t>(i)].data.u64];
      const ssize_t got = ::recv(connection.fd, chunk.data(), chunk.size(), 0);
      if (got <= 0) floors::give_up("the server closed a connection");
      connection.received.append(chunk.data(), static_cast<std::size_t>(got));
      const auto answer = floors::first_message(connection.received);
      if (!answer) continue;
      const std::uint64_t now = floors::now_ns();
      if (!answer->head.starts_with("HTTP/1.1 200") || connection.received.find(expected) == std::string::npos) {
        fmt::print(stderr, "not the answer expected:\n{}\n", connection.received.substr(0, 2000));
        return 1;
      }
      if (connection.asked_at > begin) samples.add(now - connection.asked_at);
      connection.received.clear();
      ask(connection, request);
    }
  }
  const double rate = static_cast<double>(samples.count()) / seconds;
  samples.print("load", fmt::format(", \"connections\": {}, \"per_second\": {:.0f}", connections.size(), rate));
}
