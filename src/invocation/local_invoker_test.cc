#include "invocation/local_invoker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "environment/fake_world.h"

namespace hearth::invocation {
namespace {

using environment::FakeWorld;
using std::chrono::milliseconds;
using testing::HasSubstr;

class Lookup final : public FunctionLookup {
 public:
  // Knows $LATEST only.
  static bool is_latest(std::string_view qualifier) { return qualifier.empty() || qualifier == "$LATEST"; }
  functions::FunctionSnapshot running(const functions::FunctionKey& key, std::string_view qualifier,
                                      double) const override {
    return is_latest(qualifier) && the_running && the_running->key == key ? the_running : nullptr;
  }
  functions::FunctionSnapshot find(const functions::FunctionKey& key, std::string_view qualifier) const override {
    return is_latest(qualifier) && the_latest && the_latest->key == key ? the_latest : running(key, qualifier, 0);
  }
  functions::Registry::Concurrency concurrency(const functions::FunctionKey&) const override { return {}; }
  functions::FunctionSnapshot the_running;
  functions::FunctionSnapshot the_latest;
};

// Answers like a runtime: every environment that opens its door is in `doors.opened`.
class RecordingDoors final : public environment::FakeDoors {
 public:
  std::unique_ptr<environment::OpenDoor> open_runtime_api(environment::Environment& environment, UniqueFd fd) override {
    opened.push_back(environment.shared_from_this());
    return FakeDoors::open_runtime_api(environment, std::move(fd));
  }
  std::vector<std::shared_ptr<environment::Environment>> opened;
};

struct Platform {
  explicit Platform(FakeWorld& the_world, environment::PoolLimits limits = {}, std::uint32_t concurrency = 1000)
      : world(the_world), admission(concurrency) {
    world.doors = &doors;
    pool.emplace(world.parts(), environment::EnvironmentTimes{}, limits, [this] { return memory; });
    placement.emplace(*pool, world.alarms, world.clock);
    lookup.the_running = world.function;
    invoker.emplace(world.loop, lookup, admission, *placement, world.clock);
  }
  struct Pending {
    std::optional<Result<InvokeOutcome>> result;
  };
  std::shared_ptr<Pending> invoke(std::string id, std::string payload = "{}") {
    auto pending = std::make_shared<Pending>();
    InvokeRequest request;
    request.function = world.function->key;
    request.request_id = std::move(id);
    request.payload = std::move(payload);
    world.loop.spawn(wait_for(*invoker, std::move(request), pending));
    return pending;
  }
  static Task<> wait_for(LocalInvoker& invoker, InvokeRequest request, std::shared_ptr<Pending> pending) {
    pending->result = co_await invoker.invoke(std::move(request));
  }
  environment::Environment& environment(std::size_t i) { return *doors.opened.at(i); }
  // The runtime of environment `i` asks for work.
  std::shared_ptr<environment::WorkSlot> next(std::size_t i) { return environment(i).ask_next().value(); }
  static Task<std::string> id_of(std::shared_ptr<environment::WorkSlot> slot) {
    Result<environment::Work> work = co_await slot->wait();
    co_return work ? work->invocation->request_id : "refused: " + work.error().message();
  }
  Task<> stop() {
    doors.opened.clear();
    co_await pool->stop();
  }

