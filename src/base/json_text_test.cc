#include "base/json_text.h"

#include <gtest/gtest.h>

namespace hearth {
namespace {

std::string quoted(std::string_view text) {
  std::string out = "x";
  append_json_string(out, text);
  return out;
}

TEST(JsonText, QuotesBackslashesAndControlCharactersAreEscaped) {
  EXPECT_EQ(quoted("a\"b\\c"), R"(x"a\"b\\c")");
  EXPECT_EQ(quoted("\n\r\t"), R"(x"\n\r\t")");
  EXPECT_EQ(quoted(std::string_view("\0\x1f", 2)), R"(x"\u0000\u001f")");
}

TEST(JsonText, TextIsTakenAsItIs) {
  EXPECT_EQ(quoted(""), R"(x"")");
  EXPECT_EQ(quoted("gr\u00fc\u00df \U0001F525"), "x\"gr\u00fc\u00df \U0001F525\"");
}

TEST(JsonText, WhatIsNotUtf8IsReplaced) {
  EXPECT_EQ(quoted("a\xff"
                   "b\xc3"),
            "x\"a\uFFFD"
            "b\uFFFD\"");
  EXPECT_EQ(quoted("\xed\xa0\x80"), "x\"\uFFFD\uFFFD\uFFFD\"");  // a surrogate
}

}  // namespace
}  // namespace hearth
