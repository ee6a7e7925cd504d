#include "net/turn_watch.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <atomic>
#include <ctime>
#include <thread>
#include <vector>

#include "net/loop.h"
#include "net/turn_label.h"

namespace hearth::net {
namespace {

using namespace std::chrono_literals;

std::chrono::nanoseconds computed_by_this_thread() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

// As long as it takes, whatever else runs on the machine.
void compute_for(std::chrono::nanoseconds time) {
  const auto until = computed_by_this_thread() + time;
  while (computed_by_this_thread() < until) {
  }
}

class TurnWatchTest : public testing::Test {
 protected:
  TurnWatchTest() { watch_over(turn_limit_of_this_build()); }
  void watch_over(std::chrono::nanoseconds limit) {
    loop_.watch_turns(limit, [this](const SlowTurn& turn) { seen_.push_back(turn); });
  }

  SystemClock clock_;
  Loop loop_{clock_};
  std::vector<SlowTurn> seen_;
};

TEST_F(TurnWatchTest, ATurnThatComputesForTooLongIsReportedWithWhatRan) {
  const auto limit = turn_limit_of_this_build();
  loop_.post([limit] {
    note_turn("quick");
    note_turn("hashing");
    compute_for(limit * 3);
    note_turn("another");
  });
  loop_.run();
  ASSERT_EQ(seen_.size(), 1U);
  const SlowTurn& turn = seen_.front();
  EXPECT_GE(turn.computed, limit * 3);
  EXPECT_EQ(turn.slept, 0ns);
  EXPECT_EQ(turn.label, "hashing");
  EXPECT_EQ(turn.labels, 3U);
  EXPECT_NE(turn.text().find("a loop turn took"), std::string::npos) << turn.text();
#if !__has_feature(thread_sanitizer)
  EXPECT_FALSE(turn.stack.empty());
  EXPECT_NE(turn.text().find("net_test+0x"), std::string::npos) << turn.text();
#endif
}

TEST_F(TurnWatchTest, ATurnThatSleepsInTheSystemIsReported) {
  const auto limit = turn_limit_of_this_build();
  loop_.post([limit] { std::this_thread::sleep_for(limit * (kSleepFactor + 1)); });
  loop_.run();
  ASSERT_EQ(seen_.size(), 1U);
  EXPECT_GT(seen_.front().slept, limit * kSleepFactor);
}

TEST_F(TurnWatchTest, ShortTurnsAreNot) {
  for (int i = 0; i < 100; ++i) {
    loop_.post([] { compute_for(100us); });
    loop_.run();
  }
  EXPECT_TRUE(seen_.empty()) << seen_.front().text();
}

TEST_F(TurnWatchTest, WaitingForEventsIsNotPartOfATurn) {
  loop_.spawn(sleep_for(turn_limit_of_this_build() * 3));
  loop_.run();
  EXPECT_TRUE(seen_.empty()) << seen_.front().text();
}

// Restores where the thread may run.
class OnOneProcessor {
 public:
  OnOneProcessor() {
    ::sched_getaffinity(0, sizeof before_, &before_);
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(::sched_getcpu(), &one);
    ::sched_setaffinity(0, sizeof one, &one);  // threads made from here on inherit it
  }
  ~OnOneProcessor() { ::sched_setaffinity(0, sizeof before_, &before_); }
  OnOneProcessor(const OnOneProcessor&) = delete;
  OnOneProcessor& operator=(const OnOneProcessor&) = delete;

 private:
  cpu_set_t before_;
};

TEST_F(TurnWatchTest, TimeThatOthersTookOnTheSameProcessorIsNotCounted) {
  watch_over(100ms);
  const OnOneProcessor here;
  std::atomic<bool> done = false;
  const auto busy = [&done] {
    while (!done) compute_for(1ms);
  };
  std::vector<std::jthread> others;
  for (int i = 0; i < 3; ++i) others.emplace_back(busy);
  std::chrono::nanoseconds took{0};
  loop_.post([&took] {
    const auto began = std::chrono::steady_clock::now();
    compute_for(60ms);
    took = std::chrono::steady_clock::now() - began;
  });
  loop_.run();
  done = true;
  EXPECT_GT(took, 100ms);
  EXPECT_TRUE(seen_.empty()) << seen_.front().text();
}

}  // namespace
}  // namespace hearth::net
