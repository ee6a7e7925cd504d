#include "environment/distant_parts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "environment/fake_world.h"
#include "net/loop_thread.h"
#include "net/run_there.h"
#include "net/turn_watch.h"

namespace hearth::environment {
namespace {

// The world's loop, in the test's thread, is the control loop; environments are on another.
struct TwoLoops {
  TwoLoops() { other.start(); }
  net::Task<bool> there(net::Task<bool> (*step)(TwoLoops&)) {
    auto make = [this, step] { return step(*this); };
    return net::run_there(world.loop, other.loop(), std::move(make));
  }
  void run(net::Task<> (*script)(TwoLoops&)) {
    world.loop.spawn(run_script(*this, script));
    world.loop.run();
  }
  static net::Task<> run_script(TwoLoops& loops, net::Task<> (*script)(TwoLoops&)) {
    co_await script(loops);
    loops.world.loop.stop();
  }

  FakeWorld world;
  net::LoopThread other{world.clock};
  FakeDoors doors;
  DistantParts distant{other.loop(), world.parts(), doors};
};

std::vector<LogLine> lines(std::initializer_list<std::string> texts) {
  std::vector<LogLine> all;
  for (const auto& text : texts) all.push_back({TimePoint{}, text});
  return all;
}

TEST(DistantParts, CodeComesFromTheControlLoop) {
  TwoLoops loops;
  loops.run([](TwoLoops& l) -> net::Task<> {
    EXPECT_TRUE(co_await l.there([](TwoLoops& o) -> net::Task<bool> {
      functions::CodePackage code;
      const auto tree = co_await o.distant.parts().code.tree(std::move(code));
      EXPECT_TRUE(o.other.loop().on_thread());
      co_return tree && *tree == "/nonexistent/tree";
    }));
    EXPECT_EQ(l.world.code.calls, 1);
    l.world.code.problem = Error(ErrorKind::kUnavailable, "the disk is gone");
    EXPECT_TRUE(co_await l.there([](TwoLoops& o) -> net::Task<bool> {
      functions::CodePackage code;
      const auto tree = co_await o.distant.parts().code.tree(std::move(code));
      co_return !tree && tree.error().is(ErrorKind::kUnavailable);
    }));
  });
}

TEST(DistantParts, LogLinesArriveInTheOrderTheyWereWritten) {
  TwoLoops loops;
  loops.run([](TwoLoops& l) -> net::Task<> {
    co_await l.there([](TwoLoops& o) -> net::Task<bool> {
      o.distant.logs().append("1", "r", "/g", "s", lines({"a", "b"}));
      o.distant.logs().append("1", "r", "/g", "s", lines({"c"}));
      co_await net::sleep_for(std::chrono::nanoseconds(0));
      o.distant.logs().append("1", "r", "/g", "s", lines({"d"}));
      o.distant.logs().flush();
      co_return true;
    });
    EXPECT_THAT(l.world.logs.all, testing::ElementsAre("a", "b", "c", "d"));
    EXPECT_EQ(l.world.logs.target, "/g s");
  });
}

TEST(DistantParts, LogLinesThatTheControlLoopCannotFollowAreDropped) {
  TwoLoops loops;
  loops.run([](TwoLoops& l) -> net::Task<> {
    co_await l.there([](TwoLoops& o) -> net::Task<bool> {
      // Such lines are the test's own long work.
      o.other.loop().watch_turns(std::chrono::hours(1), [](const net::SlowTurn&) {});
      const std::string big(DistantLogs::kMostOnTheWay / 2, 'x');
      for (int i = 0; i < 3; ++i) o.distant.logs().append("1", "r", "/g", "s", lines({big}));
      co_return true;
    });
    for (int i = 0; i < 5000 && l.world.logs.all.size() < 2; ++i) co_await net::sleep_for(std::chrono::milliseconds(1));
    EXPECT_EQ(l.world.logs.all.size(), 2U);
    co_await l.there([](TwoLoops& o) -> net::Task<bool> {
      o.distant.logs().append("1", "r", "/g", "s", lines({"later"}));
      o.distant.logs().flush();
      co_return true;
    });
    EXPECT_EQ(l.world.logs.all.back(), "later");
  });
}

}  // namespace
}  // namespace hearth::environment
