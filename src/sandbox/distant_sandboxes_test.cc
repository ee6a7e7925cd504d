#include "sandbox/distant_sandboxes.h"

#include <gtest/gtest.h>

#include <csignal>
#include <optional>
#include <utility>

#include "net/loop_thread.h"
#include "net/run_there.h"
#include "sandbox/fake_sandbox.h"

namespace hearth::sandbox {
namespace {

// The factory on the test's thread; its user on another.
struct World {
  World() { user.start(); }
  void run(net::Task<> (*script)(World&)) {
    factory_loop.spawn(run_script(*this, script));
    factory_loop.run();
  }
  static net::Task<> run_script(World& world, net::Task<> (*script)(World&)) {
    co_await script(world);
    world.factory_loop.stop();
  }
  // Runs a step on the user's loop.
  net::Task<bool> there(net::Task<bool> (*step)(World&)) {
    auto make = [this, step] { return step(*this); };
    return net::run_there(factory_loop, user.loop(), std::move(make));
  }
  static net::Task<bool> create(World& world) {
    SandboxSpec spec{.name = "s"};
    auto made = co_await world.distant.create(std::move(spec));
    if (made) world.sandbox = *std::move(made);
    if (!made) world.error = made.error().message();
    co_return world.sandbox != nullptr;
  }
  static net::Task<bool> drop(World& world) {
    world.sandbox.reset();
    co_return true;
  }
  FakeProcess& process() { return *fakes.processes().back(); }

  SystemClock clock;
  net::Loop factory_loop{clock};
  FakeSandboxFactory fakes{factory_loop};
  net::LoopThread user{clock};
  DistantSandboxes distant{user.loop(), factory_loop, fakes};
  // The user's.
  std::unique_ptr<Sandbox> sandbox;
  std::string error;
  std::optional<Exit> exit;
  std::shared_ptr<net::OneShot<bool>> exited;
};

net::Task<bool> listen_for_exit(World& world) {
  world.exited = std::make_shared<net::OneShot<bool>>(world.user.loop().executor());
  world.sandbox->on_exit([&world](Exit exit) {
    EXPECT_TRUE(world.user.loop().on_thread());
    world.exit = exit;
    world.exited->set(true);
  });
  EXPECT_FALSE(world.exit.has_value()) << "never inside the setter";
  co_return true;
}

net::Task<bool> wait_for_exit(World& world) { co_return co_await world.exited->wait(); }

TEST(DistantSandboxes, GiveTheirDescriptorsAndReportTheExitToTheUsersLoop) {
  World world;
  world.run([](World& w) -> net::Task<> {
    EXPECT_TRUE(co_await w.there(World::create));
    EXPECT_TRUE(co_await w.there([](World& o) -> net::Task<bool> {
      EXPECT_TRUE(o.sandbox->take_listeners().runtime_api);
      EXPECT_TRUE(o.sandbox->take_stdout());
      EXPECT_TRUE(o.sandbox->take_stderr());
      EXPECT_TRUE(o.sandbox->take_log_pipe());
      return listen_for_exit(o);
    }));
    w.process().exit({.code = 3, .signal = 0, .oom_killed = false});
    EXPECT_TRUE(co_await w.there(wait_for_exit));
    EXPECT_TRUE(co_await w.there([](World& o) -> net::Task<bool> { co_return o.exit->code == 3; }));
    co_await w.there(World::drop);
    EXPECT_TRUE(w.process().is_destroyed());
  });
}

TEST(DistantSandboxes, AnExitThatCameBeforeAnybodyListenedIsReported) {
  World world;
  world.run([](World& w) -> net::Task<> {
    w.fakes.on_create([](FakeProcess& process) { process.exit({.code = 1, .signal = 0, .oom_killed = false}); });
    EXPECT_TRUE(co_await w.there(World::create));
    EXPECT_TRUE(co_await w.there(listen_for_exit));
    EXPECT_TRUE(co_await w.there(wait_for_exit));
    co_await w.there(World::drop);
  });
}

TEST(DistantSandboxes, KillsAndTermsAndFreezesReachTheProcess) {
  World world;
  world.run([](World& w) -> net::Task<> {
    EXPECT_TRUE(co_await w.there(World::create));
    EXPECT_TRUE(co_await w.there([](World& o) -> net::Task<bool> {
      EXPECT_TRUE(o.sandbox->freeze());
      EXPECT_TRUE(o.sandbox->limit_cpu(250));
      o.sandbox->terminate();
      return listen_for_exit(o);
    }));
    EXPECT_TRUE(w.process().is_frozen());
    EXPECT_EQ(w.process().cpu_milli(), 250U);
    EXPECT_EQ(w.process().terminate_count(), 1);
    w.process().use_memory(ByteCount::mib(7));
    EXPECT_TRUE(co_await w.there([](World& o) -> net::Task<bool> {
      EXPECT_EQ(o.sandbox->peak_memory().value, ByteCount::mib(7).value);
      EXPECT_TRUE(o.sandbox->thaw());
      o.sandbox->kill();
      return wait_for_exit(o);
    }));
    EXPECT_EQ(w.process().kill_count(), 1);
    EXPECT_TRUE(co_await w.there([](World& o) -> net::Task<bool> { co_return o.exit->signal == SIGKILL; }));
    co_await w.there(World::drop);
  });
}

TEST(DistantSandboxes, OneDroppedWhileItRunsIsDestroyedAndReportsNothing) {
  World world;
  world.run([](World& w) -> net::Task<> {
    EXPECT_TRUE(co_await w.there(World::create));
    EXPECT_TRUE(co_await w.there(listen_for_exit));
    co_await w.there(World::drop);
    EXPECT_TRUE(w.process().is_destroyed());
    EXPECT_FALSE(w.process().is_alive());
    EXPECT_TRUE(co_await w.there([](World& o) -> net::Task<bool> { co_return !o.exit.has_value(); }));
  });
}

TEST(DistantSandboxes, ACreationThatFailsSaysWhy) {
  World world;
  world.run([](World& w) -> net::Task<> {
    w.fakes.fail_next({ErrorKind::kNoResources, "no memory"});
    EXPECT_FALSE(co_await w.there(World::create));
    EXPECT_TRUE(co_await w.there([](World& o) -> net::Task<bool> { co_return o.error == "no memory"; }));
  });
}

}  // namespace
}  // namespace hearth::sandbox
