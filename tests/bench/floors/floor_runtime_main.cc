// floor_runtime: the fastest runtime there can be. Asks the Runtime API in AWS_LAMBDA_RUNTIME_API for work over one raw
// socket and answers each invocation with its own payload.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

#include "floor.h"
#include "floor_http.h"

namespace {

constexpr std::string_view kNext = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
constexpr std::string_view kIdField = "Lambda-Runtime-Aws-Request-Id: ";
constexpr std::size_t kIdSize = 36;

int connect_to_api() {
  const char* const api = std::getenv("AWS_LAMBDA_RUNTIME_API");
  const char* const colon = api == nullptr ? nullptr : std::strrchr(api, ':');
  if (colon == nullptr) floors::usage("AWS_LAMBDA_RUNTIME_API=HOST:PORT floor_runtime");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(colon + 1)));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) floors::give_up("connect");
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return fd;
}

void send_all(int fd, std::string_view bytes) {
  if (::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) != std::ssize(bytes)) floors::give_up("send");
}

// Reads one whole message into `received` and returns it.
floors::Message receive(int fd, std::string& received) {
  static std::array<char, 1U << 16U> chunk;
  received.clear();
  for (;;) {
    const ssize_t got = ::recv(fd, chunk.data(), chunk.size(), 0);
    if (got <= 0) std::exit(0);
    received.append(chunk.data(), static_cast<std::size_t>(got));
    if (const auto message = floors::first_message(received)) return *message;
  }
}

}  // namespace

int main() {
  const int fd = connect_to_api();
  std::string received;
  std::string answer;
  for (;;) {
    send_all(fd, kNext);
    const floors::Message work = receive(fd, received);
    const std::size_t id = work.head.find(kIdField);
    if (id == std::string_view::npos) floors::give_up("no request id", EPROTO);
    answer = fmt::format(
        "POST /2018-06-01/runtime/invocation/{}/response HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {}\r\n\r\n{}",
        work.head.substr(id + kIdField.size(), kIdSize), work.body.size(), work.body);
    send_all(fd, answer);
    receive(fd, received);
  }
}
