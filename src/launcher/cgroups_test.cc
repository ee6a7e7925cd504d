#include "launcher/cgroups.h"

#include <gtest/gtest.h>

namespace hearth::launcher {
namespace {

constexpr CgroupLimits kLimits{.memory_bytes = 134'217'728, .cpu_milli = 72, .pids = 1025};

TEST(CgroupMounts, V1ControllersAndABareV2TreeAreFoundTogether) {
  const auto mounts = parse_cgroup_mounts(
      "22 1 0:20 / /proc rw - proc proc rw\n"
      "30 25 0:26 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n"
      "31 25 0:27 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
      "32 25 0:28 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n"
      "33 25 0:29 / /sys/fs/cgroup/unified rw shared:10 master:3 - cgroup2 cgroup2 rw\n");
  ASSERT_EQ(mounts.size(), 3U);
  EXPECT_EQ(mounts[0], (CgroupMount{CgroupVersion::kV1, "/sys/fs/cgroup/cpu", {"cpu"}}));
  EXPECT_EQ(mounts[1].mount_point, "/sys/fs/cgroup/cpu,cpuacct");
  EXPECT_EQ(mounts[2], (CgroupMount{CgroupVersion::kV2, "/sys/fs/cgroup/unified", {}}));
}

TEST(CgroupMounts, EscapedPathsAreRead) {
  const auto mounts = parse_cgroup_mounts("33 25 0:29 / /a\\040b rw - cgroup2 none rw\n");
  ASSERT_EQ(mounts.size(), 1U);
  EXPECT_EQ(mounts[0].mount_point, "/a b");
}

TEST(CgroupMounts, BrokenLinesAreSkipped) {
  EXPECT_TRUE(parse_cgroup_mounts("").empty());
  EXPECT_TRUE(parse_cgroup_mounts("garbage\n - \n1 2 3 - cgroup2\n - cgroup2 x y\n").empty());
}

TEST(CgroupLimitWrites, MemoryLeavesNoSwap) {
  EXPECT_EQ(limit_writes(Controller::kMemory, CgroupVersion::kV2, kLimits),
            (std::vector<LimitWrite>{{"memory.max", "134217728", LimitWrite::Need::kRequired},
                                     {"memory.swap.max", "0", LimitWrite::Need::kIfPresent}}));
  EXPECT_EQ(limit_writes(Controller::kMemory, CgroupVersion::kV1, kLimits)[0],
            (LimitWrite{"memory.limit_in_bytes", "134217728", LimitWrite::Need::kRequired}));
}

TEST(CgroupLimitWrites, ProcessorSharesBecomeAQuotaOfAPeriod) {
  EXPECT_EQ(limit_writes(Controller::kCpu, CgroupVersion::kV2, kLimits),
            (std::vector<LimitWrite>{{"cpu.max", "1440 20000", LimitWrite::Need::kRequired}}));
  EXPECT_EQ(limit_writes(Controller::kCpu, CgroupVersion::kV1, kLimits)[1],
            (LimitWrite{"cpu.cfs_quota_us", "1440", LimitWrite::Need::kRequired}));
  EXPECT_TRUE(limit_writes(Controller::kCpu, CgroupVersion::kV2, {}).empty());
}

TEST(CgroupLimitWrites, TheQuotaIsNeverBelowWhatTheKernelTakes) {
  EXPECT_EQ(limit_writes(Controller::kCpu, CgroupVersion::kV2, {.cpu_milli = 1})[0].text, "1000 100000");
  EXPECT_EQ(limit_writes(Controller::kCpu, CgroupVersion::kV2, {.cpu_milli = 10})[0].text, "1000 100000");
  EXPECT_EQ(limit_writes(Controller::kCpu, CgroupVersion::kV2, {.cpu_milli = 50})[0].text, "1000 20000");
}

TEST(CgroupOomKills, AreReadFromBothVersions) {
  EXPECT_EQ(parse_oom_kills("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n"), 3U);
  EXPECT_EQ(parse_oom_kills("low 0\nhigh 0\nmax 12\noom 1\noom_kill 1\noom_group_kill 7\n"), 1U);
  EXPECT_EQ(parse_oom_kills(""), 0U);
}

}  // namespace
}  // namespace hearth::launcher
