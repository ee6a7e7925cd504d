#include "policy/glob.h"

#include <gtest/gtest.h>

namespace hearth::policy {
namespace {

bool match(std::string_view pattern, std::string_view text, Glob::Wildcards kind = Glob::Wildcards::kAnywhere) {
  Glob glob;
  glob.append_pattern(pattern, kind);
  Steps steps;
  return glob.matches(text, steps);
}

TEST(Glob, StarsTakeAnyTextAndQuestionMarksOneCharacter) {
  EXPECT_TRUE(match("*", ""));
  EXPECT_TRUE(match("", ""));
  EXPECT_TRUE(match("a*c", "abbbc"));
  EXPECT_TRUE(match("a*b*c", "a-b-b-c"));
  EXPECT_TRUE(match("a?c", "abc"));
  EXPECT_TRUE(match("a?c",
                    "a\xC3\xA9"
                    "c"));
  EXPECT_TRUE(match("**", "x"));
  EXPECT_FALSE(match("a?c", "ac"));
  EXPECT_FALSE(match("a*c", "abcd"));
  EXPECT_FALSE(match("", "a"));
  EXPECT_FALSE(match("*??", "\xC3\xA9"));
  EXPECT_FALSE(match("abc", "ABC"));
}

TEST(Glob, WithoutWildcardsEveryCharacterStandsForItself) {
  EXPECT_TRUE(match("a*?", "a*?", Glob::Wildcards::kNone));
  EXPECT_FALSE(match("a*?", "abc", Glob::Wildcards::kNone));
}

TEST(Glob, InAnArnAStarLeavesItsSegmentOnlyAtTheSegmentsEnd) {
  const auto arn = [](std::string_view pattern, std::string_view text) {
    return match(pattern, text, Glob::Wildcards::kArn);
  };
  EXPECT_TRUE(arn("arn:aws:lambda:us-*-1:1:function:f", "arn:aws:lambda:us-east-1:1:function:f"));
  EXPECT_FALSE(arn("arn:aws:lambda:us*1:1:function:f", "arn:aws:lambda:us:east-1:1:function:f"));
  EXPECT_TRUE(arn("arn:aws:lambda:*:1:function:f*", "arn:aws:lambda:us-east-1:1:function:f:live"));
  EXPECT_TRUE(arn("arn:aws:lambda:*:function:f", "arn:aws:lambda:us-east-1:1:function:f"));
  EXPECT_TRUE(arn("*:a*c:d", "x:abd:ac:d"));
  EXPECT_FALSE(arn("f:a*c", "f:ab:c"));
}

TEST(Glob, AHostilePatternSpendsItsStepsAndThenMatchesNothing) {
  std::string pattern;
  for (int i = 0; i < 2'000; ++i) pattern += "*aaaaaaaaab";
  Glob glob;
  glob.append_pattern(pattern, Glob::Wildcards::kAnywhere);
  Steps steps(10'000);
  EXPECT_FALSE(glob.matches(std::string(100'000, 'a'), steps));
  EXPECT_TRUE(steps.spent());
  Glob easy;
  easy.append_literal("x");
  EXPECT_FALSE(easy.matches("x", steps));
}

}  // namespace
}  // namespace hearth::policy
