#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "functions/registry.h"
#include "storage/memory_store.h"

namespace hearth::functions {
namespace {

using testing::ElementsAre;

const FunctionKey kKey{"123456789012", "eu-west-1", "f"};

class VersionsTest : public testing::Test {
 protected:
  void SetUp() override {
    reopen();
    FunctionVersion function;
    function.key = kKey;
    function.arn = "arn:aws:lambda:eu-west-1:123456789012:function:f";
    function.runtime = "python3.12";
    function.code.sha256_base64 = "hash";
    const auto created = registry_->create(function, {});
    ASSERT_TRUE(registry_->settle(kKey, created->latest->generation, std::nullopt, ""));
  }
  // As after a restart.
  void reopen() {
    registry_ = std::make_unique<Registry>(store_, keys_, clock_);
    const Status loaded = registry_->load();
    ASSERT_TRUE(loaded) << loaded.error().message();
  }
  void change(std::uint32_t memory_mib) {
    const auto updated = registry_->update(kKey, std::nullopt, [&](FunctionVersion& f) { f.memory_mib = memory_mib; });
    ASSERT_TRUE(registry_->settle(kKey, updated->latest->generation, std::nullopt, ""));
  }
  std::string publish(const Registry::Publication& publication = {}) {
    const auto version = registry_->publish(kKey, publication);
    return version ? (*version)->version : version.error().message();
  }
  void add_alias(const std::string& name, const std::string& version, std::map<std::string, double> weights = {}) {
    ASSERT_TRUE(registry_->add_alias(
        kKey, {.name = name, .version = version, .description = "", .weights = std::move(weights), .revision_id = ""}));
  }

