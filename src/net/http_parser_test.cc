#include "net/http_parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "net/http_beast_oracle.h"

namespace hearth::net {
namespace {

using test::beast_verdict;
using test::BeastVerdict;

class HttpParserTest : public testing::Test {
 protected:
  Status parse(std::string text) {
    text_ = std::move(text);
    HeadScanner scanner;
    auto end = scanner.scan(text_);
    if (!end) return std::unexpected(end.error());
    EXPECT_TRUE(end->has_value()) << "not a whole head: " << text_;
    return parse_head(std::string_view(text_).substr(0, end->value_or(0)), *head_);
  }
  // The kind of error `fields` cause on an otherwise fine request, or nothing.
  std::optional<HeadErrorKind> refusal(const std::string& fields, const std::string& line = "POST / HTTP/1.1") {
    const Status parsed = parse(line + "\r\n" + fields + "\r\n");
    if (parsed) return std::nullopt;
    return parsed.error().kind<HeadErrorKind>();
  }

  std::string text_;
  std::unique_ptr<HeadView> head_ = std::make_unique<HeadView>();
};

constexpr auto kMalformed = HeadErrorKind::kMalformed;

TEST_F(HttpParserTest, ReadsALambdaInvocation) {
  ASSERT_TRUE(
      parse("POST /2015-03-31/functions/f/invocations?Qualifier=1 HTTP/1.1\r\nHost: localhost:4566\r\n"
            "User-Agent: \t Boto3/1.26 \r\nEmpty:\r\nContent-Length: 17\r\n\r\n"));
  EXPECT_EQ(head_->method, "POST");
  EXPECT_EQ(head_->target, "/2015-03-31/functions/f/invocations?Qualifier=1");
  EXPECT_EQ(head_->minor_version, 1);
  ASSERT_EQ(head_->field_count, 4U);
  EXPECT_EQ(head_->field(1).name, "User-Agent");
  EXPECT_EQ(head_->field(1).value, "Boto3/1.26");
  EXPECT_EQ(head_->field(2).value, "");
  EXPECT_EQ(head_->body, BodyKind::kSized);
  EXPECT_EQ(head_->content_length, 17U);
  EXPECT_TRUE(head_->keep_alive);
}

TEST_F(HttpParserTest, NothingOfTheRequestBeforeShowsInTheNext) {
  ASSERT_TRUE(parse("POST http://a/ HTTP/1.0\r\nHost: b\r\nContent-Length: 5\r\n\r\n"));
  ASSERT_TRUE(parse("POST / HTTP/1.1\r\nHost: b\r\nExpect: 100-Continue\r\n\r\n"));
  EXPECT_EQ(head_->authority, "");
  EXPECT_EQ(head_->content_length, 0U);
  EXPECT_EQ(head_->body, BodyKind::kNone);
  EXPECT_TRUE(head_->expects_continue);
  ASSERT_TRUE(parse("GET / HTTP/1.1\r\nHost: b\r\n\r\n"));
  EXPECT_FALSE(head_->expects_continue);
  EXPECT_EQ(head_->field_count, 1U);
}

TEST_F(HttpParserTest, RefusesWhatTwoServersCouldFrameDifferently) {
  EXPECT_EQ(refusal("Host: h\r\nContent-Length: 5\r\nContent-Length: 5\r\n"), kMalformed);
  EXPECT_EQ(refusal("Host: h\r\nContent-Length: 5\r\nContent-Length: 6\r\n"), kMalformed);
  EXPECT_EQ(refusal("Host: h\r\nContent-Length: 5, 5\r\n"), kMalformed);
  EXPECT_EQ(refusal("Host: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n"), kMalformed);
  EXPECT_EQ(refusal("Host: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n"), kMalformed);
  EXPECT_EQ(refusal("Host: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), kMalformed);
  EXPECT_EQ(refusal("Host: h\r\nTransfer-Encoding: chunked\r\n", "POST / HTTP/1.0"), kMalformed);
  EXPECT_EQ(refusal("Host: h\r\nTransfer-Encoding: identity\r\n"), HeadErrorKind::kCoding);
  EXPECT_EQ(refusal("Host: h\r\nTransfer-Encoding: chunked, gzip\r\n"), HeadErrorKind::kCoding);
  EXPECT_EQ(refusal("Host: h\r\nTransfer-Encoding:\r\n"), HeadErrorKind::kCoding);
  EXPECT_EQ(refusal("Host: h\r\nTransfer-Encoding: \tChunked \r\n"), std::nullopt);
}

TEST_F(HttpParserTest, ContentLengthIsDigitsThatFit) {
  for (const char* const value :
       {"", "+5", "-5", "5 5", "0x5", "5a", "18446744073709551616", "99999999999999999999999"}) {
    EXPECT_EQ(refusal("Host: h\r\nContent-Length: " + std::string(value) + "\r\n"), kMalformed) << value;
  }
  EXPECT_EQ(refusal("Host: h\r\nContent-Length: 18446744073709551615\r\n"), std::nullopt);
  EXPECT_EQ(head_->content_length, 18'446'744'073'709'551'615U);
  EXPECT_EQ(refusal("Host: h\r\nContent-Length: 007\r\n"), std::nullopt);
  EXPECT_EQ(head_->content_length, 7U);
}

TEST_F(HttpParserTest, RefusesLooseLines) {
  EXPECT_EQ(refusal("Host: h\nA: b\r\n"), kMalformed);
  EXPECT_EQ(refusal("Host : h\r\n"), kMalformed);
  EXPECT_EQ(refusal("Host\t: h\r\n"), kMalformed);
  EXPECT_EQ(refusal("Host: h\r\nA: b\r\n c\r\n"), kMalformed);
  EXPECT_EQ(refusal("Host: h\r\nA: b\r\n\tc\r\n"), kMalformed);
  EXPECT_EQ(refusal(" Host: h\r\n"), kMalformed);
  EXPECT_EQ(refusal("Host: h\r\nno colon\r\n"), kMalformed);
  EXPECT_EQ(refusal("Host: h\r\n: nameless\r\n"), kMalformed);
  EXPECT_EQ(refusal("Host: h\r\nA: b\rc\r\n"), kMalformed);
  EXPECT_EQ(refusal(std::string("Host: h\r\nA: b\0c\r\n", 17)), kMalformed);
  EXPECT_EQ(refusal("Host: h\r\nA: 0123456789abcdef\x7f\r\n"), kMalformed);
  EXPECT_EQ(refusal("Host: h\r\nA\x80: b\r\n"), kMalformed);
  EXPECT_EQ(refusal("Host: h\r\nA: tab\tand \xC3\xA9 are fine\r\n"), std::nullopt);
}

TEST_F(HttpParserTest, RefusesLooseRequestLines) {
  for (const char* const line :
       {"GET  / HTTP/1.1", "GET /  HTTP/1.1", "GET / HTTP/1.1 ", "GET\t/ HTTP/1.1", "GET /", "GET / http/1.1",
        "GET / HTTP/1.10", "GET / HTTP/11", "G(T / HTTP/1.1", "GET /\x01 HTTP/1.1", "GET /\xC3\xA9 HTTP/1.1",
        "GET /a#b HTTP/1.1", "GET * HTTP/1.1", "GET path HTTP/1.1", "CONNECT host:443 HTTP/1.1",
        "GET http:///path HTTP/1.1", "GET http://user@host/ HTTP/1.1", "GET ftp://host/ HTTP/1.1",
        "AVERYLONGMETHODNAMETHATNOBODYEVERUSES / HTTP/1.1"}) {
    EXPECT_EQ(refusal("Host: h\r\n", line), kMalformed) << line;
  }
  EXPECT_EQ(refusal("Host: h\r\n", "GET / HTTP/1.2"), HeadErrorKind::kVersion);
  EXPECT_EQ(refusal("Host: h\r\n", "GET / HTTP/3.0"), HeadErrorKind::kVersion);
  EXPECT_EQ(refusal("Host: h\r\n", "M-SEARCH /%20?a={b}|c HTTP/1.1"), std::nullopt);
}

TEST_F(HttpParserTest, NeedsExactlyOneValidHost) {
  EXPECT_EQ(refusal(""), kMalformed);
  EXPECT_EQ(refusal("Host: a\r\nHost: a\r\n"), kMalformed);
  EXPECT_EQ(refusal("Host: a\r\nHost: b\r\n", "GET / HTTP/1.0"), kMalformed);
  EXPECT_EQ(refusal("Host: a/b\r\n"), kMalformed);
  EXPECT_EQ(refusal("Host: a b\r\n"), kMalformed);
  EXPECT_EQ(refusal("Host: u@a\r\n"), kMalformed);
  EXPECT_EQ(refusal("Host: [::1]:4566\r\n"), std::nullopt);
  EXPECT_EQ(refusal("", "GET / HTTP/1.0"), std::nullopt);
}

TEST_F(HttpParserTest, KnowsWhoWantsToStay) {
  const auto stays = [&](const std::string& line, const std::string& fields) {
    EXPECT_TRUE(parse(line + "\r\nHost: h\r\n" + fields + "\r\n"));
    return head_->keep_alive;
  };
  EXPECT_TRUE(stays("GET / HTTP/1.1", ""));
  EXPECT_FALSE(stays("GET / HTTP/1.1", "Connection: close\r\n"));
  EXPECT_FALSE(stays("GET / HTTP/1.1", "Connection: upgrade , CLOSE\r\nConnection: keep-alive\r\n"));
  EXPECT_TRUE(stays("GET / HTTP/1.1", "Connection: closed\r\n"));
  EXPECT_FALSE(stays("GET / HTTP/1.0", ""));
  EXPECT_TRUE(stays("GET / HTTP/1.0", "Connection: Keep-Alive\r\n"));
}

TEST_F(HttpParserTest, TheScannerFindsTheSameEndHoweverTheBytesArrive) {
  const std::string text = "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n\r\nbody";
  const std::size_t end = text.size() - 4;
  HeadScanner scanner;
  for (std::size_t size = 0; size < end; ++size) {
    const auto found = scanner.scan(std::string_view(text).substr(0, size));
    ASSERT_TRUE(found.has_value());
    ASSERT_FALSE(found->has_value()) << size;
  }
  EXPECT_EQ(scanner.scan(text).value(), end);
  scanner.reset();
  EXPECT_EQ(scanner.scan(text).value(), end);
}

// Heads made of pieces that are right, nearly right or wrong.
class HeadMaker {
 public:
  std::string make() {
    std::string head = pick(kMethods) + pick(kSpaces) + pick(kTargets) + pick(kSpaces) + pick(kVersions) + pick(kEnds);
    if (random_() % 8 != 0) head += "Host: h" + pick(kEnds);
    for (unsigned i = random_() % 5; i > 0; --i) head += pick(kNames) + pick(kColons) + pick(kValues) + pick(kEnds);
    head += "\r\n";
    if (random_() % 16 == 0) head[random_() % head.size()] = static_cast<char>(random_());
    return head;
  }

 private:
  using Pieces = std::vector<std::string>;
  const std::string& pick(const Pieces& pieces) {
    return random_() % 3 == 0 ? pieces[random_() % pieces.size()] : pieces.front();
  }

  const Pieces kMethods = {"GET", "POST", "HEAD", "M-SEARCH", "get", "G@T", "", "G\0T", "OPTIONS"};
  const Pieces kSpaces = {" ", "  ", "\t", "", "\r"};
  const Pieces kTargets = {"/", "/a/b?c=d&e=%20", "http://host/p", "*", "/\x80", "/a#b", "/\"<>{}|\\^`", "", "/a\x7f",
                           "//"};
  const Pieces kVersions = {"HTTP/1.1", "HTTP/1.0", "HTTP/1.2", "HTTP/2.0", "http/1.1", "HTTP/1.11", ""};
  const Pieces kEnds = {"\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\n", "\r", "\r\n ", " \r\n"};
  const Pieces kNames = {"X-A",        "Content-Length", "content-length",  "Transfer-Encoding",
                         "Connection", "Host",           "Expect",          "X A",
                         "",           "X\x01",          "~!#$%&'*+-.^_`|", "Upgrade"};
  const Pieces kColons = {": ", ":", " :", ":\t ", "", "::"};
  const Pieces kValues = {"v",
                          "5",
                          "chunked",
                          "5, 5",
                          "close",
                          "keep-alive, x",
                          "",
                          " ",
                          "\xff",
                          "a\x01z",
                          "100-continue",
                          "gzip, chunked",
                          "18446744073709551616",
                          "0",
                          "-1",
                          "a\tb",
                          std::string(300, 'l')};
  std::mt19937 random_{20'260'101};
};

TEST_F(HttpParserTest, WhatItAcceptsBeastReadsTheSame) {
  HeadMaker maker;
  int accepted = 0;
  int stricter = 0;
  for (int i = 0; i < 300'000; ++i) {
    const std::string text = maker.make();
    HeadScanner scanner;
    const auto end = scanner.scan(text);
    const bool whole = end && *end;
    const std::string_view head_text = whole ? std::string_view(text).substr(0, **end) : std::string_view(text);
    const BeastVerdict beast = beast_verdict(head_text);
    if (!whole || !parse_head(head_text, *head_)) {
      if (beast.accepted) ++stricter;
      continue;
    }
    ++accepted;
    ASSERT_EQ(test::difference(beast, *head_), "") << testing::PrintToString(text);
  }
  // The corpus reaches both sides; otherwise it tests nothing.
  EXPECT_GT(accepted, 20'000);
  EXPECT_GT(stricter, 1'000);
}

}  // namespace
}  // namespace hearth::net
