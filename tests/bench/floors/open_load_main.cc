// open_load PORT CONNECTIONS SECONDS RATE PATIENCE_MS REQUEST_FILE
//
// Many clients who do not wait for each other: RATE requests a second fall due (an open loop), each goes out on a
// connection that is free, and nobody waits for an answer longer than PATIENCE_MS. RATE 0: every connection asks again
// as soon as it was answered (a closed loop), which finds the most a server can do. Prints one JSON line: what was
// offered, answered in time by 2xx ("good"), answered late, refused by 429 and 503, otherwise. A connection that the
// server closed or refused is opened again after a moment, as clients do. One process, one thread, one epoll.

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <deque>
#include <fstream>
#include <iterator>
#include <utility>
#include <vector>

#include "floor.h"
#include "floor_http.h"

namespace {

constexpr std::uint64_t kWarmUp = 500'000'000;
constexpr std::uint64_t kBackOff = 100'000'000;

struct Connection {
  int fd = -1;
  bool is_open = false;
  bool busy = false;
  std::uint64_t asked_at = 0;
  std::string received;
};

struct Counts {
  std::uint64_t offered = 0, sent = 0, good = 0, late = 0, throttled = 0, unavailable = 0, other = 0, no_connection = 0,
                closed = 0;
};

std::string whole_file(const char* path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) floors::give_up(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

class Load {
 public:
  Load(std::uint16_t port, std::size_t connections, std::string request, std::uint64_t patience_ns)
      : port_(port), request_(std::move(request)), patience_ns_(patience_ns), poll_(::epoll_create1(EPOLL_CLOEXEC)) {
    connections_.resize(connections);
    for (std::size_t i = 0; i < connections; ++i) open(i);
  }

  // `rate` a second, or as fast as answers come.
  void run(double seconds, double rate) {
    const std::uint64_t start = floors::now_ns();
    begin_ = start + kWarmUp;
    const std::uint64_t end = begin_ + static_cast<std::uint64_t>(seconds * 1e9);
    closed_loop_ = rate <= 0;
    std::uint64_t due_so_far = 0;
    for (;;) {
      const std::uint64_t now = floors::now_ns();
      if (now >= end) return;
      if (closed_loop_) {
        while (!free_.empty()) ask(now);
      } else {
        const auto due = static_cast<std::uint64_t>(static_cast<double>(now - start) / 1e9 * rate);
        for (; due_so_far < due; ++due_so_far) {
          count(now, &Counts::offered);
          if (free_.empty()) {
            count(now, &Counts::no_connection);
          } else {
            ask(now);
          }
        }
      }
      std::array<epoll_event, 256> events{};
      const int ready = ::epoll_wait(poll_, events.data(), static_cast<int>(events.size()), 1);
      for (int i = 0; i < ready; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        if (!connections_[event.data.u64].is_open && (event.events & EPOLLOUT) != 0) opened(event.data.u64);
        if ((event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) hear(event.data.u64);
      }
      reopen(floors::now_ns());
    }
  }

  void print(double seconds) {
    const Counts& c = counts_;
    samples_.print(
        "open_load",
        fmt::format(", \"connections\": {}, \"good_per_second\": {:.1f}, \"offered\": {}, \"sent\": {}, \"good\": {}, "
                    "\"late\": {}, \"throttled\": {}, \"unavailable\": {}, \"other\": {}, "
                    "\"no_connection\": {}, \"closed\": {}",
                    connections_.size(), static_cast<double>(c.good) / seconds, c.offered, c.sent, c.good, c.late,
                    c.throttled, c.unavailable, c.other, c.no_connection, c.closed));
  }

 private:
  void count(std::uint64_t now, std::uint64_t Counts::* what) {
    if (now >= begin_) ++(counts_.*what);
  }

  void open(std::size_t index) {
    Connection& connection = connections_[index];
    connection = {};
    connection.fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (connection.fd < 0) floors::give_up("socket");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port_);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    ::setsockopt(connection.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (::connect(connection.fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 &&
        errno != EINPROGRESS) {
      floors::give_up("connect");
    }
    epoll_event event{.events = EPOLLIN | EPOLLOUT, .data = {.u64 = index}};
    if (::epoll_ctl(poll_, EPOLL_CTL_ADD, connection.fd, &event) != 0) floors::give_up("epoll_ctl");
  }

  // The connection stands: from now on only its answers are waited for.
  void opened(std::size_t index) {
    connections_[index].is_open = true;
    epoll_event event{.events = EPOLLIN, .data = {.u64 = index}};
    if (::epoll_ctl(poll_, EPOLL_CTL_MOD, connections_[index].fd, &event) != 0) floors::give_up("epoll_ctl");
    free_.push_back(index);
  }

  void ask(std::uint64_t now) {
    const std::size_t index = free_.back();
    free_.pop_back();
    Connection& connection = connections_[index];
    connection.busy = true;
    connection.asked_at = now;
    count(now, &Counts::sent);
    const ssize_t sent = ::send(connection.fd, request_.data(), request_.size(), MSG_NOSIGNAL);
    if (sent != std::ssize(request_)) close(index);
  }

  void close(std::size_t index) {
    const std::uint64_t now = floors::now_ns();
    count(now, &Counts::closed);
    ::close(connections_[index].fd);
    connections_[index].fd = -1;
    if (connections_[index].is_open && !connections_[index].busy) std::erase(free_, index);
    connections_[index].is_open = false;
    closed_.emplace_back(now + kBackOff, index);
  }

  void reopen(std::uint64_t now) {
    for (; !closed_.empty() && closed_.front().first <= now; closed_.pop_front()) open(closed_.front().second);
  }

  void hear(std::size_t index) {
    Connection& connection = connections_[index];
    static std::array<char, 1U << 16U> chunk;
    const ssize_t got = ::recv(connection.fd, chunk.data(), chunk.size(), 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return close(index);
    if (!connection.busy) return;
    connection.received.append(chunk.data(), static_cast<std::size_t>(got));
    const auto answer = floors::first_message(connection.received);
    if (!answer) return;
    const std::uint64_t now = floors::now_ns();
    const std::string_view status = answer->head.substr(std::string_view("HTTP/1.1 ").size(), 3);
    const bool in_time = now - connection.asked_at <= patience_ns_;
    if (status.starts_with('2')) {
      count(now, in_time ? &Counts::good : &Counts::late);
      if (now >= begin_) samples_.add(now - connection.asked_at);
    } else if (status == "429") {
      count(now, &Counts::throttled);
    } else if (status == "503") {
      count(now, &Counts::unavailable);
    } else {
      count(now, &Counts::other);
      if (++complaints_ <= 2) fmt::print(stderr, "{}\n", connection.received.substr(0, 500));
    }
    connection.received.clear();
    connection.busy = false;
    free_.push_back(index);
  }

  std::uint16_t port_;
  std::string request_;
  std::uint64_t patience_ns_;
  int poll_;
  bool closed_loop_ = false;
  std::uint64_t begin_ = 0;
  std::vector<Connection> connections_;
  std::vector<std::size_t> free_;
  std::deque<std::pair<std::uint64_t, std::size_t>> closed_;  // when to open which again
  Counts counts_;
  int complaints_ = 0;
  floors::Samples samples_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7) floors::usage("open_load PORT CONNECTIONS SECONDS RATE PATIENCE_MS REQUEST_FILE");
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  const double seconds = std::atof(argv[3]);
  Load load(static_cast<std::uint16_t>(std::atoi(argv[1])), static_cast<std::size_t>(std::atoi(argv[2])),
            whole_file(argv[6]), static_cast<std::uint64_t>(std::atoll(argv[5])) * 1'000'000U);
  load.run(seconds, std::atof(argv[4]));
  load.print(seconds);
}
