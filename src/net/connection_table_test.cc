#include "net/connection_table.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "net/input_buffer.h"
#include "net/loop.h"

namespace hearth::net {
namespace {

using namespace std::chrono_literals;

class FakeConnection : public TrackedConnection {
 public:
  using TrackedConnection::enter;
  using TrackedConnection::expired;
  using TrackedConnection::take_cooling;
  using TrackedConnection::TrackedConnection;

  int cancelled = 0;
  int closed = 0;

 private:
  void cancel_wait() override { ++cancelled; }
  void close() override { ++closed; }
};

class ConnectionTableTest : public testing::Test {
 protected:
  // Runs the loop for `duration`.
  void run_for(std::chrono::milliseconds duration) {
    loop_.spawn(stop_after(loop_, duration));
    loop_.run();
  }
  static Task<> stop_after(Loop& loop, std::chrono::milliseconds duration) {
    co_await sleep_for(duration);
    loop.stop();
  }

  SystemClock clock_;
  Loop loop_{clock_};
  std::shared_ptr<ConnectionTable> table_ = std::make_shared<ConnectionTable>(loop_.executor(), 10ms, 1h, 0ms);
};

TEST_F(ConnectionTableTest, ADeadlinePassesOnceAndOnlyItsOwn) {
  FakeConnection quick(table_);
  FakeConnection slow(table_);
  FakeConnection endless(table_);
  quick.enter(Phase::kHead, 10ms);
  slow.enter(Phase::kHead, 1h);
  endless.enter(Phase::kHandling, 0ms);
  run_for(60ms);
  EXPECT_TRUE(quick.expired());
  EXPECT_EQ(quick.cancelled, 1);
  EXPECT_FALSE(slow.expired());
  EXPECT_FALSE(endless.expired());
  EXPECT_EQ(slow.cancelled + endless.cancelled, 0);
}

TEST_F(ConnectionTableTest, ADeadlineSetWhileTheTableSleepsIsNotMissed) {
  FakeConnection connection(table_);
  connection.enter(Phase::kIdle, 1h);
  run_for(25ms);
  connection.enter(Phase::kHead, 12ms);
  run_for(50ms);
  EXPECT_TRUE(connection.expired());
}

TEST_F(ConnectionTableTest, ANewPhaseIsNotExpired) {
  FakeConnection connection(table_);
  connection.enter(Phase::kHead, 10ms);
  run_for(50ms);
  connection.enter(Phase::kWriting, 1h);
  EXPECT_FALSE(connection.expired());
}

TEST_F(ConnectionTableTest, TheConnectionIdleForLongestIsEvictedFirst) {
  FakeConnection busy(table_);
  FakeConnection first(table_);
  FakeConnection second(table_);
  busy.enter(Phase::kBody, 1h);
  second.enter(Phase::kIdle, 1h);
  first.enter(Phase::kIdle, 1h);
  second.enter(Phase::kHead, 1h);
  second.enter(Phase::kIdle, 1h);
  EXPECT_TRUE(table_->evict_for_newcomer());
  EXPECT_TRUE(first.expired());
  EXPECT_FALSE(second.expired());
  EXPECT_TRUE(table_->evict_for_newcomer());
  EXPECT_TRUE(second.expired());
  EXPECT_FALSE(table_->evict_for_newcomer());
  EXPECT_FALSE(busy.expired());
}

TEST_F(ConnectionTableTest, AHeadOnItsWayMakesWayAfterTheIdleAndARequestBeingHandledNever) {
  FakeConnection handled(table_);
  FakeConnection sending(table_);
  FakeConnection idle(table_);
  handled.enter(Phase::kHead, 1h);
  handled.enter(Phase::kHandling, 0ms);
  sending.enter(Phase::kHead, 1h);
  idle.enter(Phase::kIdle, 1h);
  EXPECT_TRUE(table_->evict_for_newcomer());
  EXPECT_TRUE(idle.expired() && !sending.expired());
  EXPECT_TRUE(table_->evict_for_newcomer());
  EXPECT_TRUE(sending.expired());
  EXPECT_FALSE(table_->evict_for_newcomer());
  EXPECT_FALSE(handled.expired());
}

TEST_F(ConnectionTableTest, WithinItsGraceAConnectionDoesNotMakeWay) {
  const auto table = std::make_shared<ConnectionTable>(loop_.executor(), 10ms, 1h, 1h);
  FakeConnection idle(table);
  FakeConnection sending(table);
  idle.enter(Phase::kIdle, 2h);
  sending.enter(Phase::kHead, 2h);
  EXPECT_FALSE(table->evict_for_newcomer());
  EXPECT_FALSE(idle.expired() || sending.expired());
}

TEST_F(ConnectionTableTest, AnIdleConnectionCoolsOncePerIdlePhase) {
  table_ = std::make_shared<ConnectionTable>(loop_.executor(), 1h, 10ms, 0ms);
  FakeConnection connection(table_);
  connection.enter(Phase::kIdle, 1h);
  run_for(40ms);
  EXPECT_TRUE(connection.take_cooling());
  EXPECT_FALSE(connection.take_cooling());
  EXPECT_FALSE(connection.expired());
  EXPECT_EQ(connection.cancelled, 1);
  run_for(40ms);
  EXPECT_EQ(connection.cancelled, 1);
}

TEST_F(ConnectionTableTest, TheLoopRunsOutOfWorkWithTheLastConnection) {
  auto connection = std::make_unique<FakeConnection>(table_);
  connection->enter(Phase::kIdle, 1h);
  EXPECT_EQ(table_->count(), 1U);
  loop_.post([&] { connection.reset(); });
  loop_.run();
  EXPECT_EQ(table_->count(), 0U);
}

TEST(InputBuffer, KeepsBytesInOrderWhileItGrowsAndMoves) {
  InputBuffer buffer;
  EXPECT_EQ(buffer.capacity(), 0U);
  std::string expected;
  std::string seen;
  char next = 'a';
  for (int round = 0; round < 200; ++round) {
    const std::span<char> room = buffer.room(40'000);
    ASSERT_FALSE(room.empty());
    const std::size_t count = std::min<std::size_t>(room.size(), 3'000);
    for (std::size_t i = 0; i < count; ++i) {
      room[i] = next;
      expected.push_back(next);
      next = next == 'z' ? 'a' : static_cast<char>(next + 1);
    }
    buffer.commit(count);
    const std::size_t used = std::min<std::size_t>(buffer.size(), round % 2 == 0 ? 2'900 : 3'000);
    seen += buffer.view().substr(0, used);
    buffer.consume(used);
  }
  seen += buffer.view();
  EXPECT_EQ(seen, expected);
}

TEST(InputBuffer, GivesBackWhatIsUnusual) {
  InputBuffer buffer;
  while (!buffer.room(65'536).empty()) buffer.commit(buffer.room(65'536).size());
  EXPECT_EQ(buffer.size(), 65'536U);
  buffer.trim();
  EXPECT_EQ(buffer.size(), 65'536U);
  buffer.consume(65'536);
  buffer.trim();
  EXPECT_EQ(buffer.capacity(), 0U);
}

}  // namespace
}  // namespace hearth::net
