#include "launcher/base_root.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hearth::launcher {
namespace {

using testing::ElementsAre;

const std::vector<MountEntry> kMounts = {{1, 0, "/"},         {2, 1, "/proc"}, {3, 1, "/srv"},
                                         {4, 3, "/srv/data"}, {5, 1, "/sys"},  {6, 5, "/sys/fs/cgroup"}};

TEST(EtcPasswd, NamesTheUserThatFunctionsAreWithAHomeFolder) {
  EXPECT_THAT(passwd_text(993, 990), testing::HasSubstr("\nsbx_user1051:x:993:990::/tmp:/sbin/nologin\n"));
  EXPECT_THAT(passwd_text(200'007, 200'007), testing::HasSubstr("\nsbx_user1051:x:200007:200007::/tmp:"));
  EXPECT_THAT(group_text(200'007), testing::HasSubstr("\nsbx_user1051:x:200007:\n"));
}

TEST(Mounts, LinesOfTheMountTableAreRead) {
  const auto mounts =
      parse_mounts("22 1 0:20 / / rw - ext4 /dev/vda rw\n23 22 0:21 /x /proc rw - proc proc rw\nbroken\n");
  ASSERT_EQ(mounts.size(), 2U);
  EXPECT_EQ(mounts[1].id, 23U);
  EXPECT_EQ(mounts[1].parent, 22U);
  EXPECT_EQ(mounts[1].path, "/proc");
}

TEST(UnneededMounts, ParentsOfNeededOnesStay) {
  EXPECT_THAT(unneeded_mounts(kMounts, {4}, {"/proc"}), ElementsAre("/sys/fs/cgroup", "/sys"));
}

TEST(UnneededMounts, MountsBelowASourceFolderStay) {
  EXPECT_THAT(unneeded_mounts(kMounts, {1}, {"/proc", "/srv"}), ElementsAre("/sys/fs/cgroup", "/sys"));
}

TEST(UnneededMounts, AFolderIsNotBelowAnotherThatOnlyStartsLikeIt) {
  EXPECT_THAT(unneeded_mounts({{1, 0, "/"}, {2, 1, "/srv-other"}}, {1}, {"/srv"}), ElementsAre("/srv-other"));
}

TEST(UnneededMounts, StackedMountsStay) {
  EXPECT_THAT(unneeded_mounts({{1, 0, "/"}, {2, 1, "/a"}, {3, 2, "/a"}}, {1}, {}), ElementsAre());
}

}  // namespace
}  // namespace hearth::launcher
