#include "launcher/delegation.h"

#include <gtest/gtest.h>

namespace hearth::launcher {
namespace {

TEST(Delegation, TheOwnCgroupIsTheLineOfTheUnifiedTree) {
  EXPECT_EQ("/user.slice/a.scope", parse_own_cgroup("12:pids:/x\n1:name=systemd:/y\n0::/user.slice/a.scope\n"));
  EXPECT_EQ("/", parse_own_cgroup("0::/\n"));
  EXPECT_EQ("/a", parse_own_cgroup("0::/a"));
}

TEST(Delegation, AProcessInNoUnifiedTreeHasNone) {
  EXPECT_EQ("", parse_own_cgroup(""));
  EXPECT_EQ("", parse_own_cgroup("4:memory:/a\n10::/b\n"));
}

TEST(Delegation, WithoutAUnifiedTreeNothingIsDelegated) {
  EXPECT_EQ("", find_delegated_cgroup({}, "leaf"));
  EXPECT_EQ("", find_delegated_cgroup({{.version = CgroupVersion::kV1, .mount_point = "/tmp"}}, "leaf"));
}

}  // namespace
}  // namespace hearth::launcher
