#include "gateway/guard.h"

#include <gtest/gtest.h>

namespace hearth::gateway {
namespace {

net::HttpHead head(std::vector<Header> headers, std::string target = "/") {
  return {.method = "GET", .target = std::move(target), .headers = std::move(headers)};
}

TEST(Guard, InOpenModeOnlyLoopbackAndConfiguredHostsAreAnswered) {
  const Guard guard(AuthMode::kOpen, {"Hearth.LAN"});
  for (const char* host : {"127.0.0.1:4566", "127.9.8.7", "[::1]:4566", "localhost", "LOCALHOST:1", "lambda.localhost",
                           "hearth.lan:4566"}) {
    EXPECT_FALSE(guard.refusal(head({{"Host", host}}))) << host;
  }
  for (const char* host : {"evil.example", "evil.example:4566", "192.168.1.5", "localhost.evil.example",
                           "127.0.0.1.evil.example", "[::2]", "0.0.0.0", "", "127.1", "2130706433"}) {
    EXPECT_TRUE(guard.refusal(head({{"Host", host}}))) << host;
  }
  EXPECT_TRUE(guard.refusal(head({})));
}

TEST(Guard, ARequestWithTwoHostsIsRefused) {
  const Guard guard(AuthMode::kOpen, {});
  EXPECT_TRUE(guard.refusal(head({{"Host", "localhost"}, {"Host", "evil.example"}})));
}

TEST(Guard, ForeignPagesAreRefusedAndTheOwnOriginIsNot) {
  const Guard guard(AuthMode::kOpen, {});
  const Header host{"Host", "localhost:4566"};
  EXPECT_FALSE(guard.refusal(head({host, {"Origin", "http://localhost:4566"}, {"Sec-Fetch-Site", "same-origin"}})));
  EXPECT_FALSE(guard.refusal(head({host, {"Sec-Fetch-Site", "none"}})));
  for (const Header& sign : {Header{"Origin", "https://evil.example"}, Header{"Origin", "null"},
                             Header{"Origin", "http://localhost:3000"}, Header{"Sec-Fetch-Site", "cross-site"},
                             Header{"Sec-Fetch-Site", "same-site"}, Header{"Referer", "https://evil.example/page"}}) {
    EXPECT_TRUE(guard.refusal(head({host, sign}))) << sign.name << " " << sign.value;
  }
}

TEST(Guard, InEnforcedModeAnyHostIsAnsweredAndForeignPagesAreNot) {
  const Guard guard(AuthMode::kEnforced, {});
  EXPECT_FALSE(guard.refusal(head({{"Host", "hearth.example"}})));
  EXPECT_TRUE(guard.refusal(head({{"Host", "hearth.example"}, {"Origin", "https://evil.example"}})));
}

}  // namespace
}  // namespace hearth::gateway
