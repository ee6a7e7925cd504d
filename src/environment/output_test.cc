#include "environment/output.h"

#include <gtest/gtest.h>

#include <vector>

namespace hearth::environment {
namespace {

struct Events {
  std::vector<std::string> texts;
  std::vector<std::optional<TimePoint>> times;
  EventSink sink() {
    return [this](std::string text, std::optional<TimePoint> at) {
      texts.push_back(std::move(text));
      times.push_back(at);
    };
  }
};

std::string number(std::uint64_t value, int bytes) {
  std::string out;
  for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<char>(value >> (8 * i)));
  return out;
}
std::string frame(std::uint32_t type, std::string_view message, std::uint64_t micros) {
  return number(type, 4) + number(message.size(), 4) + number(micros, 8) + std::string(message);
}

using Texts = std::vector<std::string>;

TEST(LineSplitter, MakesOneEventPerLineHoweverItArrives) {
  Events events;
  LineSplitter lines(events.sink());
  lines.feed("one\ntw");
  lines.feed("o\n\nthr");
  EXPECT_EQ(events.texts, (Texts{"one", "two", ""}));
  lines.flush();
  lines.flush();
  EXPECT_EQ(events.texts, (Texts{"one", "two", "", "thr"}));
}

TEST(LineSplitter, ContinuesALineThatIsTooLongInFurtherEvents) {
  Events events;
  LineSplitter lines(events.sink());
  const std::string megabyte(1024 * 1024, 'x');
  for (std::size_t at = 0; at < megabyte.size(); at += 65'536)
    lines.feed(std::string_view(megabyte).substr(at, 65'536));
  lines.feed("\nnext\n");
  ASSERT_EQ(events.texts.size(), 5U);
  std::string joined;
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_LE(events.texts[i].size(), kMaxEvent);
    joined += events.texts[i];
  }
  EXPECT_EQ(joined, megabyte);
  EXPECT_EQ(events.texts[4], "next");
}

TEST(LineSplitter, NeverDividesACharacter) {
  Events events;
  LineSplitter lines(events.sink());
  std::string text = "a";
  while (text.size() < kMaxEvent + 100) text += "\xE2\x82\xAC";
  lines.feed(text + "\n");
  ASSERT_EQ(events.texts.size(), 2U);
  EXPECT_EQ(events.texts[0] + events.texts[1], text);
}

TEST(LineSplitter, MakesBinaryOutputValidUtf8) {
  Events events;
  LineSplitter lines(events.sink());
  lines.feed(std::string_view("ok \xFF\x00\xC3\xA9 \xED\xA0\x80\n", 12));
  ASSERT_EQ(events.texts.size(), 1U);
  using namespace std::string_literals;
  EXPECT_EQ(events.texts[0], "ok \xEF\xBF\xBD\0\xC3\xA9 \xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"s);
}

TEST(LineSplitter, CountsWhatStandsForBinaryOutputInTheLengthOfAnEvent) {
  Events events;
  LineSplitter lines(events.sink());
  FrameSplitter frames(events.sink());
  const std::string binary(kMaxEvent, '\xFF');
  lines.feed(binary + "\n");
  frames.feed(frame(0xa55a0003, binary, 7));
  ASSERT_EQ(events.texts.size(), 8U);  // three bytes for one, and two beyond three events
  std::size_t total = 0;
  for (const auto& text : events.texts) {
    EXPECT_LE(text.size(), kMaxEvent);
    total += text.size();
  }
  EXPECT_EQ(total, 6 * kMaxEvent);
}

TEST(FrameSplitter, KeepsAMessageOfManyLinesTogetherAtItsTime) {
  Events events;
  FrameSplitter frames(events.sink());
  const std::string bytes = frame(0xa55a0003, "one\ntwo\n", 1'700'000'000'123'456) + frame(0xa55a000f, "three", 1);
  for (const char c : bytes) frames.feed({&c, 1});
  EXPECT_EQ(events.texts, (Texts{"one\ntwo", "three"}));
  EXPECT_EQ(events.times[0], TimePoint(std::chrono::milliseconds(1'700'000'000'123)));
}

TEST(FrameSplitter, ReadsFramesWithoutTime) {
  Events events;
  FrameSplitter frames(events.sink());
  frames.feed(number(0xa55a0001, 4) + number(3, 4) + "abc" + frame(0xa55a0003, "x", 5));
  EXPECT_EQ(events.texts, (Texts{"abc", "x"}));
  EXPECT_FALSE(events.times[0]);
}

TEST(FrameSplitter, TreatsWhatIsNoFrameAsText) {
  Events events;
  FrameSplitter frames(events.sink());
  frames.feed("h");
  frames.feed("ello\nworld");
  frames.flush();
  EXPECT_EQ(events.texts, (Texts{"hello", "world"}));
}

TEST(FrameSplitter, SplitsAMessageThatIsTooLongAndStaysInStep) {
  Events events;
  FrameSplitter frames(events.sink());
  const std::string big(kMaxEvent + 10, 'y');
  frames.feed(frame(0xa55a0003, big, 7) + frame(0xa55a0003, "after", 8));
  ASSERT_EQ(events.texts.size(), 3U);
  EXPECT_EQ(events.texts[0] + events.texts[1], big);
  EXPECT_EQ(events.texts[2], "after");
}

TEST(FrameSplitter, FlushGivesWhatThereIsOfAMessage) {
  Events events;
  FrameSplitter frames(events.sink());
  frames.feed(frame(0xa55a0003, "whole message", 7).substr(0, 21));
  frames.flush();
  EXPECT_EQ(events.texts, (Texts{"whole"}));
}

TEST(FrameSplitter, SurvivesAHostileLength) {
  Events events;
  FrameSplitter frames(events.sink());
  frames.feed(number(0xa55a0003, 4) + number(0xffffffff, 4) + number(1, 8));
  for (int i = 0; i < 100; ++i) frames.feed(std::string(65'536, 'z'));
  for (const auto& text : events.texts) EXPECT_LE(text.size(), kMaxEvent);
  EXPECT_GE(events.texts.size(), 24U);
}

}  // namespace
}  // namespace hearth::environment
