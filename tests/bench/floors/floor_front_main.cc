// floor_front RUNTIMES host|netns COMMAND...
//
// The least that can stand between a client and K runtimes: one thread, one epoll. Starts RUNTIMES processes of COMMAND
// with AWS_LAMBDA_RUNTIME_API set, each with a Runtime API of its own (`netns`: on 127.0.0.1:9001 of a network
// namespace of its own, as in a sandbox; needs root), prints "listening PORT" once each has asked for work, and then
// answers POST /... by way of an idle runtime and GET /ping by itself. Ends with its standard input, and its runtimes
// with it.

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <deque>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "floor.h"
#include "floor_http.h"

namespace {

enum class Role { kClientListener, kRuntimeListener, kClient, kRuntime, kInput };

struct Peer {
  int fd = -1;
  Role role = Role::kClient;
  bool asked_before = false;
  std::string received;
};

struct Waiting {
  Peer* client = nullptr;
  std::string body;
};

void send_all(const Peer& peer, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(peer.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count < 0 && errno == EAGAIN) continue;
    if (count < 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

class Front {
 public:
  Front(int runtimes, bool own_namespaces, char** command)
      : poll_(::epoll_create1(EPOLL_CLOEXEC)), expected_(static_cast<std::size_t>(runtimes)) {
    port_ = listen_on(0, Role::kClientListener);
    add(STDIN_FILENO, Role::kInput);
    const int home = ::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    for (int i = 0; i < runtimes; ++i) start_runtime(own_namespaces, home, command);
    ::close(home);
  }

  void run() {
    std::array<epoll_event, 256> events{};
    for (;;) {
      const int count = ::epoll_wait(poll_, events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) {
        Peer& peer = *static_cast<Peer*>(events[static_cast<std::size_t>(i)].data.ptr);
        if (peer.role == Role::kInput) return end_runtimes();
        if (peer.role == Role::kClient || peer.role == Role::kRuntime) {
          receive(peer);
        } else {
          accept_from(peer);
        }
      }
    }
  }

 private:
  Peer& add(int fd, Role role) {
    peers_.push_back(std::make_unique<Peer>(Peer{.fd = fd, .role = role, .asked_before = false, .received = {}}));
    epoll_event event{.events = EPOLLIN, .data = {.ptr = peers_.back().get()}};
    if (::epoll_ctl(poll_, EPOLL_CTL_ADD, fd, &event) != 0) floors::give_up("epoll_ctl");
    return *peers_.back();
  }

  std::uint16_t listen_on(std::uint16_t port, Role role) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* const raw = reinterpret_cast<sockaddr*>(&address);
    if (::bind(fd, raw, size) != 0 || ::listen(fd, 512) != 0 || ::getsockname(fd, raw, &size) != 0)
      floors::give_up("listen");
    add(fd, role);
    return ntohs(address.sin_port);
  }

  static void set_loopback_up() {
    const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ifreq request{};
    request.ifr_name[0] = 'l';
    request.ifr_name[1] = 'o';
    request.ifr_flags = IFF_UP;
    if (::ioctl(fd, SIOCSIFFLAGS, &request) != 0) floors::give_up("loopback up");
    ::close(fd);
  }

  void start_runtime(bool own_namespace, int home, char** command) {
    if (own_namespace) {
      if (::unshare(CLONE_NEWNET) != 0) floors::give_up("unshare");
      set_loopback_up();
    }
    const std::uint16_t port = listen_on(own_namespace ? 9001 : 0, Role::kRuntimeListener);
    const pid_t child = ::fork();
    if (child == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::setenv("AWS_LAMBDA_RUNTIME_API", fmt::format("127.0.0.1:{}", port).c_str(), 1);
      ::execvp(command[0], command);
      floors::give_up(command[0]);
    }
    children_.push_back(child);
    if (own_namespace && ::setns(home, CLONE_NEWNET) != 0) floors::give_up("setns");
  }

  void end_runtimes() {
    for (const pid_t child : children_) ::kill(child, SIGKILL);
    for (const pid_t child : children_) ::waitpid(child, nullptr, 0);
  }

  void accept_from(const Peer& listener) {
    const int fd = ::accept4(listener.fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    add(fd, listener.role == Role::kClientListener ? Role::kClient : Role::kRuntime);
  }

  void receive(Peer& peer) {
    static std::array<char, 1U << 16U> chunk;
    const ssize_t got = ::recv(peer.fd, chunk.data(), chunk.size(), 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
      ::close(std::exchange(peer.fd, -1));
      std::erase(idle_, &peer);
      return;
    }
    peer.received.append(chunk.data(), static_cast<std::size_t>(got));
    while (const auto message = floors::first_message(peer.received)) {
      const std::size_t size = message->size();
      on_message(peer, *message);
      peer.received.erase(0, size);
    }
  }

  void on_message(Peer& peer, const floors::Message& message) {
    if (peer.role == Role::kClient) {
      if (message.head.starts_with("GET /ping ")) return send_all(peer, kPong);
      if (idle_.empty()) return waiting_.push_back({&peer, std::string(message.body)});
      Peer& runtime = *idle_.back();
      idle_.pop_back();
      give(runtime, peer, message.body);
    } else if (message.head.starts_with("GET ")) {
      on_next(peer);
    } else {
      on_response(peer, message);
    }
  }

  void on_next(Peer& runtime) {
    if (!std::exchange(runtime.asked_before, true) && ++ready_ == expected_) {
      fmt::print("listening {}\n", port_);
      std::fflush(stdout);
    }
    if (waiting_.empty()) return idle_.push_back(&runtime);
    const Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    give(runtime, *next.client, next.body);
  }

  void give(const Peer& runtime, Peer& client, std::string_view body) {
    const std::uint64_t id = next_id_++;
    running_[id] = &client;
    send_all(runtime,
             fmt::format("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                         "Lambda-Runtime-Aws-Request-Id: 8476a536-e9f4-11e8-9739-{:012x}\r\n"
                         "Lambda-Runtime-Deadline-Ms: 1542409706888\r\n"
                         "Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:123456789012:function:f\r\n"
                         "Lambda-Runtime-Trace-Id: Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700\r\n"
                         "Content-Length: {}\r\n\r\n{}",
                         id, body.size(), body));
  }

  void on_response(const Peer& runtime, const floors::Message& message) {
    constexpr std::string_view kMark = "-9739-";
    const std::size_t mark = message.head.find(kMark);
    if (mark == std::string_view::npos) return;
    const std::uint64_t id = std::strtoull(message.head.data() + mark + kMark.size(), nullptr, 16);
    if (const auto found = running_.find(id); found != running_.end()) {
      send_all(*found->second, fmt::format("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                                           "x-amzn-RequestId: 8476a536-e9f4-11e8-9739-{:012x}\r\n"
                                           "X-Amz-Executed-Version: $LATEST\r\nContent-Length: {}\r\n\r\n{}",
                                           id, message.body.size(), message.body));
      running_.erase(found);
    }
    send_all(runtime, kAccepted);
  }

  static constexpr std::string_view kPong =
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n{\"ok\": true}\n";
  static constexpr std::string_view kAccepted =
      "HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{\"status\":\"OK\"}\n";

  int poll_;
  std::uint16_t port_ = 0;
  std::size_t expected_;
  std::size_t ready_ = 0;
  std::uint64_t next_id_ = 1;
  std::vector<std::unique_ptr<Peer>> peers_;
  std::vector<Peer*> idle_;  // runtimes, the one used last at the back
  std::deque<Waiting> waiting_;
  std::unordered_map<std::uint64_t, Peer*> running_;
  std::vector<pid_t> children_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) floors::usage("floor_front RUNTIMES host|netns COMMAND...");
  ::signal(SIGPIPE, SIG_IGN);
  Front front(std::atoi(argv[1]), std::string_view(argv[2]) == "netns", argv + 3);
  front.run();
}
