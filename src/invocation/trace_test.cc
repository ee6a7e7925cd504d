#include "invocation/trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hearth::invocation {
namespace {

const TimePoint kNow{std::chrono::seconds{0x5759e988}};

TEST(Trace, IsMadeWhenNoneIsGiven) {
  TraceSource source;
  const std::string first = source.header("", kNow);
  EXPECT_THAT(first, testing::MatchesRegex("Root=1-5759e988-[0-9a-f]+;Parent=[0-9a-f]+;Sampled=0"));
  EXPECT_EQ(first.size(), std::string("Root=1-5759e988-").size() + 24 + 8 + 16 + 10);
  EXPECT_NE(first, source.header("", kNow));
}

TEST(Trace, KeepsWhatIsGivenAndAddsWhatIsMissing) {
  TraceSource source;
  const std::string given = "Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=1";
  EXPECT_EQ(source.header(given, kNow), given);
  EXPECT_THAT(source.header("Root=1-67891233-abcdef012345678912345678;Sampled=1", kNow),
              testing::MatchesRegex("Root=1-67891233-abcdef012345678912345678;Sampled=1;Parent=[0-9a-f]+"));
}

TEST(Trace, DropsWhatCannotStandInAHeader) {
  TraceSource source;
  EXPECT_THAT(source.header("Root=x\r\nEvil: 1", kNow), testing::StartsWith("Root=1-"));
}

}  // namespace
}  // namespace hearth::invocation
