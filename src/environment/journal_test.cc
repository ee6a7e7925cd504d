#include "environment/journal.h"

#include <gtest/gtest.h>

namespace hearth::environment {
namespace {

class RecordingSink final : public LogSink {
 public:
  void append(const std::string& account, const std::string& region, const std::string& group,
              const std::string& stream, std::vector<LogLine> lines) override {
    target = account + " " + region + " " + group + " " + stream;
    ++appends;
    for (auto& line : lines) all.push_back(std::move(line));
  }
  std::string target;
  int appends = 0;
  std::vector<LogLine> all;
};

struct JournalTest : testing::Test {
  FakeClock clock;
  RecordingSink sink;
  Journal journal{sink, clock, {"1", "r", "/aws/lambda/f", "s"}};
};

TEST_F(JournalTest, GathersLinesUntilFlushed) {
  journal.platform("START");
  journal.function("", std::nullopt);
  journal.platform("");
  EXPECT_EQ(sink.appends, 0);
  EXPECT_TRUE(journal.has_pending());
  journal.flush();
  journal.flush();
  EXPECT_EQ(sink.appends, 1);
  ASSERT_EQ(sink.all.size(), 2U);
  EXPECT_EQ(sink.all[0].text, "START\n");
  EXPECT_EQ(sink.all[1].text, "\n") << "an event is never empty";
  EXPECT_EQ(sink.target, "1 r /aws/lambda/f s");
}

TEST_F(JournalTest, ManyLinesGoToTheSinkInPieces) {
  for (int i = 0; i < 300; ++i) journal.function(std::to_string(i), std::nullopt);
  EXPECT_FALSE(journal.is_crowded());
  EXPECT_TRUE(journal.flush_piece());
  EXPECT_EQ(sink.all.size(), 32U);
  journal.flush();
  ASSERT_EQ(sink.all.size(), 300U);
  for (std::size_t i = 0; i < sink.all.size(); ++i) EXPECT_EQ(sink.all[i].text, std::to_string(i) + "\n");
  EXPECT_FALSE(journal.flush_piece());
  EXPECT_EQ(sink.appends, 10);
}

TEST_F(JournalTest, APieceOfLongLinesIsShorter) {
  for (int i = 0; i < 4; ++i) journal.function(std::string(200'000, 'x'), std::nullopt);
  EXPECT_TRUE(journal.is_crowded());
  EXPECT_TRUE(journal.flush_piece());
  EXPECT_EQ(sink.all.size(), 2U);
  EXPECT_FALSE(journal.is_crowded());
}

TEST_F(JournalTest, IsCrowdedUntilThePiecesAreGone) {
  for (int i = 0; i < 1100; ++i) journal.function("", std::nullopt);
  EXPECT_TRUE(journal.is_crowded());
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(journal.flush_piece());
  EXPECT_FALSE(journal.is_crowded());
  journal.flush();
  EXPECT_EQ(sink.all.size(), 1100U);
}

TEST_F(JournalTest, AFloodOfEmptyLinesOverdrawsTheBudgetToo) {
  for (int i = 0; i < 50'000; ++i) journal.function("", std::nullopt);
  EXPECT_GT(journal.overdrawn_for().count(), 0);
}

TEST_F(JournalTest, TakesTheWritersTimeOnlyIfItIsPlausible) {
  using std::chrono::hours;
  using std::chrono::milliseconds;
  journal.function("a", clock.now() - milliseconds(5));
  journal.function("b", clock.now() + hours(1));
  journal.function("c", clock.now() - hours(1));
  journal.flush();
  EXPECT_EQ(sink.all[0].at, clock.now() - milliseconds(5));
  EXPECT_EQ(sink.all[1].at, clock.now());
  EXPECT_EQ(sink.all[2].at, clock.now());
}

TEST_F(JournalTest, TailIsTheLastFourKilobytesSinceItBegan) {
  journal.function("before", std::nullopt);
  journal.begin_tail();
  journal.function("in", std::nullopt);
  EXPECT_EQ(journal.take_tail(), "in\n");
  journal.begin_tail();
  for (int i = 0; i < 2000; ++i) journal.function("line " + std::to_string(i), std::nullopt);
  journal.function(std::string(100'000, 'x'), std::nullopt);
  journal.function("last", std::nullopt);
  const std::string tail = journal.take_tail();
  EXPECT_EQ(tail.size(), 4096U);
  EXPECT_TRUE(tail.ends_with("xxx\nlast\n"));
}

TEST_F(JournalTest, AFloodMustWaitForTimeToPass) {
  EXPECT_EQ(journal.overdrawn_for().count(), 0);
  journal.charge(std::size_t{32} * 1024 * 1024);
  const auto wait = journal.overdrawn_for();
  EXPECT_GT(wait.count(), 1900);
  EXPECT_LT(wait.count(), 2100);
  clock.advance(wait);
  EXPECT_EQ(journal.overdrawn_for().count(), 0);
}

}  // namespace
}  // namespace hearth::environment