  storage::MemoryStore store_;
  storage::KeyRing keys_ = storage::KeyRing::fresh();
  FakeClock clock_;
  std::unique_ptr<Registry> registry_;
};

TEST_F(VersionsTest, AVersionKeepsWhatLatestWasWhenItWasPublished) {
  EXPECT_EQ(publish({.description = "first", .code_sha256 = {}, .revision_id = {}}), "1");
  change(512);
  const auto first = registry_->find(kKey, "1");
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(first->memory_mib, 128U);
  EXPECT_EQ(first->description, "first");
  EXPECT_EQ(first->state, State::kActive);
  EXPECT_EQ(registry_->running(kKey, "1", 0), first);
  EXPECT_EQ(registry_->running(kKey)->memory_mib, 512U);
  EXPECT_EQ(publish(), "2");
  reopen();
  EXPECT_EQ(registry_->find(kKey, "1")->memory_mib, 128U);
  EXPECT_EQ(registry_->find(kKey, "2")->memory_mib, 512U);
  EXPECT_EQ(registry_->runnable(kKey).size(), 3U);
}

TEST_F(VersionsTest, NothingIsPublishedTwice) {
  EXPECT_EQ(publish({.description = "first", .code_sha256 = {}, .revision_id = {}}), "1");
  EXPECT_EQ(publish(), "1");
  change(128);  // as it was
  EXPECT_EQ(publish(), "1");
  ASSERT_TRUE(registry_->set_policy(kKey, "", "{}"));
  EXPECT_EQ(publish(), "1");
  reopen();
  EXPECT_EQ(publish(), "1");
}

TEST_F(VersionsTest, ANumberIsNeverGivenAgain) {
  EXPECT_EQ(publish(), "1");
  ASSERT_TRUE(registry_->remove_version(kKey, "1"));
  EXPECT_EQ(registry_->find(kKey, "1"), nullptr);
  reopen();
  EXPECT_EQ(publish(), "2");
  ASSERT_TRUE(registry_->remove(kKey));
  EXPECT_EQ(store_.rows().size(), 0U);
}

TEST_F(VersionsTest, AVersionIsPublishedOnConditionOfHashAndRevision) {
  EXPECT_EQ(publish({.description = {}, .code_sha256 = "other", .revision_id = {}}),
            "CodeSHA256 (other) is different from current CodeSHA256 in $LATEST (hash). Please try again with the "
            "CodeSHA256 in $LATEST.");
  EXPECT_TRUE(registry_->publish(kKey, {.description = {}, .code_sha256 = {}, .revision_id = "old"})
                  .error()
                  .is(ErrorKind::kRevisionMismatch));
  EXPECT_EQ(publish({.description = {}, .code_sha256 = "hash", .revision_id = registry_->latest(kKey)->revision_id}),
            "1");
}

TEST_F(VersionsTest, NothingIsPublishedDuringAnUpdate) {
  const auto updated = registry_->update(kKey, std::nullopt, [](FunctionVersion&) {});
  EXPECT_EQ(publish(),
            "The operation cannot be performed at this time. An update is in progress for resource: "
            "arn:aws:lambda:eu-west-1:123456789012:function:f");
  ASSERT_TRUE(registry_->settle(kKey, updated->latest->generation, std::nullopt, ""));
  EXPECT_EQ(publish(), "1");
}

TEST_F(VersionsTest, AVersionMadeByAnUpdateRunsWhenItIsSettled) {
  const auto updated =
      registry_->update(kKey, std::nullopt, [](FunctionVersion& f) { f.memory_mib = 512; }, Publish::kYes);
  ASSERT_TRUE(updated->version);
  EXPECT_EQ(updated->version->version, "1");
  EXPECT_EQ(registry_->running(kKey, "1", 0), nullptr);
  reopen();
  EXPECT_EQ(registry_->unsettled().size(), 2U);
  for (const auto& function : registry_->unsettled()) {
    ASSERT_TRUE(registry_->settle(kKey, function->generation, std::nullopt, ""));
  }
  EXPECT_EQ(registry_->running(kKey, "1", 0)->memory_mib, 512U);
}

TEST_F(VersionsTest, AnAliasMeansItsVersionAndSharesTrafficByWeight) {
  publish();
  change(512);
  publish();
  add_alias("live", "1", {{"2", 0.25}});
  EXPECT_EQ(registry_->find(kKey, "live")->version, "1");
  EXPECT_EQ(registry_->running(kKey, "live", 0.0)->version, "2");
  EXPECT_EQ(registry_->running(kKey, "live", 0.2499)->version, "2");
  EXPECT_EQ(registry_->running(kKey, "live", 0.25)->version, "1");
  EXPECT_EQ(registry_->running(kKey, "live", 0.999)->version, "1");
  EXPECT_EQ(registry_->running(kKey, "other", 0), nullptr);
  reopen();
  EXPECT_EQ(registry_->alias(kKey, "live")->weights.at("2"), 0.25);
}

TEST_F(VersionsTest, AnAliasChangesOnConditionOfItsOwnRevision) {
  publish();
  add_alias("live", "1");
  const std::string revision = registry_->alias(kKey, "live")->revision_id;
  const auto described = [](Alias& alias) { alias.description = "d"; };
  EXPECT_TRUE(registry_->update_alias(kKey, "live", "old", described).error().is(ErrorKind::kRevisionMismatch));
  const auto updated = registry_->update_alias(kKey, "live", revision, described);
  ASSERT_TRUE(updated);
  EXPECT_EQ(updated->description, "d");
  EXPECT_NE(updated->revision_id, revision);
  EXPECT_TRUE(registry_->update_alias(kKey, "gone", {}, described).error().is(ErrorKind::kNotFound));
  EXPECT_TRUE(
      registry_->add_alias(kKey, {.name = "live", .version = "1", .description = "", .weights = {}, .revision_id = ""})
          .error()
          .is(ErrorKind::kAlreadyExists));
}

TEST_F(VersionsTest, AVersionThatAnAliasNamesStays) {
  publish();
  change(512);
  publish();
  add_alias("blue", "1", {{"2", 0.5}});
  add_alias("green", "2");
  const Status refused = registry_->remove_version(kKey, "2");
  EXPECT_TRUE(refused.error().is(ErrorKind::kInUse));
  EXPECT_EQ(refused.error().message(),
            "Unable to delete version because the following aliases reference it: [blue, green]");
  ASSERT_TRUE(registry_->remove_alias(kKey, "blue"));
  ASSERT_TRUE(registry_->remove_alias(kKey, "green"));
  EXPECT_TRUE(registry_->remove_version(kKey, "2"));
  EXPECT_TRUE(registry_->remove_version(kKey, "2").error().is(ErrorKind::kNotFound));
}

TEST_F(VersionsTest, PoliciesBelongToWhatTheyWereGivenTo) {
  publish();
  add_alias("live", "1");
  const std::string before = registry_->alias(kKey, "live")->revision_id;
  ASSERT_TRUE(registry_->set_policy(kKey, "", "f"));
  ASSERT_TRUE(registry_->set_policy(kKey, "1", "v"));
  ASSERT_TRUE(registry_->set_policy(kKey, "live", "a"));
  EXPECT_FALSE(registry_->set_policy(kKey, "7", "x"));
  reopen();
  EXPECT_EQ(registry_->policy(kKey).document, "f");
  EXPECT_EQ(registry_->policy(kKey, "1").document, "v");
  EXPECT_EQ(registry_->policy(kKey, "live").document, "a");
  EXPECT_NE(registry_->policy(kKey, "live").revision_id, before);
  ASSERT_TRUE(registry_->remove_alias(kKey, "live"));
  EXPECT_EQ(registry_->policy(kKey, "live").document, "");
  ASSERT_TRUE(registry_->remove(kKey));
  EXPECT_EQ(store_.rows().size(), 0U);
}

TEST_F(VersionsTest, ListsGoOnWhereTheyStopped) {
  for (std::uint32_t i = 1; i <= 12; ++i) {
    publish();
    change(128 + i);
  }
  const auto page = registry_->versions(kKey, 9, 2);
  ASSERT_EQ(page.size(), 2U);
  EXPECT_EQ(page[0]->version, "10");
  EXPECT_EQ(page[1]->version, "11");
  for (const char* name : {"c", "a", "b"}) add_alias(name, "1");
  add_alias("d", "2", {{"1", 0.5}});
  const auto names = [&](const std::optional<std::string>& version, const std::string& after, std::size_t limit) {
    std::vector<std::string> found;
    for (const Alias& alias : registry_->aliases(kKey, version, after, limit)) found.push_back(alias.name);
    return found;
  };
  EXPECT_THAT(names({}, "a", 2), ElementsAre("b", "c"));
  EXPECT_THAT(names("2", "", 9), ElementsAre("d"));
  EXPECT_THAT(names("1", "b", 9), ElementsAre("c", "d"));
}

TEST_F(VersionsTest, AFailingStoreLeavesVersionsAndAliasesAsTheyWere) {
  publish();
  add_alias("live", "1");
  const Alias before = *registry_->alias(kKey, "live");
  change(512);
  store_.fail_writes("full");
  EXPECT_FALSE(registry_->publish(kKey, {}));
  EXPECT_FALSE(registry_->update_alias(kKey, "live", {}, [](Alias& alias) { alias.description = "d"; }));
  EXPECT_FALSE(registry_->remove_alias(kKey, "live"));
  EXPECT_FALSE(registry_->set_policy(kKey, "live", "a"));
  store_.fail_writes(std::nullopt);
  EXPECT_EQ(registry_->alias(kKey, "live")->revision_id, before.revision_id);
  EXPECT_EQ(registry_->find(kKey, "2"), nullptr);
  EXPECT_EQ(publish(), "2");
}

}  // namespace
}  // namespace hearth::functions
