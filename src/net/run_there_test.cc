#include "net/run_there.h"

#include <gtest/gtest.h>

#include <future>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

#include "base/check.h"
#include "net/gate.h"
#include "net/loop_thread.h"

namespace hearth::net {
namespace {

struct TwoLoops {
  TwoLoops() { other.start(); }
  // Runs `script` on `loop`, in the test's thread, to its end.
  void run(Task<> (*script)(TwoLoops&)) {
    loop.spawn(run_script(*this, script));
    loop.run();
  }
  static Task<> run_script(TwoLoops& loops, Task<> (*script)(TwoLoops&)) {
    co_await script(loops);
    loops.loop.stop();
  }

  SystemClock clock;
  Loop loop{clock};
  LoopThread other{clock};
};

Task<std::thread::id> where(std::string kept) {
  EXPECT_EQ(kept, "a text too long to be kept inside of the string object itself");
  co_await sleep_for(std::chrono::nanoseconds(0));
  co_return std::this_thread::get_id();
}

Task<int> throwing(std::string text) {
  co_await sleep_for(std::chrono::nanoseconds(0));
  throw std::runtime_error(text);
}

TEST(RunThere, TheTaskRunsOnTheOtherLoopAndTheCallerStaysOnItsOwn) {
  TwoLoops loops;
  loops.run([](TwoLoops& l) -> Task<> {
    const auto here = std::this_thread::get_id();
    for (int i = 0; i < 100; ++i) {
      auto make = [text = std::string("a text too long to be kept inside of the string object itself")] {
        return where(text);
      };
      const auto there = co_await run_there(l.loop, l.other.loop(), std::move(make));
      EXPECT_NE(there, here);
      EXPECT_EQ(std::this_thread::get_id(), here);
    }
  });
}

TEST(RunThere, OnOneLoopNothingLeavesTheThread) {
  TwoLoops loops;
  loops.run([](TwoLoops& l) -> Task<> {
    bool has_run = false;
    auto make = [&has_run]() -> Task<int> {
      has_run = true;
      return [](int value) -> Task<int> { co_return value; }(7);
    };
    const int value = co_await run_there(l.loop, l.loop, std::move(make));
    EXPECT_EQ(value, 7);
    EXPECT_TRUE(has_run);
  });
}

TEST(RunThere, AnExceptionComesBackToTheCaller) {
  TwoLoops loops;
  loops.run([](TwoLoops& l) -> Task<> {
    std::string caught;
    try {
      auto make = [] { return throwing("from the other loop"); };
      co_await run_there(l.loop, l.other.loop(), std::move(make));
    } catch (const std::runtime_error& failure) {
      caught = failure.what();
    }
    EXPECT_EQ(caught, "from the other loop");
  });
}

TEST(LoopThread, RunsWithoutWorkUntilItIsStopped) {
  const SystemClock clock;
  LoopThread thread(clock);
  std::promise<std::thread::id> first;
  thread.loop().post([&] { first.set_value(std::this_thread::get_id()); });
  thread.start();
  EXPECT_NE(first.get_future().get(), std::this_thread::get_id());
  std::promise<void> second;  // the loop had nothing left to do, and is still there
  thread.loop().post([&] { second.set_value(); });
  second.get_future().get();
  thread.stop();
  thread.stop();
}

Task<> nothing() { co_return; }

TEST(Loop, KnowsItsThread) {
  TwoLoops loops;
  EXPECT_TRUE(loops.loop.on_thread()) << "while no thread runs it, whoever builds its objects may touch them";
  std::promise<void> checked;
  loops.other.loop().post([&] {
    EXPECT_TRUE(loops.other.loop().on_thread());
    checked.set_value();
  });
  checked.get_future().get();
  EXPECT_FALSE(loops.other.loop().on_thread());
  loops.other.stop();
  EXPECT_TRUE(loops.other.loop().on_thread());
}

TEST(Loop, WorkIsNotStartedFromAnotherThread) {
  TwoLoops loops;
  Gate gate(loops.other.loop());
  std::promise<void> runs;
  loops.other.loop().post([&] { runs.set_value(); });
  runs.get_future().get();
  EXPECT_THROW(loops.other.loop().spawn(nothing()), CheckFailed);
  EXPECT_THROW(gate.spawn(nothing()), CheckFailed);
  EXPECT_THROW(gate.close(), CheckFailed);
}

}  // namespace
}  // namespace hearth::net
