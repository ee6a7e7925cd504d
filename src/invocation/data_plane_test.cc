#include "invocation/data_plane.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "environment/fake_world.h"
#include "net/gate.h"

namespace hearth::invocation {
namespace {

using environment::Environment;
using testing::HasSubstr;

constexpr std::chrono::seconds kPatience{30};

// What runtimes saw, from the threads of all loops.
class Witness {
 public:
  void ran(const std::string& function, const Environment& environment) {
    const std::lock_guard lock(mutex_);
    threads_[function].insert(std::this_thread::get_id());
    environments_[function].insert(environment.id());
  }
  std::set<std::thread::id> threads(const std::string& function) {
    const std::lock_guard lock(mutex_);
    return threads_[function];
  }
  std::size_t environments(const std::string& function) {
    const std::lock_guard lock(mutex_);
    return environments_[function].size();
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::set<std::thread::id>> threads_;
  std::map<std::string, std::set<std::string>> environments_;
};

// Doors with a runtime behind each: it answers with its function's generation and the event, unless the event says
// "stay", which it never answers.
class LiveDoors final : public environment::FakeDoors {
 public:
  LiveDoors(net::Loop& loop, Witness& witness) : loop_(loop), witness_(witness) {}
  std::unique_ptr<environment::OpenDoor> open_runtime_api(Environment& environment, UniqueFd fd) override {
    EXPECT_TRUE(loop_.on_thread());
    loop_.spawn(live(environment.shared_from_this(), witness_));
    return FakeDoors::open_runtime_api(environment, std::move(fd));
  }

 private:
  static Task<> live(std::shared_ptr<Environment> environment, Witness& witness) {
    for (;;) {
      const auto slot = environment->ask_next();
      if (!slot) co_return;
      Result<environment::Work> work = co_await (*slot)->wait();
      if (!work || work->invocation->payload == "\"stay\"") co_return;
      witness.ran(environment->function()->key.name, *environment);
      std::string answer = std::to_string(environment->function()->generation) + work->invocation->payload;
      if (!environment->respond(work->invocation->request_id, std::move(answer))) co_return;
    }
  }

