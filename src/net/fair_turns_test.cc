#include "net/fair_turns.h"

#include <gtest/gtest.h>
#include <sanitizer/lsan_interface.h>

#include <string>
#include <vector>

namespace hearth::net {
namespace {

// What passed, and in which turn.
struct Passed {
  std::string who;
  std::uint64_t turn;
};

class FairTurnsTest : public testing::Test {
 protected:
  static Task<> work(Loop& loop, FairTurns::Lane lane, std::string who, int pieces, std::vector<Passed>& passed) {
    for (int i = 0; i < pieces; ++i) {
      co_await lane.enter();
      passed.push_back({who, loop.turn()});
    }
  }
  // The timer makes the loop wait for events, so that it has turns.
  void run() {
    loop_.spawn(sleep_for(std::chrono::milliseconds(0)));
    loop_.run();
  }

  SystemClock clock_;
  Loop loop_{clock_};
  FairTurns turns_{loop_, 2};
  std::vector<Passed> passed_;
};

TEST_F(FairTurnsTest, NoTurnHasMorePiecesThanItMay) {
  for (int i = 0; i < 10; ++i) loop_.spawn(work(loop_, turns_.make_lane(), "x", 10, passed_));
  run();
  ASSERT_EQ(passed_.size(), 100U);
  for (std::size_t i = 2; i < passed_.size(); ++i) EXPECT_NE(passed_[i].turn, passed_[i - 2].turn) << i;
}

TEST_F(FairTurnsTest, ALaneWithManyWaitersDoesNotHoldUpOneWithFew) {
  const FairTurns::Lane crowded = turns_.make_lane();
  for (int i = 0; i < 50; ++i) loop_.spawn(work(loop_, crowded, "crowd", 4, passed_));
  loop_.spawn(work(loop_, turns_.make_lane(), "neighbour", 3, passed_));
  run();
  ASSERT_EQ(passed_.size(), 203U);
  std::size_t last = 0;
  for (std::size_t i = 0; i < passed_.size(); ++i) {
    if (passed_[i].who == "neighbour") last = i;
  }
  EXPECT_LT(last, 16U) << "its three pieces come up within a few turns";
}

TEST_F(FairTurnsTest, WhoWaitsInALanePassesInOrder) {
  const FairTurns::Lane lane = turns_.make_lane();
  for (int i = 0; i < 9; ++i) loop_.spawn(work(loop_, lane, std::to_string(i), 1, passed_));
  run();
  ASSERT_EQ(passed_.size(), 9U);
  for (std::size_t i = 0; i < passed_.size(); ++i) EXPECT_EQ(passed_[i].who, std::to_string(i));
  EXPECT_EQ(lane.waiting(), 0U);
}

TEST_F(FairTurnsTest, NobodyOvertakesThoseWhoWait) {
  const FairTurns::Lane lane = turns_.make_lane();
  EXPECT_TRUE(lane.try_enter());
  EXPECT_TRUE(lane.try_enter());
  EXPECT_FALSE(lane.try_enter());
  loop_.spawn(work(loop_, lane, "first", 1, passed_));
  bool overtook = true;
  loop_.post([&] { overtook = turns_.make_lane().try_enter(); });
  run();
  EXPECT_FALSE(overtook);
  EXPECT_EQ(passed_.size(), 1U);
}

TEST_F(FairTurnsTest, EndingWhileSomebodyWaitsIsHarmless) {
#if __has_feature(address_sanitizer)
  const __lsan::ScopedDisabler frames_of_waiters_go_with_the_process;
#endif
  for (int i = 0; i < 5; ++i) loop_.spawn(work(loop_, turns_.make_lane(), "x", 100, passed_));
  loop_.post([this] { loop_.post([this] { loop_.stop(); }); });
  run();
  EXPECT_LT(passed_.size(), 500U);
}

}  // namespace
}  // namespace hearth::net