  FakeWorld& world;
  RecordingDoors doors;
  ByteCount memory = ByteCount::mib(100'000);
  std::optional<environment::Pool> pool;
  Lookup lookup;
  Admission admission;
  std::optional<Placement> placement;
  std::optional<LocalInvoker> invoker;
};

TEST(LocalInvoker, RunsColdThenWarmInTheSameEnvironment) {
  FakeWorld world;
  world.run([](FakeWorld& w) -> Task<> {
    Platform p(w);
    for (int i = 0; i < 3; ++i) {
      const auto pending = p.invoke("id", "");
      co_await w.settle();
      const auto slot = i == 0 ? p.next(0) : nullptr;
      co_await w.settle();
      EXPECT_EQ(p.admission.in_use(), 1U);
      EXPECT_TRUE(p.environment(0).respond("id", "42"));
      const auto following = p.next(0);
      co_await w.settle();
      EXPECT_TRUE(pending->result.has_value() && pending->result->has_value());
      EXPECT_EQ((*pending->result)->payload, "42");
      EXPECT_EQ((*pending->result)->executed_version, "$LATEST");
      EXPECT_EQ(p.admission.in_use(), 0U);
    }
    EXPECT_EQ(p.pool->counts().started, 1U);
    EXPECT_EQ(p.invoker->counts().invocations, 3U);
    co_await p.stop();
  });
}

TEST(LocalInvoker, GivesEachConcurrentInvocationAnEnvironmentOfItsOwn) {
  FakeWorld world;
  world.run([](FakeWorld& w) -> Task<> {
    Platform p(w);
    const auto a = p.invoke("a");
    const auto b = p.invoke("b");
    co_await w.settle();
    EXPECT_EQ(p.pool->counts().started, 2U);
    const auto first = p.next(1);
    const auto second = p.next(0);
    EXPECT_EQ(co_await Platform::id_of(first), "a") << "first come, first served";
    EXPECT_EQ(co_await Platform::id_of(second), "b");
    co_await p.stop();
    co_await w.settle();
    EXPECT_TRUE(a->result->error().is(ErrorKind::kUnavailable));
    EXPECT_TRUE(b->result->error().is(ErrorKind::kUnavailable));
  });
}

TEST(LocalInvoker, TheNewestUsedEnvironmentIsTakenFirst) {
  FakeWorld world;
  world.run([](FakeWorld& w) -> Task<> {
    Platform p(w);
    p.invoke("a");
    p.invoke("b");
    co_await w.settle();
    for (std::size_t i : {0U, 1U}) {
      const auto slot = p.next(i);
      EXPECT_TRUE(p.environment(i).respond(co_await Platform::id_of(slot), "1"));
    }
    const auto slot1 = p.next(1);
    const auto slot0 = p.next(0);
    p.invoke("c");
    co_await w.settle();
    EXPECT_EQ(co_await Platform::id_of(slot0), "c");
    EXPECT_FALSE(slot1->is_set());
    co_await p.stop();
  });
}

TEST(LocalInvoker, AnEnvironmentThatHasJustAnsweredIsWaitedForAMoment) {
  FakeWorld world;
  world.run([](FakeWorld& w) -> Task<> {
    Platform p(w);
    p.invoke("a");
    co_await w.settle();
    p.next(0);
    EXPECT_TRUE(p.environment(0).respond("a", "1"));
    p.invoke("b");
    co_await w.settle();
    EXPECT_EQ(p.pool->counts().started, 1U);
    const auto slot = p.next(0);
    EXPECT_EQ(co_await Platform::id_of(slot), "b");
    EXPECT_TRUE(p.environment(0).respond("b", "1"));
    p.invoke("c");
    co_await w.settle();
    co_await w.advance(milliseconds(5));
    EXPECT_EQ(p.pool->counts().started, 2U) << "one that does not come back is not waited for";
    co_await p.stop();
  });
}

TEST(LocalInvoker, RefusesBeyondTheConcurrencyOfTheAccount) {
  FakeWorld world;
  world.run([](FakeWorld& w) -> Task<> {
    Platform p(w, {}, 1);
    p.invoke("a");
    co_await w.settle();
    const auto b = p.invoke("b");
    co_await w.settle();
    EXPECT_TRUE(b->result->error().is(ErrorKind::kThrottled));
    EXPECT_EQ(p.invoker->counts().throttles, 1U);
    co_await p.stop();
  });
}

TEST(LocalInvoker, MakesRoomByEndingTheLongestIdleEnvironment) {
  FakeWorld world;
  world.run([](FakeWorld& w) -> Task<> {
    Platform p(w, {.environments = 1, .keep_free = {}});
    p.invoke("a");
    co_await w.settle();
    const auto busy = p.invoke("b");
    co_await w.settle();
    EXPECT_TRUE(busy->result->error().is(ErrorKind::kUnavailable));
    EXPECT_THAT(busy->result->error().message(), HasSubstr("its limit"));
    p.next(0);
    EXPECT_TRUE(p.environment(0).respond("a", "1"));
    p.next(0);
    auto other = std::make_shared<functions::FunctionVersion>(*w.function);
    other->key.name = "g";
    auto invocation = w.invocation("c");
    p.placement->place(other, invocation);
    co_await w.settle();
    EXPECT_EQ(p.environment(0).state(), environment::State::kDead);
    EXPECT_EQ(p.pool->counts().alive, 1U);
    co_await p.stop();
  });
}

TEST(LocalInvoker, StartsNothingWhenTheHostHasNoMemoryLeft) {
  FakeWorld world;
  world.run([](FakeWorld& w) -> Task<> {
    Platform p(w);
    p.memory = ByteCount::mib(10);
    const auto a = p.invoke("a");
    co_await w.settle();
    EXPECT_THAT(a->result->error().message(), HasSubstr("no memory left"));
    EXPECT_EQ(p.pool->counts().started, 0U);
    co_await p.stop();
  });
}

TEST(LocalInvoker, AChangedFunctionGetsNewEnvironmentsAndLosesNoInvocation) {
  FakeWorld world;
  world.run([](FakeWorld& w) -> Task<> {
    Platform p(w);
    const auto a = p.invoke("a");
    co_await w.settle();
    p.next(0);
    auto changed = std::make_shared<functions::FunctionVersion>(*w.function);
    changed->generation = w.function->generation + 1;
    p.lookup.the_running = changed;
    p.pool->on_function_changed(changed->key, {changed});
    const auto b = p.invoke("b");
    co_await w.settle();
    EXPECT_EQ(p.doors.opened.size(), 2U);
    EXPECT_TRUE(p.environment(0).respond("a", "old"));
    EXPECT_FALSE(p.environment(0).ask_next());
    EXPECT_EQ(p.environment(0).state(), environment::State::kDead);
    p.next(1);
    EXPECT_TRUE(p.environment(1).respond("b", "new"));
    co_await w.settle();
    EXPECT_EQ((*a->result)->payload, "old");
    EXPECT_EQ((*b->result)->payload, "new");
    p.next(1);
    p.lookup.the_running = nullptr;
    p.pool->on_function_changed(changed->key, {});
    EXPECT_EQ(p.pool->counts().alive, 0U) << "a deleted function keeps no idle environment";
    co_await p.stop();
  });
}

TEST(LocalInvoker, OneFailingEnvironmentDoesNotAffectTheNextInvocation) {
  FakeWorld world;
  world.run([](FakeWorld& w) -> Task<> {
    Platform p(w);
    const auto a = p.invoke("a");
    co_await w.settle();
    p.next(0);
    w.process().exit({.code = 1, .signal = 0, .oom_killed = false});
    co_await w.settle();
    EXPECT_EQ((*a->result)->function_error, "Unhandled");
    EXPECT_EQ(p.invoker->counts().errors, 1U);
    const auto b = p.invoke("b");
    co_await w.settle();
    p.next(1);
    EXPECT_TRUE(p.environment(1).respond("b", "1"));
    co_await w.settle();
    EXPECT_EQ((*b->result)->payload, "1");
    co_await p.stop();
  });
}

TEST(LocalInvoker, ManyInvocationsOfWhatCannotBeBuiltAllGetAnAnswer) {
  FakeWorld world;
  world.run([](FakeWorld& w) -> Task<> {
    Platform p(w);
    w.code.problem = Error(environment::ErrorKind::kUnavailable, "the blob is gone");
    std::vector<std::shared_ptr<Platform::Pending>> all;
    for (int i = 0; i < 500; ++i) all.push_back(p.invoke("id"));
    for (int i = 0; i < 50; ++i) co_await w.settle();
    for (const auto& pending : all) {
      EXPECT_TRUE(pending->result.has_value());
      if (!pending->result) break;
      EXPECT_THAT(pending->result->error().message(), HasSubstr("the blob is gone"));
    }
    EXPECT_EQ(p.admission.in_use(), 0U);
    co_await p.stop();
  });
}

TEST(LocalInvoker, ChecksBeforeItRuns) {
  FakeWorld world;
  world.run([](FakeWorld& w) -> Task<> {
    Platform p(w);
    InvokeRequest request;
    request.function = w.function->key;
    EXPECT_TRUE(p.invoker->check(request));
    request.qualifier = "7";
    EXPECT_EQ(p.invoker->check(request).error().message(),
              "Function not found: arn:aws:lambda:eu-west-1:123456789012:function:f:7");
    request.qualifier = "$LATEST";
    request.payload = "not json";
    EXPECT_TRUE(p.invoker->check(request).error().is(ErrorKind::kNotJson));
    request.payload = "\"" + std::string(6'291'554, 'p') + "\"";
    EXPECT_TRUE(p.invoker->check(request));
    request.payload += " ";
    EXPECT_EQ(p.invoker->check(request).error().message(),
              "6291557 byte payload is too large for the RequestResponse invocation type (limit 6291556 bytes)");
    request.payload.clear();
    auto pending = std::make_shared<functions::FunctionVersion>(*w.function);
    pending->state = functions::State::kPending;
    p.lookup.the_latest = pending;
    p.lookup.the_running = nullptr;
    EXPECT_TRUE(p.invoker->check(request).error().is(ErrorKind::kPending));
    EXPECT_THAT(p.invoker->check(request).error().message(), HasSubstr("currently in the following state: Pending"));
    request.function.name = "unknown";
    EXPECT_TRUE(p.invoker->check(request).error().is(ErrorKind::kNotFound));
    co_await p.stop();
  });
}

}  // namespace
}  // namespace hearth::invocation
