#include "net/turnstile.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include "net/loop.h"

namespace hearth::net {
namespace {

using namespace std::chrono_literals;

class TurnstileTest : public testing::Test {
 protected:
  // A request that takes `cost` of the loop's time once it has begun.
  static Task<> request(std::shared_ptr<Turnstile> turnstile, std::string name, std::chrono::microseconds cost,
                        std::vector<std::string>& order) {
    if (!turnstile->try_pass()) co_await turnstile->wait();
    const SteadyTime end = std::chrono::steady_clock::now() + cost;
    while (std::chrono::steady_clock::now() < end) {
    }
    order.push_back(std::move(name));
  }
  // Work under way, in `steps` steps, each ready when the one before has ended.
  static Task<> under_way(int steps, std::vector<std::string>& order) {
    for (int i = 0; i < steps; ++i) co_await sleep_for(0ns);
    order.push_back("under way");
  }

  SystemClock clock_;
  Loop loop_{clock_};
  std::vector<std::string> order_;
};

TEST_F(TurnstileTest, AlonePassesAtOnce) {
  const auto turnstile = std::make_shared<Turnstile>(loop_.executor(), 1h);
  EXPECT_TRUE(turnstile->try_pass());
  EXPECT_TRUE(turnstile->try_pass());
  loop_.run();
  EXPECT_TRUE(turnstile->try_pass());
  EXPECT_EQ(turnstile->waiting(), 0U);
}

TEST_F(TurnstileTest, WorkUnderWayEndsLongBeforeTheRequestsThatWait) {
  const auto turnstile = std::make_shared<Turnstile>(loop_.executor(), 100us);
  for (int i = 0; i < 100; ++i) loop_.spawn(request(turnstile, std::to_string(i), 200us, order_));
  loop_.spawn(under_way(5, order_));
  loop_.run();
  ASSERT_EQ(order_.size(), 101U);
  const auto place = std::ranges::find(order_, "under way") - order_.begin();
  EXPECT_LT(place, 40) << "each of its steps would have waited for all hundred";
}

TEST_F(TurnstileTest, WhoWaitsIsServedInOrderOfArrival) {
  const auto turnstile = std::make_shared<Turnstile>(loop_.executor(), 1us);
  std::vector<std::string> arrived;
  for (int i = 0; i < 20; ++i) {
    arrived.push_back(std::to_string(i));
    loop_.spawn(request(turnstile, arrived.back(), 10us, order_));
  }
  loop_.run();
  EXPECT_EQ(order_, arrived);
}

TEST_F(TurnstileTest, ReleaseLetsEverybodyGo) {
  const auto turnstile = std::make_shared<Turnstile>(loop_.executor(), 0us);
  loop_.spawn(request(turnstile, "a", 0us, order_));
  loop_.spawn(request(turnstile, "b", 0us, order_));
  loop_.post([&] { EXPECT_EQ(turnstile->waiting(), 2U); });
  loop_.post([&] {
    turnstile->release();
    EXPECT_EQ(turnstile->waiting(), 0U);
  });
  loop_.run();
  EXPECT_EQ(order_, (std::vector<std::string>{"a", "b"}));
}

}  // namespace
}  // namespace hearth::net
