// A whole connection: any bytes, in any pieces, through a real HttpServer. The answers are the same however the bytes
// arrive, every one is well-formed, they come in order, and when the client has finished the connection ends.
// First a line of piece sizes, then what the client sends.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>

#include "fuzz.h"
#include "net/http_server.h"

namespace {

using namespace hearth;
using net::HttpReply;
using net::HttpRequest;
using net::Task;

// Answers with what it understood, so that a request which was cut elsewhere shows.
class Echo final : public net::HttpHandler {
 public:
  Task<HttpReply> handle(HttpRequest request) override {
    std::string seen = request.head.method + " " + request.head.target + "\n";
    for (const Header& header : request.head.headers) seen += header.name + "=" + header.value + "\n";
    seen += "\n" + request.body;
    ++handled;
    co_return HttpReply{.status = 200, .headers = {}, .body = std::move(seen), .close = false};
  }
  int handled = 0;
};

void set_nonblocking(int fd) { FUZZ_REQUIRE(::fcntl(fd, F_SETFL, O_NONBLOCK) == 0); }

// Everything the server says until it closes.
Task<> talk(net::Loop& loop, int client, std::string bytes, std::string sizes, std::string& answer) {
  const auto listen_in = [&] {
    char buffer[65'536];
    ssize_t got = 0;
    while ((got = ::recv(client, buffer, sizeof(buffer), 0)) > 0) answer.append(buffer, static_cast<std::size_t>(got));
    return got == 0;
  };
  bool ended = false;
  std::size_t sent = 0;
  for (std::size_t i = 0; sent < bytes.size() && !ended;) {
    const std::size_t wanted = sizes.empty() ? bytes.size() : static_cast<unsigned char>(sizes[i % sizes.size()]) + 1U;
    const std::size_t piece = std::min(wanted, bytes.size() - sent);
    const ssize_t count = ::send(client, bytes.data() + sent, piece, MSG_NOSIGNAL);
    if (count > 0) sent += static_cast<std::size_t>(count), ++i;
    for (int turn = 0; turn < 2; ++turn) co_await net::sleep_for(std::chrono::nanoseconds(0));
    ended = listen_in();
    if (count < 0 && errno != EAGAIN) break;
  }
  ::shutdown(client, SHUT_WR);
  for (int turns = 0; !ended; ++turns) {
    FUZZ_REQUIRE(turns < 100'000);  // the server would wait for a client that has gone
    co_await net::sleep_for(std::chrono::nanoseconds(0));
    ended = listen_in();
  }
  loop.stop();
}

std::string without_dates(std::string text) {
  for (std::size_t at = text.find("\r\nDate: "); at != std::string::npos; at = text.find("\r\nDate: ", at))
    text.erase(at, text.find("\r\n", at + 2) - at);
  return text;
}

struct Talk {
  std::string answer;
  int handled = 0;
};

Talk converse(const std::string& bytes, const std::string& sizes) {
  const SystemClock clock;
  const observe::Logger log(-1, observe::Level::kError, observe::LogFormat::kText);
  net::Loop loop(clock);
  Echo echo;
  net::HttpLimits limits;
  limits.max_head = ByteCount::kib(4);
  limits.max_body = ByteCount::kib(8);
  net::HttpServer server(loop, echo, limits, log);
  const UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const std::string name = std::string(1, '\0') + "hearth-fuzz-" + std::to_string(::getpid());
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  name.copy(address.sun_path, name.size());
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  FUZZ_REQUIRE(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), length) == 0);
  FUZZ_REQUIRE(::listen(listener.get(), 1) == 0);
  const UniqueFd client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  FUZZ_REQUIRE(::connect(client.get(), reinterpret_cast<sockaddr*>(&address), length) == 0);
  set_nonblocking(client.get());
  server.serve(UniqueFd(::dup(listener.get())));
  Talk talk_result;
  loop.spawn(talk(loop, client.get(), bytes, sizes, talk_result.answer));
  loop.run();
  server.abort();
  talk_result.handled = echo.handled;
  talk_result.answer = without_dates(std::move(talk_result.answer));
  return talk_result;
}

// Takes the answers apart as any client would; the number of final ones.
int count_answers(std::string_view text) {
  int count = 0;
  while (!text.empty()) {
    FUZZ_REQUIRE(text.starts_with("HTTP/1.1 "));
    const std::size_t end = text.find("\r\n\r\n");
    FUZZ_REQUIRE(end != std::string_view::npos);
    const std::string_view head = text.substr(0, end + 2);
    text.remove_prefix(end + 4);
    if (head.starts_with("HTTP/1.1 100 ")) continue;
    ++count;
    const std::size_t at = head.find("\r\nContent-Length: ");
    FUZZ_REQUIRE(at != std::string_view::npos);
    const auto size = static_cast<std::size_t>(std::atoll(std::string(head.substr(at + 18)).c_str()));
    if (size > text.size() || text.starts_with("HTTP/1.1 ")) continue;  // to HEAD: no body follows
    text.remove_prefix(size);
  }
  return count;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 20'000) return 0;
  fuzz::Input input(data, size);
  const std::string sizes = input.line();
  const std::string bytes = input.rest();
  const Talk whole = converse(bytes, "");
  const Talk pieces = converse(bytes, sizes);
  FUZZ_REQUIRE(whole.handled == pieces.handled);
  // 100 Continue is sent only to a client that waits for it, which depends on when its body arrives.
  if (whole.answer.find("100 Continue") == std::string::npos && pieces.answer.find("100 Continue") == std::string::npos)
    FUZZ_REQUIRE(whole.answer == pieces.answer);
  if (bytes.find("HEAD") == std::string::npos) {
    const int answers = count_answers(whole.answer);
    FUZZ_REQUIRE(answers == whole.handled || answers == whole.handled + 1);  // and one refusal, which is the last
  }
  return 0;
}
