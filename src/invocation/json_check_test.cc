#include "invocation/json_check.h"

#include <gtest/gtest.h>

namespace hearth::invocation {
namespace {

TEST(JsonCheck, AcceptsJson) {
  for (const char* text :
       {"{}", "[]", " null ", "true", "false", "0", "-0.5e+10", "1E5", "\"\"", "\"\\u00e9\\n\\\"\"",
        "[1,[2,{\"a\":{}}],\"x\"]", "{\"a\":1,\"b\":[],\"c\":\"\xC3\xA9 \xF0\x9F\x98\x80\"}",
        "\"a string that is longer than sixteen bytes, with \\\\ and \xE2\x82\xAC in it\"", "\r\n\t[ ]\n"}) {
    EXPECT_EQ(json_problem(text), std::nullopt) << text;
  }
}

TEST(JsonCheck, RefusesWhatIsNot) {
  for (const char* text : {"",        " ",           "{",      "[1,]",     "{\"a\"}",      "{\"a\":}",
                           "{a:1}",   "{\"a\":1,}",  "[1 2]",  "nul",      "truee",        "01",
                           "1.",      "-",           "1e",     "+1",       ".5",           "\"",
                           "\"\\x\"", "\"\\u12g4\"", "\"\n\"", "'a'",      "not json",     "[}",
                           "{]",      "[1]]",        "{} {}",  "\"\xFF\"", "\"\xC0\x80\"", "\"\xED\xA0\x80\"",
                           "NaN",     "\"\\"}) {
    EXPECT_TRUE(json_problem(text)) << text;
  }
}

TEST(JsonCheck, BoundsDepth) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_EQ(json_problem(nested(1000)), std::nullopt);
  EXPECT_TRUE(json_problem(nested(1001)));
  EXPECT_TRUE(json_problem(std::string(1'000'000, '[')));
}

TEST(JsonCheck, SaysWhere) {
  EXPECT_EQ(json_problem("{\n  x"), "Unexpected character at line: 2, column: 3");
  EXPECT_EQ(json_problem("["), "Unexpected end-of-input at line: 1, column: 2");
}

}  // namespace
}  // namespace hearth::invocation