  net::Loop& loop_;
  Witness& witness_;
};

class Functions final : public FunctionLookup {
 public:
  functions::FunctionSnapshot running(const functions::FunctionKey& key, std::string_view, double) const override {
    const auto found = all.find(key.name);
    return found == all.end() ? nullptr : found->second;
  }
  functions::FunctionSnapshot find(const functions::FunctionKey& key, std::string_view) const override {
    return running(key, {}, 0);
  }
  functions::Registry::Concurrency concurrency(const functions::FunctionKey&) const override { return {}; }
  std::map<std::string, functions::FunctionSnapshot> all;
};

// A control loop, in the test's thread, and as many further ones as asked for.
struct Platform {
  explicit Platform(std::uint32_t loops, environment::PoolLimits limits = {}, std::uint32_t concurrency = 1000)
      : admission(concurrency),
        plane(DataPlaneParts{
                  .pool = workers,
                  .control = {loop, turns, alarms, clock, sandboxes, code, runtimes, doors, logs, log, "C.UTF-8"},
                  .functions = lookup,
                  .admission = admission,
                  .distant_doors = [this](net::Loop& other) -> std::unique_ptr<environment::Doors> {
                    return std::make_unique<LiveDoors>(other, witness);
                  },
                  .times = {},
                  .limits = limits,
                  .available_memory = [] { return ByteCount::mib(100'000); }},
              loops) {}

  // Runs `script` to its end and stops everything.
  void run(Task<> (*script)(Platform&)) {
    plane.start();
    loop.spawn(run_script(*this, script));
    loop.run();
  }
  static Task<> run_script(Platform& platform, Task<> (*script)(Platform&)) {
    co_await script(platform);
    co_await platform.plane.stop();
    platform.loop.stop();
  }

  functions::FunctionKey key(const std::string& name) const { return {"123456789012", "eu-west-1", name}; }
  // Makes a function, or changes it: it has a new generation.
  void publish(const std::string& name) {
    auto made = std::make_shared<functions::FunctionVersion>();
    made->key = key(name);
    made->arn = "arn:aws:lambda:eu-west-1:123456789012:function:" + name;
    made->runtime = "python3.12";
    made->handler = "app.handler";
    made->log_group = "/aws/lambda/" + name;
    made->state = functions::State::kActive;
    made->generation = ++generation;
    lookup.all[name] = made;
    plane.on_function_changed(made->key, {made});
  }
  // A name that the hash gives to `instance`.
  std::string name_on(std::size_t instance, const std::string& prefix = "f") {
    for (int i = 0;; ++i) {
      std::string name = prefix + std::to_string(i);
      if (plane.instance_of(key(name)) == instance) return name;
    }
  }

  struct Pending {
    explicit Pending(net::Loop& loop) : done(loop.executor()) {}
    net::OneShot<bool> done;
    std::optional<Result<InvokeOutcome>> result;
  };
  std::shared_ptr<Pending> invoke(const std::string& name, std::string payload) {
    auto pending = std::make_shared<Pending>(loop);
    InvokeRequest request;
    request.function = key(name);
    request.request_id = "request-" + std::to_string(++requests);
    request.payload = std::move(payload);
    loop.spawn(wait_for(*this, std::move(request), pending));
    return pending;
  }
  static Task<> wait_for(Platform& platform, InvokeRequest request, std::shared_ptr<Pending> pending) {
    pending->result = co_await platform.plane.invoke(std::move(request));
    EXPECT_TRUE(platform.loop.on_thread());
    pending->done.set(true);
  }
  // The answer, or what went wrong.
  static Task<std::string> answer(std::shared_ptr<Pending> pending) {
    const SteadyTime deadline = std::chrono::steady_clock::now() + kPatience;
    if (!pending->result) co_await pending->done.wait_until(deadline);
    if (!pending->result) co_return "no answer";
    if (!*pending->result) co_return "error: " + pending->result->error().message();
    co_return (*pending->result)->function_error + (*pending->result)->payload;
  }
  Task<std::string> call(std::string name, std::string payload) { return answer(invoke(name, std::move(payload))); }
  // Until `condition` holds, turn by turn.
  Task<bool> until(bool (*condition)(Platform&)) {
    const SteadyTime deadline = std::chrono::steady_clock::now() + kPatience;
    while (!condition(*this)) {
      if (std::chrono::steady_clock::now() > deadline) co_return false;
      co_await net::sleep_for(std::chrono::milliseconds(1));
    }
    co_return true;
  }

  SystemClock clock;
  net::Loop loop{clock};
  net::FairTurns turns{loop, 1};
  net::ThreadPool workers{1};
  net::LoopAlarms alarms{loop};
  sandbox::FakeSandboxFactory sandboxes{loop};
  environment::FakeCode code;
  environment::FakeRuntimes runtimes;
  Witness witness;
  LiveDoors doors{loop, witness};
  environment::FakeLogSink logs;
  observe::Logger log{-1, observe::Level::kError, observe::LogFormat::kText};
  Functions lookup;
  Admission admission;
  DataPlane plane;
  std::uint64_t generation = 0;
  int requests = 0;
};

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

class DataPlanes : public testing::TestWithParam<std::uint32_t> {};
INSTANTIATE_TEST_SUITE_P(Loops, DataPlanes, testing::Values(1U, 2U, 3U),
                         [](const auto& loops) { return std::to_string(loops.param); });

TEST_P(DataPlanes, EveryInvocationOfManyAtOnceGetsItsOwnAnswer) {
  Platform platform(GetParam());
  platform.run([](Platform& p) -> Task<> {
    for (int f = 0; f < 8; ++f) p.publish("f" + std::to_string(f));
    for (int round = 0; round < 6; ++round) {
      std::vector<std::shared_ptr<Platform::Pending>> pending;
      for (int i = 0; i < 40; ++i) pending.push_back(p.invoke("f" + std::to_string(i % 8), std::to_string(i)));
      for (std::size_t i = 0; i < pending.size(); ++i) {
        const std::string expected = std::to_string(i % 8 + 1) + std::to_string(i);
        EXPECT_EQ(co_await Platform::answer(pending[i]), expected);
      }
    }
    EXPECT_EQ(p.admission.in_use(), 0U);
    for (int f = 0; f < 8; ++f) {
      EXPECT_EQ(p.witness.threads("f" + std::to_string(f)).size(), 1U) << "a function is pinned to one loop";
    }
  });
  EXPECT_EQ(count_of(platform.logs.text(), "START RequestId: "), 240U) << "no log line is left behind at the stop";
  EXPECT_EQ(count_of(platform.logs.text(), "REPORT RequestId: "), 240U);
  EXPECT_EQ(platform.plane.environments(), 0U);
  EXPECT_EQ(platform.sandboxes.alive_count(), 0U);
  for (const auto& process : platform.sandboxes.processes()) EXPECT_TRUE(process->is_destroyed());
}

TEST_P(DataPlanes, AWarmEnvironmentIsUsedAgain) {
  Platform platform(GetParam());
  platform.run([](Platform& p) -> Task<> {
    const std::string name = p.name_on(0);
    p.publish(name);
    for (int i = 0; i < 20; ++i) {
      EXPECT_EQ(co_await p.call(name, "{}"), "1{}");
    }
    EXPECT_EQ(p.witness.environments(name), 1U);
    EXPECT_EQ(p.plane.environments(), 1U);
  });
}

TEST_P(DataPlanes, AfterAChangeNoInvocationRunsWhatWasBefore) {
  Platform platform(GetParam());
  platform.run([](Platform& p) -> Task<> {
    for (int round = 1; round <= 40; ++round) {
      p.publish("changing");
      EXPECT_EQ(co_await p.call("changing", "{}"), std::to_string(round) + "{}");
    }
  });
}

TEST_P(DataPlanes, RefusalsAreTheSameOnEveryLoop) {
  Platform platform(GetParam(), {}, 4);
  platform.run([](Platform& p) -> Task<> {
    for (std::size_t i = 0; i < 6; ++i) {
      const std::string name = "f" + std::to_string(i);
      EXPECT_THAT(co_await p.call(name, "{}"), HasSubstr("Function not found: arn:aws:lambda"));
      EXPECT_THAT(co_await p.call(name, "{"), HasSubstr("Could not parse"));
      p.publish(name);
    }
    p.code.problem = Error(environment::ErrorKind::kUnavailable, "the tree is gone");
    for (std::size_t i = 0; i < 6; ++i) {
      EXPECT_THAT(co_await p.call("f" + std::to_string(i), "{}"), HasSubstr("the tree is gone"));
    }
    p.code.problem.reset();
    std::vector<std::shared_ptr<Platform::Pending>> staying;
    for (std::size_t i = 0; i < 4; ++i) staying.push_back(p.invoke("f" + std::to_string(i), "\"stay\""));
    EXPECT_TRUE(co_await p.until([](Platform& o) { return o.admission.in_use() == 4; }));
    EXPECT_EQ(co_await p.call("f5", "{}"), "error: Rate Exceeded.") << "the limit is the account's, whatever the loop";
    co_await p.plane.end_all();
    for (const auto& one : staying) {
      EXPECT_THAT(co_await Platform::answer(one), HasSubstr("ended"));
    }
    EXPECT_EQ(co_await p.call("f5", "{}"), "6{}") << "the slots came back";
  });
}

TEST_P(DataPlanes, AProcessThatDiesIsAnsweredForAndReplaced) {
  Platform platform(GetParam());
  platform.run([](Platform& p) -> Task<> {
    const std::string name = p.name_on(GetParam() - 1);
    p.publish(name);
    EXPECT_EQ(co_await p.call(name, "{}"), "1{}");
    const auto pending = p.invoke(name, "\"stay\"");
    EXPECT_TRUE(co_await p.until([](Platform& o) { return o.admission.in_use() == 1; }));
    p.sandboxes.processes().back()->exit({.code = 7, .signal = 0, .oom_killed = false});
    EXPECT_THAT(co_await Platform::answer(pending), HasSubstr("exit status 7"));
    EXPECT_EQ(co_await p.call(name, "{}"), "1{}");
    EXPECT_EQ(p.witness.environments(name), 2U);
  });
}

TEST_P(DataPlanes, WhatRunsWhenItStopsIsAnswered) {
  Platform platform(GetParam());
  platform.run([](Platform& p) -> Task<> {
    for (int i = 0; i < 6; ++i) {
      p.publish("f" + std::to_string(i));
      p.invoke("f" + std::to_string(i), "\"stay\"");
    }
    EXPECT_TRUE(co_await p.until([](Platform& o) { return o.plane.environments() == 6; }));
    const auto last = p.invoke("f0", "\"stay\"");
    co_await p.plane.stop();
    EXPECT_THAT(co_await Platform::answer(last), HasSubstr("error: "));
    EXPECT_EQ(p.admission.in_use(), 0U);
    EXPECT_EQ(co_await p.call("f1", "{}"), "error: the server is stopping");
  });
}

TEST(DataPlane, TheLimitOfTheHostCountsTheEnvironmentsOfAllLoops) {
  Platform platform(2, {.environments = 2});
  platform.run([](Platform& p) -> Task<> {
    const std::string here = p.name_on(0);
    const std::string there = p.name_on(1);
    const std::string also_there = p.name_on(1, "g");
    for (const auto& name : {here, there, also_there}) p.publish(name);
    const auto one = p.invoke(here, "\"stay\"");
    const auto two = p.invoke(there, "\"stay\"");
    EXPECT_TRUE(co_await p.until([](Platform& o) { return o.plane.environments() == 2; }));
    EXPECT_THAT(co_await p.call(also_there, "{}"), HasSubstr("its limit"));
    EXPECT_EQ(p.plane.environments(), 2U);
  });
}

TEST(DataPlane, AnIdleEnvironmentOfAnotherLoopMakesRoom) {
  Platform platform(2, {.environments = 1});
  platform.run([](Platform& p) -> Task<> {
    const std::string here = p.name_on(0);
    const std::string there = p.name_on(1);
    p.publish(here);
    p.publish(there);
    for (int i = 0; i < 5; ++i) {
      EXPECT_EQ(co_await p.call(here, "{}"), "1{}");
      EXPECT_EQ(co_await p.call(there, "{\"big\":1}"), "2{\"big\":1}");
      EXPECT_EQ(p.plane.environments(), 1U);
    }
  });
}

TEST(DataPlane, FunctionsAreSpreadOverTheLoops) {
  Platform platform(4);
  std::map<std::size_t, int> functions;
  for (int i = 0; i < 400; ++i) ++functions[platform.plane.instance_of(platform.key("function-" + std::to_string(i)))];
  EXPECT_EQ(functions.size(), 4U);
  for (const auto& [instance, count] : functions) EXPECT_GT(count, 50) << instance;
}

}  // namespace
}  // namespace hearth::invocation
