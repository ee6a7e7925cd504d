#include "main/descriptor_limit.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace hearth::main {
namespace {

TEST(DescriptorLimit, ClientsNeverGetAllDescriptors) {
  EXPECT_EQ(connections_within(256, 16'000), 128U);
  EXPECT_EQ(connections_within(1'024, 16'000), 512U);
  EXPECT_EQ(connections_within(20'000, 16'000), 15'904U);
  EXPECT_EQ(connections_within(1U << 20U, 16'000), 16'000U);
  EXPECT_EQ(connections_within(1'024, 100), 100U);
  EXPECT_EQ(connections_within(0, 100), 1U);
  EXPECT_EQ(connections_within(RLIM_INFINITY, 100), 100U);
}

TEST(DescriptorLimit, TheSoftLimitIsRaisedToTheHardOne) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit low{.rlim_cur = 64, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  EXPECT_EQ(raise_descriptor_limit(), before.rlim_max);
  rlimit after{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &after), 0);
  EXPECT_EQ(after.rlim_cur, before.rlim_max);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
}

}  // namespace
}  // namespace hearth::main
