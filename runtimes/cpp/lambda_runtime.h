#pragma once
// lambda_runtime.h: a runtime for `provided` functions in one header: the Runtime API over one bare socket.
//
// It needs nothing but the C library, so a function can be linked statically against musl, start in a fraction of a
// millisecond, and run on any machine:
//
//     void handle(const lambda::Invocation& invocation, lambda::Buffer& result) { result.append(invocation.event); }
//     int main() { return lambda::serve(handle); }
//
// See examples/provided-cpp for how to build it.

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

namespace lambda {

// Bytes that belong to somebody else.
struct Text {
  const char* data = nullptr;
  size_t size = 0;
  Text() = default;
  Text(const char* bytes, size_t count) : data(bytes), size(count) {}
  Text(const char* string) : data(string), size(strlen(string)) {}
};

// Bytes of its own, growing as needed. Out of memory ends the process.
class Buffer {
 public:
  Buffer() = default;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { free(data_); }

  void reserve(size_t size) {
    if (size <= capacity_) return;
    capacity_ = size > 2 * capacity_ ? size : 2 * capacity_;
    data_ = static_cast<char*>(realloc(data_, capacity_));
    if (data_ == nullptr) abort();
  }
  void append(Text text) {
    reserve(size_ + text.size);
    if (text.size != 0) memcpy(data_ + size_, text.data, text.size);
    size_ += text.size;
  }
  void append_number(long long number) {
    char digits[24];
    append({digits, static_cast<size_t>(snprintf(digits, sizeof digits, "%lld", number))});
  }
  void clear() { size_ = 0; }
  Text text() const { return {data_, size_}; }

 private:
  friend class Connection;
  char* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

// One invocation; valid until the handler returns.
struct Invocation {
  Text request_id;
  Text event;  // JSON
  Text function_arn;
  Text trace_id;
  long long deadline_ms = 0;  // since 1970
};

// Puts the result, JSON, into `result`.
using Handler = void (*)(const Invocation& invocation, Buffer& result);

// A kept-alive HTTP connection to AWS_LAMBDA_RUNTIME_API, which is an IPv4 address and a port.
class Connection {
 public:
  Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { close_socket(); }

  bool open() {
    const char* address = getenv("AWS_LAMBDA_RUNTIME_API");
    const char* colon = address != nullptr ? strrchr(address, ':') : nullptr;
    char host[64] = {};
    if (colon == nullptr || static_cast<size_t>(colon - address) >= sizeof host) return false;
    memcpy(host, address, static_cast<size_t>(colon - address));
    sockaddr_in peer{};
    peer.sin_family = AF_INET;
    peer.sin_port = htons(static_cast<unsigned short>(atoi(colon + 1)));
    if (inet_pton(AF_INET, host, &peer.sin_addr) != 1) return false;
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return connect(socket_, reinterpret_cast<const sockaddr*>(&peer), sizeof peer) == 0;
  }

  // Sends a whole request and reads the whole reply. False: the connection is lost or the reply makes no sense.
  bool exchange(Text request) {
    for (size_t sent = 0; sent < request.size;) {
      const ssize_t count = ::send(socket_, request.data + sent, request.size - sent, MSG_NOSIGNAL);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return false;
      sent += static_cast<size_t>(count);
    }
    reply_.clear();
    body_start_ = 0;
    size_t wanted = 0;
    while (body_start_ == 0 || reply_.size_ < wanted) {
      reply_.reserve(wanted > reply_.size_ ? wanted + 1 : reply_.size_ + 65536);
      const ssize_t count = ::recv(socket_, reply_.data_ + reply_.size_, reply_.capacity_ - reply_.size_, 0);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return false;
      reply_.size_ += static_cast<size_t>(count);
      if (body_start_ == 0 && find_body()) {
        const Text length = header("Content-Length");
        wanted = body_start_ + (length.data != nullptr ? strtoul(length.data, nullptr, 10) : 0);
      }
      if (body_start_ == 0 && reply_.size_ > (1U << 20U)) return false;
    }
    return reply_.size_ > 12;
  }

  int status() const { return atoi(reply_.data_ + 9); }
  Text body() const { return {reply_.data_ + body_start_, reply_.size_ - body_start_}; }

  // Empty if the reply has no such header.
  Text header(const char* name) const {
    const size_t length = strlen(name);
    const char* end = reply_.data_ + body_start_;
    for (const char* line = next_line(reply_.data_, end); line < end; line = next_line(line, end)) {
      if (strncasecmp(line, name, length) != 0 || line[length] != ':') continue;
      const char* value = line + length + 1;
      while (*value == ' ') ++value;
      const char* stop = static_cast<const char*>(memchr(value, '\r', static_cast<size_t>(end - value)));
      return {value, static_cast<size_t>(stop - value)};
    }
    return {};
  }

 private:
  void close_socket() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
  }
  bool find_body() {
    const void* end = memmem(reply_.data_, reply_.size_, "\r\n\r\n", 4);
    if (end == nullptr) return false;
    body_start_ = static_cast<size_t>(static_cast<const char*>(end) - reply_.data_) + 4;
    return true;
  }
  static const char* next_line(const char* from, const char* end) {
    const void* newline = memchr(from, '\n', static_cast<size_t>(end - from));
    return newline != nullptr ? static_cast<const char*>(newline) + 1 : end;
  }

  int socket_ = -1;
  Buffer reply_;
  size_t body_start_ = 0;
};

// Serves invocations until the connection ends. Returns an exit status.
inline int serve(Handler handler) {
  static constexpr const char* kNext = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: runtime\r\n\r\n";
  Connection connection;
  if (!connection.open()) {
    fprintf(stderr, "lambda_runtime: cannot reach the Runtime API: %s\n", strerror(errno));
    return 1;
  }
  Buffer result;
  Buffer request;
  for (;;) {
    if (!connection.exchange(kNext) || connection.status() != 200) break;
    Invocation invocation;
    invocation.request_id = connection.header("Lambda-Runtime-Aws-Request-Id");
    invocation.function_arn = connection.header("Lambda-Runtime-Invoked-Function-Arn");
    invocation.trace_id = connection.header("Lambda-Runtime-Trace-Id");
    const Text deadline = connection.header("Lambda-Runtime-Deadline-Ms");
    invocation.deadline_ms = deadline.data != nullptr ? atoll(deadline.data) : 0;
    invocation.event = connection.body();

    result.clear();
    handler(invocation, result);

    request.clear();
    request.append("POST /2018-06-01/runtime/invocation/");
    request.append(invocation.request_id);
    request.append("/response HTTP/1.1\r\nHost: runtime\r\nContent-Type: application/json\r\nContent-Length: ");
    request.append_number(static_cast<long long>(result.text().size));
    request.append("\r\n\r\n");
    request.append(result.text());
    if (!connection.exchange(request.text())) break;
  }
  fprintf(stderr, "lambda_runtime: the Runtime API is gone\n");
  return 1;
}

}  // namespace lambda
