#include "gateway/trust_bundle.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "base/unique_fd.h"
#include "gateway/test_support.h"
#include "storage/file_system.h"

namespace hearth::gateway {
namespace {

class TrustBundleTest : public testing::Test {
 protected:
  Result<TrustBundle> open(std::vector<std::string> sources) {
    return TrustBundle::open(folder_.path(), "OURS\n", std::move(sources), clock_, log_);
  }
  TemporaryFolder folder_;
  FakeClock clock_;
  UniqueFd nowhere_{::open("/dev/null", O_WRONLY | O_CLOEXEC)};
  observe::Logger log_{nowhere_.get(), observe::Level::kError, observe::LogFormat::kText};
};

TEST_F(TrustBundleTest, ItHoldsTheSystemsAuthoritiesAndOurs) {
  const std::string system = folder_.path() + "/system.crt";
  ASSERT_TRUE(storage::FileSystem().replace(system, "SYSTEM", 0644, std::nullopt));
  auto bundle = open({"/nowhere/at/all", system});
  ASSERT_TRUE(bundle) << bundle.error().message();
  EXPECT_EQ(*storage::FileSystem().read(bundle->path()), "SYSTEM\nOURS\n");
}

TEST_F(TrustBundleTest, WithoutASystemBundleItHoldsOursAlone) {
  auto bundle = open({"/nowhere/at/all"});
  ASSERT_TRUE(bundle);
  EXPECT_EQ(*storage::FileSystem().read(bundle->path()), "OURS\n");
}

TEST_F(TrustBundleTest, AChangedSystemBundleIsTakenOverWithinTenSeconds) {
  const std::string system = folder_.path() + "/system.crt";
  ASSERT_TRUE(storage::FileSystem().replace(system, "OLD\n", 0644, std::nullopt));
  auto bundle = open({system});
  ASSERT_TRUE(bundle);
  ASSERT_TRUE(storage::FileSystem().replace(system, "NEWER\n", 0644, std::nullopt));
  EXPECT_EQ(*storage::FileSystem().read(bundle->path()), "OLD\nOURS\n");
  clock_.advance(std::chrono::seconds(10));
  EXPECT_EQ(*storage::FileSystem().read(bundle->path()), "NEWER\nOURS\n");
}

TEST_F(TrustBundleTest, AFolderThatCannotBeWrittenIsAnError) {
  const auto bundle = TrustBundle::open("/nowhere/at/all", "OURS\n", {}, clock_, log_);
  ASSERT_FALSE(bundle);
  EXPECT_NE(bundle.error().message().find("/nowhere/at/all"), std::string::npos);
}

}  // namespace
}  // namespace hearth::gateway
