#include "net/loop.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/check.h"
#include "net/gate.h"
#include "net/one_shot.h"
#include "net/thread_pool.h"

namespace hearth::net {
namespace {

using namespace std::chrono_literals;

class LoopTest : public testing::Test {
 protected:
  SystemClock clock_;
  Loop loop_{clock_};
};

Task<> note(std::vector<std::string>& notes, std::string text) {
  notes.push_back(std::move(text));
  co_return;
}

TEST_F(LoopTest, PostedAndSpawnedWorkRunsInOrderAndNotAtOnce) {
  std::vector<std::string> notes;
  loop_.post([&] { notes.push_back("posted"); });
  loop_.spawn(note(notes, "spawned"));
  notes.push_back("outside");
  loop_.run();
  EXPECT_EQ(notes, (std::vector<std::string>{"outside", "posted", "spawned"}));
}

TEST_F(LoopTest, PostFromAnotherThreadWakesTheLoop) {
  OneShot<int> arrived(loop_.executor());
  std::optional<int> got;
  struct Waiter {
    static Task<> wait(OneShot<int>& arrived, std::optional<int>& got) { got = co_await arrived.wait(); }
  };
  loop_.spawn(Waiter::wait(arrived, got));
  std::jthread other([&] { loop_.post([&] { arrived.set(7); }); });
  loop_.run();
  EXPECT_EQ(got, 7);
}

TEST_F(LoopTest, StopBeforeRunIsHonoured) {
  bool ran = false;
  loop_.post([&] { ran = true; });
  loop_.stop();
  loop_.run();
  EXPECT_FALSE(ran);
}

TEST_F(LoopTest, StatsShowALongTurn) {
  loop_.watch_turns(1s, [](const SlowTurn&) {});
  loop_.post([] {
    const auto until = std::chrono::steady_clock::now() + 12ms;
    while (std::chrono::steady_clock::now() < until) {
    }
  });
  loop_.run();
  const LoopStats stats = loop_.stats();
  EXPECT_GE(stats.turns.longest(), 12ms);
  loop_.reset_stats();
  EXPECT_EQ(loop_.stats().turns.count(), 0U);
}

TEST_F(LoopTest, SleepingIsNotPartOfATurn) {
  loop_.spawn(sleep_for(30ms));
  loop_.run();
  EXPECT_LT(loop_.stats().turns.longest(), 30ms);
}

Task<> throw_check_failure() {
  HEARTH_CHECK(1 + 1 == 3, "arithmetic");
  co_return;
}

TEST_F(LoopTest, AnExceptionLeavingASpawnedTaskEndsTheProgramWithItsMessage) {
  EXPECT_DEATH(
      {
        loop_.spawn(throw_check_failure());
        loop_.run();
      },
      "exception left a spawned task.*arithmetic");
}

TEST_F(LoopTest, AnExceptionLeavingPostedWorkEndsTheProgram) {
  EXPECT_DEATH(
      {
        loop_.post([] { throw std::runtime_error("boom"); });
        loop_.run();
      },
      "posted to the loop.*boom");
}

Task<> finish_after(std::chrono::milliseconds delay, int& finished) {
  co_await sleep_for(delay);
  ++finished;
}

Task<> close_and_drain(Gate& gate, bool& drained) {
  gate.close();
  co_await gate.drained();
  drained = true;
}

TEST_F(LoopTest, GateDrainsWhenTheLastTaskEndsAndRefusesNewOnes) {
  Gate gate(loop_);
  int finished = 0;
  bool drained = false;
  EXPECT_TRUE(gate.spawn(finish_after(1ms, finished)));
  EXPECT_TRUE(gate.spawn(finish_after(5ms, finished)));
  EXPECT_EQ(gate.running(), 2U);
  loop_.spawn(close_and_drain(gate, drained));
  loop_.run();
  EXPECT_TRUE(drained);
  EXPECT_EQ(finished, 2);
  EXPECT_FALSE(gate.spawn(finish_after(0ms, finished)));
  loop_.run();
  EXPECT_EQ(finished, 2);
}

TEST_F(LoopTest, DrainingAnEmptyGateEndsAtOnce) {
  Gate gate(loop_);
  bool drained = false;
  loop_.spawn(close_and_drain(gate, drained));
  loop_.run();
  EXPECT_TRUE(drained);
}

TEST_F(LoopTest, ALoopWithWaitingTasksCanBeDestroyed) {
  auto gate = std::make_unique<Gate>(loop_);
  int finished = 0;
  gate->spawn(finish_after(1h, finished));
  loop_.post([this] { loop_.stop(); });
  loop_.run();
  gate.reset();
  EXPECT_EQ(finished, 0);
}

Task<> run_in_pool(ThreadPool& pool, Loop& loop, std::thread::id& there, std::thread::id& back, std::string& result) {
  result = co_await pool.run(loop, [&there] {
    there = std::this_thread::get_id();
    return std::string("done");
  });
  back = std::this_thread::get_id();
}

TEST_F(LoopTest, PoolRunsElsewhereAndResumesOnTheLoop) {
  ThreadPool pool(2);
  std::thread::id there;
  std::thread::id back;
  std::string result;
  loop_.spawn(run_in_pool(pool, loop_, there, back, result));
  loop_.run();
  EXPECT_EQ(result, "done");
  EXPECT_NE(there, std::this_thread::get_id());
  EXPECT_EQ(back, std::this_thread::get_id());
}

Task<> run_throwing_work(ThreadPool& pool, Loop& loop, std::string& caught) {
  try {
    co_await pool.run(loop, []() -> int { throw CheckFailed("in the pool"); });
  } catch (const CheckFailed& failure) {
    caught = failure.what();
  }
}

TEST_F(LoopTest, WhatPoolWorkThrowsReachesItsCaller) {
  ThreadPool pool(1);
  std::string caught;
  loop_.spawn(run_throwing_work(pool, loop_, caught));
  loop_.run();
  EXPECT_EQ(caught, "in the pool");
}

TEST(ThreadPool, DestroyingItFinishesQueuedWork) {
  std::atomic<int> done = 0;
  {
    ThreadPool pool(2);
    for (int i = 0; i < 100; ++i) pool.post([&done] { ++done; });
  }
  EXPECT_EQ(done, 100);
}

Task<> wait_twice(OneShot<int>& shot, std::vector<std::optional<int>>& got) {
  got.push_back(co_await shot.wait_until(std::chrono::steady_clock::now() + 1ms));
  shot.set(3);
  got.push_back(co_await shot.wait_until(std::chrono::steady_clock::now() + 1h));
}

TEST_F(LoopTest, OneShotTimesOutAndCanBeWaitedForAgain) {
  OneShot<int> shot(loop_.executor());
  std::vector<std::optional<int>> got;
  loop_.spawn(wait_twice(shot, got));
  loop_.run();
  EXPECT_EQ(got, (std::vector<std::optional<int>>{std::nullopt, 3}));
  EXPECT_FALSE(shot.set(4));
}

}  // namespace
}  // namespace hearth::net
