// The small text formats: timestamps, percent-encoding, ARNs, Java's numbers, UTF-8.

#include <gtest/gtest.h>

#include "wire/arn.h"
#include "wire/json_writer.h"
#include "wire/pattern.h"
#include "wire/percent.h"
#include "wire/rules.h"
#include "wire/timestamp.h"
#include "wire/xml_writer.h"

namespace hearth::wire {
namespace {

TimePoint at(std::int64_t milliseconds) { return TimePoint(std::chrono::milliseconds(milliseconds)); }

TEST(Timestamp, HasThreeForms) {
  EXPECT_EQ(format_timestamp(at(1700000000000), TimestampFormat::kUnix), "1700000000");
  EXPECT_EQ(format_timestamp(at(1700000000005), TimestampFormat::kUnix), "1700000000.005");
  EXPECT_EQ(format_timestamp(at(-500), TimestampFormat::kUnix), "-0.500");
  EXPECT_EQ(format_timestamp(at(1700000000000), TimestampFormat::kIso8601), "2023-11-14T22:13:20Z");
  EXPECT_EQ(format_timestamp(at(1700000000123), TimestampFormat::kIso8601), "2023-11-14T22:13:20.123Z");
  EXPECT_EQ(format_timestamp(at(-1), TimestampFormat::kIso8601), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(format_timestamp(at(1700000000000), TimestampFormat::kHttpDate), "Tue, 14 Nov 2023 22:13:20 GMT");
}

TEST(Timestamp, EveryFormIsReadBack) {
  for (const TimestampFormat format : {TimestampFormat::kUnix, TimestampFormat::kIso8601, TimestampFormat::kHttpDate}) {
    EXPECT_EQ(parse_timestamp(format_timestamp(at(1700000000000), format)), at(1700000000000));
  }
  EXPECT_EQ(parse_timestamp("2023-11-14T23:13:20.5+01:00"), at(1700000000500));
  EXPECT_EQ(parse_timestamp("2023-11-14"), at(1699920000000));
  EXPECT_EQ(parse_timestamp("1.5"), at(1500));
}

TEST(Timestamp, NonsenseIsRefused) {
  for (const std::string_view text :
       {"", "x", "2023-13-01T00:00:00Z", "2023-02-30", "2023-11-14T25:00:00Z", "2023-11-14T22:13:20Zx", "1e300", "nan",
        "Tue, 14 Nvo 2023 22:13:20 GMT", "2023-11-14T22:13:20.Z", "Tue, ", "2023-11-14T22:13:20+1",
        "9999-12-31T23:59:60Z", "0001-01-01T00:00:00+01:00"}) {
    EXPECT_EQ(parse_timestamp(text), std::nullopt) << text;
  }
}

TEST(Percent, DecodesWholeEscapesOnly) {
  EXPECT_EQ(percent_decode("a%2Fb+c%c3%BC"), "a/b+c\u00fc");
  EXPECT_EQ(percent_decode("%"), std::nullopt);
  EXPECT_EQ(percent_decode("%4"), std::nullopt);
  EXPECT_EQ(percent_decode("%4g"), std::nullopt);
  EXPECT_EQ(percent_encode("a b/\u00fc~"), "a%20b%2F%C3%BC~");
}

TEST(Percent, FormsKeepOrderAndRepeats) {
  EXPECT_EQ(decode_form("a=1&b=x+y%2B&&a=2&c&=d"),
            (Parameters{{"a", "1"}, {"b", "x y+"}, {"a", "2"}, {"c", ""}, {"", "d"}}));
  EXPECT_EQ(decode_form("a=%"), std::nullopt);
}

TEST(Arn, IsTakenApartAndPutTogether) {
  const auto arn = parse_arn("arn:aws:lambda:eu-west-1:123456789012:function:f:1");
  ASSERT_TRUE(arn);
  EXPECT_EQ(arn->service, "lambda");
  EXPECT_EQ(arn->resource, "function:f:1");
  EXPECT_EQ(format_arn(*arn), "arn:aws:lambda:eu-west-1:123456789012:function:f:1");
  EXPECT_EQ(parse_arn("arn:aws:iam::123456789012:role/x")->region, "");
  for (const std::string_view text :
       {"", "arn", "arn:aws:lambda", "arn:aws:iam::1:", "arn::iam::1:x", "x:aws:iam::1:r"}) {
    EXPECT_FALSE(parse_arn(text)) << text;
  }
}

TEST(Rules, DoublesReadAsJavaPrintsThem) {
  EXPECT_EQ(double_text(1), "1.0");
  EXPECT_EQ(double_text(0.25), "0.25");
  EXPECT_EQ(double_text(-0.0), "-0.0");
  EXPECT_EQ(double_text(1e10), "1.0E10");
  EXPECT_EQ(double_text(1.5e-5), "1.5E-5");
}

TEST(Rules, CharactersAreUtf16Units) {
  EXPECT_EQ(count_characters("a\u00fc\u20ac"), 3);
  EXPECT_EQ(count_characters("\U0001F600"), 2);
}

TEST(Writers, TextThatIsNotUtf8IsReplacedNotPassedOn) {
  std::string json;
  append_json_string(json, "a\xff\u00fc\xc3");
  EXPECT_EQ(json, "\"a\xEF\xBF\xBD\u00fc\xEF\xBF\xBD\"");
  std::string xml;
  append_xml_text(xml, "a\x01\xff<\r\n\u00fc\xEF\xBF\xBF");
  EXPECT_EQ(xml, "a\xEF\xBF\xBD\xEF\xBF\xBD&lt;&#xD;\n\u00fc\xEF\xBF\xBD");
}

TEST(Pattern, MatchesTheWholeValueAndNotWhatItRefuses) {
  static constinit const Pattern pattern("(?!^[0-9]+$)([a-z0-9]+)", "[a-z0-9]+", "[0-9]+");
  static constinit const Pattern malformed("x", "(");
  EXPECT_TRUE(pattern.matches("a1"));
  EXPECT_FALSE(pattern.matches("12"));
  EXPECT_FALSE(pattern.matches("a1!"));
  EXPECT_FALSE(malformed.compiles());
}

}  // namespace
}  // namespace hearth::wire
