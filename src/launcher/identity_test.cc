#include "launcher/identity.h"

#include <gtest/gtest.h>

namespace hearth::launcher {
namespace {

TEST(UidSlots, NoUidIsHandedOutTwice) {
  UidSlots slots(200'000, 2);
  EXPECT_EQ(slots.take(), 200'000U);
  EXPECT_EQ(slots.take(), 200'001U);
  EXPECT_EQ(slots.take(), std::nullopt);
}

TEST(UidSlots, TheUidUnusedForLongestComesFirst) {
  UidSlots slots(10, 3);
  const uid_t first = *slots.take();
  slots.give_back(first);
  EXPECT_EQ(slots.take(), 11U);
  EXPECT_EQ(slots.take(), 12U);
  EXPECT_EQ(slots.take(), first);
}

TEST(UidRange, TwoLaunchersNeverShareOne) {
  const auto one = claim_uid_range();
  const auto two = claim_uid_range();
  ASSERT_TRUE(one && two);
  EXPECT_NE(one->first, two->first);
}

}  // namespace
}  // namespace hearth::launcher
