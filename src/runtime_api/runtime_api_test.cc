#include "runtime_api/runtime_api.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "environment/fake_world.h"
#include "environment/pool.h"

namespace hearth::runtime_api {
namespace {

using environment::Environment;
using environment::FakeWorld;
using environment::State;
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kNextCall = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n";

std::string post(const std::string& path, const std::string& body, const std::string& headers = "") {
  return "POST /2018-06-01/runtime/" + path + " HTTP/1.1\r\nHost: x\r\n" + headers +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

class Doors final : public environment::FakeDoors {
 public:
  explicit Doors(RuntimeApi& api) : api_(api) {}
  std::unique_ptr<environment::OpenDoor> open_runtime_api(Environment& environment, UniqueFd listener) override {
    current = &environment;
    return api_.open(environment, std::move(listener));
  }

 private:
  RuntimeApi& api_;
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

// An environment whose Runtime API is real, and a runtime made of sockets.
struct Inside {
  explicit Inside(FakeWorld& the_world) : world(the_world), api(world.loop, world.log), doors(api), gate(world.loop) {
    world.doors = &doors;
    parts.emplace(world.parts());
    environment = std::make_shared<Environment>(*parts, times, gate, owner, world.function);
    environment->start();
  }
  UniqueFd connect() const {
    UniqueFd fd = world.process().connect(sandbox::FakeProcess::Listener::kRuntimeApi);
    ::fcntl(fd.get(), F_SETFL, O_NONBLOCK);
    return fd;
  }
  // Sends all of `bytes`, letting the server read.
  Task<> send(const UniqueFd& fd, std::string_view bytes) {
    for (int tries = 0; !bytes.empty() && tries < 20'000; ++tries) {
      const ssize_t sent = ::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
      if (sent < 0 && errno != EAGAIN) co_return;
      co_await world.settle();
    }
  }
  // What has arrived.
  Task<std::string> receive(const UniqueFd& fd) {
    std::string all;
    for (int quiet = 0; quiet < 4;) {
      co_await world.settle();
      char buffer[65'536];
      const ssize_t got = ::recv(fd.get(), buffer, sizeof(buffer), 0);
      if (got > 0) all.append(buffer, static_cast<std::size_t>(got));
      quiet = got > 0 ? 0 : quiet + 1;
    }
    co_return all;
  }
  Task<std::string> ask(const UniqueFd& fd, std::string request) {
    co_await send(fd, request);
    co_return co_await receive(fd);
  }
  Task<> end() {
    environment->end();
    gate.close();
    co_await gate.drained();
    co_await world.settle();
  }

  FakeWorld& world;
  RuntimeApi api;
  Doors doors;
  std::optional<environment::EnvironmentParts> parts;
  environment::EnvironmentTimes times;
  net::Gate gate;
  Owner owner;
  std::shared_ptr<Environment> environment;
};

TEST(RuntimeApi, HandsOverAnInvocationAndTakesItsAnswer) {
  FakeWorld world;
  world.run([](FakeWorld& w) -> Task<> {
    Inside inside(w);
    co_await w.settle();
    const UniqueFd runtime = inside.connect();
    co_await inside.send(runtime, kNextCall);
    co_await w.settle();
    EXPECT_EQ(inside.environment->state(), State::kIdle);
    auto invocation = w.invocation("id-1", "{\"a\":1}");
    invocation->trace_header = "Root=1-x";
    invocation->client_context = "{\"custom\":\r\n{}}";
    EXPECT_TRUE(inside.environment->run(invocation));
    const std::string next = co_await inside.receive(runtime);
    EXPECT_THAT(next, StartsWith("HTTP/1.1 200 OK\r\n"));
    for (const char* part :
         {"Lambda-Runtime-Aws-Request-Id: id-1\r\n", "Lambda-Runtime-Deadline-Ms: 1700000003000\r\n",
          "Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:eu-west-1:123456789012:function:f\r\n",
          "Lambda-Runtime-Trace-Id: Root=1-x\r\n", "Lambda-Runtime-Client-Context: {\"custom\":  {}}\r\n",
          "Content-Type: application/json\r\n", "\r\n\r\n{\"a\":1}"}) {
      EXPECT_THAT(next, HasSubstr(part));
    }
    const std::string accepted = co_await inside.ask(runtime, post("invocation/id-1/response", "\"ok\""));
    EXPECT_THAT(accepted, StartsWith("HTTP/1.1 202 Accepted\r\n"));
    EXPECT_THAT(accepted, HasSubstr("{\"status\":\"OK\"}"));
    EXPECT_EQ((co_await invocation->done.wait())->payload, "\"ok\"");
    co_await inside.end();
  });
}

TEST(RuntimeApi, RefusesByStateWithAwsWords) {
  FakeWorld world;
  world.run([](FakeWorld& w) -> Task<> {
    Inside inside(w);
    co_await w.settle();
    const UniqueFd waiting = inside.connect();
    const UniqueFd runtime = inside.connect();
    EXPECT_THAT(co_await inside.ask(runtime, post("invocation/x/response", "1")),
                HasSubstr(R"({"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"})"));
    co_await inside.send(waiting, kNextCall);
    co_await w.settle();
    auto invocation = w.invocation("id");
    EXPECT_TRUE(inside.environment->run(invocation));
    EXPECT_THAT(co_await inside.ask(runtime, kNextCall), StartsWith("HTTP/1.1 403"));
    EXPECT_THAT(co_await inside.ask(runtime, post("init/error", "{}")), HasSubstr("InvalidStateTransition"));
    EXPECT_THAT(co_await inside.ask(runtime, post("invocation/other/error", "{}")), StartsWith("HTTP/1.1 400"));
    EXPECT_FALSE(invocation->done.is_set());
    EXPECT_THAT(co_await inside.ask(runtime, post("invocation/id/error", "{\"e\":1}")), StartsWith("HTTP/1.1 202"));
    EXPECT_THAT(co_await inside.ask(runtime, post("invocation/id/response", "late")), StartsWith("HTTP/1.1 403"));
    EXPECT_EQ((co_await invocation->done.wait())->payload, "{\"e\":1}");
    EXPECT_THAT(co_await inside.ask(runtime, "GET /2018-06-01/nothing HTTP/1.1\r\nHost: x\r\n\r\n"),
                StartsWith("HTTP/1.1 404"));
    EXPECT_THAT(co_await inside.ask(runtime, "PUT /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n"),
                StartsWith("HTTP/1.1 405"));
    co_await inside.end();
  });
}

TEST(RuntimeApi, TakesThePayloadOfExactlyTheLimitAndRefusesOneByteMore) {
  FakeWorld world;
  world.run([](FakeWorld& w) -> Task<> {
    Inside inside(w);
    co_await w.settle();
    const UniqueFd runtime = inside.connect();
    co_await inside.send(runtime, kNextCall);
    co_await w.settle();
    const std::string largest(6'291'556, 'p');
    auto first = w.invocation("first", largest);
    EXPECT_TRUE(inside.environment->run(first));
    const std::string delivered = co_await inside.receive(runtime);
    EXPECT_TRUE(delivered.ends_with("\r\n\r\n" + largest));
    EXPECT_THAT(co_await inside.ask(runtime, post("invocation/first/response", largest)), StartsWith("HTTP/1.1 202"));
    EXPECT_EQ((co_await first->done.wait())->payload, largest);
    co_await inside.send(runtime, kNextCall);
    co_await w.settle();
    auto second = w.invocation("second");
    EXPECT_TRUE(inside.environment->run(second));
    (void)co_await inside.receive(runtime);
    const std::string refused = co_await inside.ask(runtime, post("invocation/second/response", largest + "p"));
    EXPECT_THAT(refused, StartsWith("HTTP/1.1 413"));
    EXPECT_THAT(refused, HasSubstr("Exceeded maximum allowed payload size (6291556 bytes)."));
    EXPECT_THAT((co_await second->done.wait())->payload, HasSubstr("Function.ResponseSizeTooLarge"));
    const UniqueFd again = inside.connect();
    (void)co_await inside.ask(again, kNextCall);
    EXPECT_EQ(inside.owner.dead, 1) << "what a cut connection did to the runtime is unknown: it is replaced";
    co_await inside.end();
  });
}

TEST(RuntimeApi, TakesAStreamedResponseAsAWholeOne) {
  FakeWorld world;
  world.run([](FakeWorld& w) -> Task<> {
    Inside inside(w);
    co_await w.settle();
    const UniqueFd runtime = inside.connect();
    co_await inside.send(runtime, kNextCall);
    co_await w.settle();
    auto invocation = w.invocation("id");
    EXPECT_TRUE(inside.environment->run(invocation));
    (void)co_await inside.receive(runtime);
    EXPECT_THAT(
        co_await inside.ask(runtime,
                            "POST /2018-06-01/runtime/invocation/id/response HTTP/1.1\r\nHost: x\r\n"
                            "Lambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\n\r\n"
                            "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"),
        StartsWith("HTTP/1.1 202"));
    EXPECT_EQ((co_await invocation->done.wait())->payload, "abcdefg");
    co_await inside.end();
  });
}

TEST(RuntimeApi, AnUnknownResponseModeIsTheFunctionsError) {
  FakeWorld world;
  world.run([](FakeWorld& w) -> Task<> {
    Inside inside(w);
    co_await w.settle();
    const UniqueFd runtime = inside.connect();
    co_await inside.send(runtime, kNextCall);
    co_await w.settle();
    auto invocation = w.invocation("id");
    EXPECT_TRUE(inside.environment->run(invocation));
    (void)co_await inside.receive(runtime);
    EXPECT_THAT(co_await inside.ask(
                    runtime, post("invocation/id/response", "1", "Lambda-Runtime-Function-Response-Mode: x\r\n")),
                HasSubstr("InvalidFunctionResponseMode"));
    EXPECT_THAT((co_await invocation->done.wait())->payload, HasSubstr("Runtime.InvalidResponseModeHeader"));
    co_await inside.end();
  });
}

TEST(RuntimeApi, ARuntimeThatNeverReadsHurtsOnlyItself) {
  FakeWorld world;
  world.run([](FakeWorld& w) -> Task<> {
    Inside inside(w);
    co_await w.settle();
    const UniqueFd runtime = inside.connect();
    co_await inside.send(runtime, kNextCall);
    co_await w.settle();
    auto invocation = w.invocation("id", std::string(6'000'000, 'p'));
    EXPECT_TRUE(inside.environment->run(invocation));
    co_await w.settle();
    co_await w.advance(std::chrono::seconds(3));
    EXPECT_THAT((co_await invocation->done.wait())->payload, HasSubstr("Sandbox.Timedout"));
    EXPECT_EQ(inside.owner.dead, 1);
    co_await inside.end();
  });
}

TEST(RuntimeApi, AHundredConnectionsAndHalfRequestsDoNoHarm) {
  FakeWorld world;
  world.run([](FakeWorld& w) -> Task<> {
    Inside inside(w);
    co_await w.settle();
    std::vector<UniqueFd> crowd;
    for (int i = 0; i < 100; ++i) {
      crowd.push_back(inside.connect());
      const std::string_view half(kNextCall, i % 3 == 0 ? std::string_view(kNextCall).size() : 20);
      (void)::send(crowd.back().get(), half.data(), half.size(), MSG_NOSIGNAL);
      co_await w.settle();
    }
    crowd.clear();
    co_await w.settle();
    const UniqueFd runtime = inside.connect();
    co_await inside.send(runtime, kNextCall);
    co_await w.settle();
    auto invocation = w.invocation("id");
    EXPECT_TRUE(inside.environment->run(invocation));
    EXPECT_THAT(co_await inside.receive(runtime), HasSubstr("Lambda-Runtime-Aws-Request-Id: id"));
    co_await inside.end();
  });
}

TEST(RuntimeApi, TheEndOfTheEnvironmentEndsItsConnections) {
  FakeWorld world;
  world.run([](FakeWorld& w) -> Task<> {
    Inside inside(w);
    co_await w.settle();
    const UniqueFd runtime = inside.connect();
    co_await inside.send(runtime, kNextCall);
    co_await w.settle();
    co_await inside.end();
    char byte = 0;
    (void)co_await inside.receive(runtime);
    EXPECT_EQ(::recv(runtime.get(), &byte, 1, 0), 0);
  });
}

}  // namespace
}  // namespace hearth::runtime_api
