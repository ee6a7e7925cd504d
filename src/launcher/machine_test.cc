#include "launcher/machine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "launcher/landlock.h"

namespace hearth::launcher {
namespace {

TEST(CheckLandlock, OtherTiersDoWithoutIt) {
  EXPECT_TRUE(check_landlock(Tier::kNamespace, 0, Tenancy::kSeveral));
  EXPECT_TRUE(check_landlock(Tier::kUser, 0, Tenancy::kSeveral));
}

TEST(CheckLandlock, WithoutLandlockTheTierIsRefusedToASingleOwnerToo) {
  EXPECT_FALSE(check_landlock(Tier::kLandlock, 0, Tenancy::kSeveral));
  EXPECT_FALSE(check_landlock(Tier::kLandlock, 0, Tenancy::kSingle));
}

TEST(CheckLandlock, BelowScopesItServesOneOwnerOnlyAndOnlyIfToldSo) {
  for (int abi = 1; abi < kLandlockScopes; ++abi) {
    const Status refused = check_landlock(Tier::kLandlock, abi, Tenancy::kSeveral);
    ASSERT_FALSE(refused) << abi;
    EXPECT_THAT(refused.error().message(), testing::HasSubstr("--unsafe-single-tenant"));
    EXPECT_EQ(abi < kLandlockPorts, refused.error().message().find("any port") != std::string::npos) << abi;
    EXPECT_TRUE(check_landlock(Tier::kLandlock, abi, Tenancy::kSingle)) << abi;
  }
  EXPECT_TRUE(check_landlock(Tier::kLandlock, kLandlockScopes, Tenancy::kSeveral));
}

// A machine whose Landlock is older than this one's: only what is described is asked.
HelloMessage described(int abi) {
  Machine machine;
  machine.tier = Tier::kLandlock;
  machine.landlock_abi = abi;
  auto cgroups = Cgroups::open_delegated("machine-test");
  EXPECT_TRUE(cgroups);
  return describe(machine, *cgroups);
}

TEST(Describe, WhatAnOlderLandlockLeavesOpenIsAWarningEach) {
  const auto open_things = [](const HelloMessage& hello) {
    return std::ranges::count_if(hello.warnings, [](const std::string& w) { return w.starts_with("--unsafe"); });
  };
  EXPECT_EQ(0, open_things(described(6)));
  EXPECT_EQ(1, open_things(described(4)));
  EXPECT_EQ(2, open_things(described(3)));
  EXPECT_EQ("landlock", described(7).tier);
}

}  // namespace
}  // namespace hearth::launcher
