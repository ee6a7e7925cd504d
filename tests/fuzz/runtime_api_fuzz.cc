// The Runtime API, spoken by a runtime that may do anything: any bytes on its socket, in any pieces, while an
// invocation waits. The invocation ends exactly once, and what it ends with is what was posted, or the platform's own
// words. First byte: which calls go ahead of the bytes; then a line of piece sizes.
#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>

#include "environment/fake_world.h"
#include "fuzz.h"
#include "runtime_api/router.h"
#include "runtime_api/runtime_api.h"

namespace {

using namespace hearth;
using environment::Environment;
using environment::FakeWorld;
using net::Task;

constexpr std::string_view kNext = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n";

class Doors final : public environment::FakeDoors {
 public:
  explicit Doors(runtime_api::RuntimeApi& api) : api_(api) {}
  std::unique_ptr<environment::OpenDoor> open_runtime_api(Environment& environment, UniqueFd listener) override {
    return api_.open(environment, std::move(listener));
  }

 private:
  runtime_api::RuntimeApi& api_;
};

class Owner final : public environment::EnvironmentOwner {
 public:
  void on_idle(Environment&) override {}
  void on_finishing(Environment&) override {}
  void on_init_failed(Environment&) override {}
  void on_start_failed(Environment&, const Error&) override {}
  void on_reclaimable(Environment&) override {}
  void on_dead(Environment&) override { ++dead; }
  int dead = 0;
};

struct Script {
  bool asks_first = false;
  std::string sizes;
  std::string bytes;
};
const Script* g_script = nullptr;  // FakeWorld::run takes a plain function

Task<> send_all(FakeWorld& world, int fd, std::string_view bytes) {
  for (int tries = 0; !bytes.empty() && tries < 1'000; ++tries) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
    if (sent < 0 && errno != EAGAIN) co_return;
    co_await world.settle();
    char buffer[65'536];
    while (::recv(fd, buffer, sizeof(buffer), 0) > 0) {
    }
  }
}

Task<> play(FakeWorld& world) {
  const Script& script = *g_script;
  runtime_api::RuntimeApi api(world.loop, world.log);
  Doors doors(api);
  Owner owner;
  world.doors = &doors;
  const environment::EnvironmentParts parts = world.parts();
  const environment::EnvironmentTimes times;
  net::Gate gate(world.loop);
  auto environment = std::make_shared<Environment>(parts, times, gate, owner, world.function);
  environment->start();
  co_await world.settle();
  UniqueFd runtime = world.process().connect(sandbox::FakeProcess::Listener::kRuntimeApi);
  FUZZ_REQUIRE(::fcntl(runtime.get(), F_SETFL, O_NONBLOCK) == 0);
  auto invocation = world.invocation("8476a536-e9f4-11e8-9739-2dfe598c3fcd", "{\"a\":1}");
  if (script.asks_first) {
    co_await send_all(world, runtime.get(), kNext);
    FUZZ_REQUIRE(environment->state() == environment::State::kIdle);
    FUZZ_REQUIRE(environment->run(invocation));
    co_await world.settle();
  }
  std::string_view rest = script.bytes;
  for (std::size_t i = 0; !rest.empty(); ++i) {
    const std::size_t wanted = script.sizes.empty()
                                   ? rest.size()
                                   : static_cast<unsigned char>(script.sizes[i % script.sizes.size()]) * 8U + 1U;
    const std::string piece(rest.substr(0, wanted));
    rest.remove_prefix(piece.size());
    co_await send_all(world, runtime.get(), piece);
  }
  runtime.reset();
  co_await world.settle();
  // Whatever it did: its time passes, and the invocation has ended.
  co_await world.advance(std::chrono::seconds(20));
  co_await world.advance(std::chrono::seconds(20));
  if (script.asks_first) FUZZ_REQUIRE(invocation->done.is_set());
  environment->end();
  gate.close();
  co_await gate.drained();
  co_await world.settle();
  FUZZ_REQUIRE(owner.dead <= 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 16'384) return 0;
  fuzz::Input input(data, size);
  Script script;
  script.asks_first = (input.byte() & 1U) != 0;
  script.sizes = input.line();
  script.bytes = input.rest();
  // A path means one call whatever follows it as a query.
  const std::string target = script.bytes.substr(0, 200);
  for (const std::string_view method : {"GET", "POST"}) {
    const runtime_api::Route found = runtime_api::route(method, target);
    FUZZ_REQUIRE(found.request_id.find('/') == std::string_view::npos);
  }
  g_script = &script;
  FakeWorld world;
  world.run(play);
  return 0;
}
