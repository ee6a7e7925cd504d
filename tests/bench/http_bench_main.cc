// http_bench: HttpServer with a handler that says hello, for tests/bench/http_bench.py. Prints "listening PORT" and
// ends with its standard input. The answer is the same bytes as floor_front's to GET /ping, plus the Date of a real
// server.

#include <fmt/format.h>
#include <unistd.h>

#include "net/fd_watch.h"
#include "net/http_server.h"

namespace {

using hearth::net::HttpReply;
using hearth::net::HttpRequest;
using hearth::net::Task;

class Hello : public hearth::net::HttpHandler {
 public:
  Task<HttpReply> handle(HttpRequest) override {
    co_return HttpReply{
        .status = 200, .headers = {{"Content-Type", "application/json"}}, .body = "{\"ok\": true}\n", .close = false};
  }
};

Task<> stop_with_input(hearth::net::Loop& loop) {
  hearth::net::FdWatch input(loop, STDIN_FILENO);
  co_await input.readable(hearth::SteadyTime::max());
  loop.stop();
}

}  // namespace

int main() {
  const hearth::SystemClock clock;
  hearth::net::Loop loop(clock);
  const hearth::observe::Logger log(STDERR_FILENO, hearth::observe::Level::kWarn, hearth::observe::LogFormat::kText);
  Hello hello;
  hearth::net::HttpServer server(loop, hello, {}, log);
  const auto port = server.listen("127.0.0.1", 0);
  if (!port) {
    log.error(port.error().message());
    return 1;
  }
  fmt::print("listening {}\n", *port);
  std::fflush(stdout);
  loop.spawn(stop_with_input(loop));
  loop.run();
  fmt::print("longest turn {} us\n", loop.stats().turns.longest().count() / 1000);
}
