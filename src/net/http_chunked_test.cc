#include "net/http_chunked.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "net/http_beast_oracle.h"

namespace hearth::net {
namespace {

struct Decoded {
  ChunkedState state;
  std::size_t used;
  std::string body;
  bool operator==(const Decoded&) const = default;
};

// Feeds `input` in pieces of `piece` bytes.
Decoded decode(std::string_view input, std::size_t piece = std::string::npos, ByteCount limit = ByteCount::mib(1)) {
  ChunkedDecoder decoder(limit);
  Decoded decoded{};
  while (decoder.state() == ChunkedState::kNeedsMore && decoded.used < input.size()) {
    decoded.used += decoder.feed(input.substr(decoded.used, piece), decoded.body);
  }
  decoded.state = decoder.state();
  return decoded;
}

TEST(ChunkedDecoder, TakesTheCodingOffAndStopsBehindIt) {
  const std::string coded = "5\r\nhello\r\n00a;x=\"y\\\"; \";flag;z=1\r\n, 10 bytes\r\n0\r\n\r\n";
  const Decoded expected{ChunkedState::kComplete, coded.size(), "hello, 10 bytes"};
  for (std::size_t piece = 1; piece <= coded.size(); ++piece)
    EXPECT_EQ(decode(coded + "GET /", piece), expected) << piece;
}

TEST(ChunkedDecoder, DropsTrailersAndWaitsForTheirEnd) {
  EXPECT_EQ(decode("0\r\nA: b\r\nC: d\r\n\r\n").state, ChunkedState::kComplete);
  EXPECT_EQ(decode("0\r\nA: b\r\nC: d\r\n").state, ChunkedState::kNeedsMore);
  EXPECT_EQ(decode("0\r\n").state, ChunkedState::kNeedsMore);
}

TEST(ChunkedDecoder, RefusesLooseCoding) {
  for (const char* const coded :
       {"\r\n",      "g\r\n",       "-1\r\n",          " 1\r\nx\r\n", "1 \r\nx\r\n", "0x1\r\nx\r\n",
        "1\nx\r\n",  "1\r\nxy\r\n", "1\r\nx\n",        "1\r\nx\rz",   "1;\x01\r\nx", "1;\r\nx",
        "1;;a\r\nx", "1;a=\r\nx",   "1;a=b=c\r\nx",    "1;a<\r\nx",   "1;a=\"\r\nx", "1;a=\"b\"c\r\nx",
        "1; a\r\nx", "1;a\nx",      "0\r\nA: b\n\r\n", "0\r\n\x01",   "0\r\n\rx",    "1000000000000000\r\n",
        ";a\r\n"}) {
    EXPECT_EQ(decode(coded).state, ChunkedState::kMalformed) << testing::PrintToString(coded);
    EXPECT_EQ(decode(coded, 1).state, ChunkedState::kMalformed) << testing::PrintToString(coded);
  }
}

TEST(ChunkedDecoder, HoldsTheLimitAcrossChunks) {
  EXPECT_EQ(decode("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 1, ByteCount{5}).state, ChunkedState::kComplete);
  EXPECT_EQ(decode("3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n", 1, ByteCount{5}),
            (Decoded{ChunkedState::kTooLarge, 11, "abc"}));
  EXPECT_EQ(decode("fffffffffffffff\r\n").state, ChunkedState::kTooLarge);
  EXPECT_EQ(decode("1\r\n", 1, ByteCount{0}).state, ChunkedState::kTooLarge);
}

TEST(ChunkedDecoder, BoundsWhatItDrops) {
  EXPECT_EQ(decode("1;" + std::string(10'000, 'e') + "\r\nx\r\n0\r\n\r\n").state, ChunkedState::kComplete);
  EXPECT_EQ(decode("1;e=\"" + std::string(20'000, 'e')).state, ChunkedState::kMalformed);
  EXPECT_EQ(decode("1;" + std::string(20'000, 'e')).state, ChunkedState::kMalformed);
  EXPECT_EQ(decode("0\r\nA: " + std::string(20'000, 'e')).state, ChunkedState::kMalformed);
}

TEST(ChunkedDecoder, WhatItAcceptsBeastReadsTheSame) {
  std::mt19937 random{42};
  const std::vector<std::string> pieces = {"1\r\nx\r\n",
                                           "a\r\n0123456789\r\n",
                                           "A;q=1\r\n0123456789\r\n",
                                           "0\r\n",
                                           "\r\n",
                                           "T: v\r\n",
                                           "00\r\n",
                                           "2\r\nx\r\n",
                                           "1\nx\r\n"};
  int accepted = 0;
  for (int i = 0; i < 50'000; ++i) {
    std::string coded;
    for (unsigned k = random() % 6; k > 0; --k) coded += pieces[random() % pieces.size()];
    coded += random() % 8 == 0 ? "0\r\nT: v\r\n\r\n" : "0\r\n\r\n";
    const Decoded decoded = decode(coded);
    if (decoded.state != ChunkedState::kComplete) continue;
    ++accepted;
    ASSERT_EQ(test::beast_chunked_body(std::string_view(coded).substr(0, decoded.used)), decoded.body)
        << testing::PrintToString(coded);
  }
  EXPECT_GT(accepted, 5'000);
}

}  // namespace
}  // namespace hearth::net
