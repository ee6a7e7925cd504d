#include "functions/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "functions/store.h"
#include "storage/key.h"
#include "storage/memory_store.h"

namespace hearth::functions {
namespace {

const FunctionKey kKey{"123456789012", "eu-west-1", "f"};

FunctionVersion some_function(const std::string& name = "f") {
  FunctionVersion function;
  function.key = {"123456789012", "eu-west-1", name};
  function.arn = "arn:aws:lambda:eu-west-1:123456789012:function:" + name;
  function.runtime = "python3.12";
  function.handler = "index.handler";
  function.environment = {{"A", "1"}};
  function.has_environment = true;
  return function;
}

class RegistryTest : public testing::Test {
 protected:
  // As after a restart.
  void reopen() {
    registry_ = std::make_unique<Registry>(store_, clock_);
    const Status loaded = registry_->load();
    ASSERT_TRUE(loaded) << loaded.error().message();
  }
  void SetUp() override { reopen(); }
  FunctionSnapshot create_active() {
    const auto created = registry_->create(some_function(), {});
    EXPECT_TRUE(registry_->settle(kKey, created->latest->generation, std::nullopt, ""));
    return registry_->latest(kKey);
  }

  storage::MemoryStore store_;
  FakeClock clock_;
  std::unique_ptr<Registry> registry_;
};

TEST_F(RegistryTest, ACreatedFunctionIsPendingAndDoesNotRunUntilSettled) {
  const auto created = registry_->create(some_function(), {{"team", "a"}});
  ASSERT_TRUE(created);
  EXPECT_EQ(created->latest->state, State::kPending);
  EXPECT_EQ(created->latest->state_reason_code, "Creating");
  EXPECT_EQ(registry_->running(kKey), nullptr);
  ASSERT_TRUE(registry_->settle(kKey, created->latest->generation, std::nullopt, ""));
  const auto active = registry_->running(kKey);
  ASSERT_NE(active, nullptr);
  EXPECT_EQ(active->state, State::kActive);
  EXPECT_EQ(active->update_status, UpdateStatus::kSuccessful);
  EXPECT_EQ(active->state_reason, "");
  EXPECT_NE(active->revision_id, created->latest->revision_id);
  EXPECT_EQ(active->generation, created->latest->generation);
  EXPECT_EQ(registry_->tags(kKey).at("team"), "a");
}

TEST_F(RegistryTest, ANameIsTakenOnce) {
  ASSERT_TRUE(registry_->create(some_function(), {}));
  const auto again = registry_->create(some_function(), {});
  ASSERT_FALSE(again);
  EXPECT_TRUE(again.error().is(ErrorKind::kAlreadyExists));
  EXPECT_EQ(again.error().message(), "Function already exist: f");
}

TEST_F(RegistryTest, WhileAnUpdateIsInProgressTheFormerConfigurationRuns) {
  create_active();
  const auto updated = registry_->update(kKey, std::nullopt, [](FunctionVersion& f) { f.memory_mib = 512; });
  ASSERT_TRUE(updated);
  EXPECT_EQ(updated->latest->update_status, UpdateStatus::kInProgress);
  EXPECT_EQ(updated->latest->state, State::kActive);
  EXPECT_EQ(registry_->latest(kKey)->memory_mib, 512U);
  EXPECT_EQ(registry_->running(kKey)->memory_mib, 128U);
  reopen();
  EXPECT_EQ(registry_->running(kKey)->memory_mib, 128U);
  ASSERT_TRUE(registry_->settle(kKey, updated->latest->generation, std::nullopt, ""));
  EXPECT_EQ(registry_->running(kKey)->memory_mib, 512U);
  reopen();
  EXPECT_EQ(registry_->running(kKey)->memory_mib, 512U);
}

TEST_F(RegistryTest, AFailedUpdateShowsWhyAndLeavesTheFormerRunning) {
  create_active();
  const auto updated = registry_->update(kKey, std::nullopt, [](FunctionVersion& f) { f.memory_mib = 512; });
  ASSERT_TRUE(registry_->settle(kKey, updated->latest->generation, "the package is gone", "InternalError"));
  const auto latest = registry_->latest(kKey);
  EXPECT_EQ(latest->state, State::kActive);
  EXPECT_EQ(latest->update_status, UpdateStatus::kFailed);
  EXPECT_EQ(latest->update_reason, "the package is gone");
  EXPECT_EQ(registry_->running(kKey)->memory_mib, 128U);
  reopen();
  EXPECT_EQ(registry_->running(kKey)->memory_mib, 128U);
}

TEST_F(RegistryTest, AFunctionWhoseCreationFailedCanBeUpdatedToLife) {
  const auto created = registry_->create(some_function(), {});
  ASSERT_TRUE(registry_->settle(kKey, created->latest->generation, "no", "InternalError"));
  EXPECT_EQ(registry_->latest(kKey)->state, State::kFailed);
  EXPECT_EQ(registry_->running(kKey), nullptr);
  const auto updated = registry_->update(kKey, std::nullopt, [](FunctionVersion&) {});
  ASSERT_TRUE(updated);
  ASSERT_TRUE(registry_->settle(kKey, updated->latest->generation, std::nullopt, ""));
  EXPECT_EQ(registry_->running(kKey)->state, State::kActive);
}

TEST_F(RegistryTest, UpdatesAreRefusedWhilePendingOrInProgressInAwsWords) {
  const auto created = registry_->create(some_function(), {});
  const auto early = registry_->update(kKey, std::nullopt, [](FunctionVersion&) {});
  ASSERT_FALSE(early);
  EXPECT_TRUE(early.error().is(ErrorKind::kUpdateInProgress));
  EXPECT_THAT(early.error().message(), testing::HasSubstr("following state: Pending"));
  ASSERT_TRUE(registry_->settle(kKey, created->latest->generation, std::nullopt, ""));
  ASSERT_TRUE(registry_->update(kKey, std::nullopt, [](FunctionVersion&) {}));
  const auto second = registry_->update(kKey, std::nullopt, [](FunctionVersion&) {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().message(),
            "The operation cannot be performed at this time. An update is in progress for resource: "
            "arn:aws:lambda:eu-west-1:123456789012:function:f");
}

TEST_F(RegistryTest, AWrongRevisionChangesNothing) {
  const auto active = create_active();
  const auto refused = registry_->update(kKey, "wrong", [](FunctionVersion& f) { f.memory_mib = 512; });
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(ErrorKind::kRevisionMismatch));
  EXPECT_EQ(registry_->latest(kKey), active);
  EXPECT_TRUE(registry_->update(kKey, active->revision_id, [](FunctionVersion&) {}));
}

TEST_F(RegistryTest, SettlingAPastGenerationDoesNothing) {
  const auto created = registry_->create(some_function(), {});
  ASSERT_TRUE(registry_->remove(kKey));
  const auto again = registry_->create(some_function(), {});
  ASSERT_NE(created->latest->generation, again->latest->generation);
  ASSERT_TRUE(registry_->settle(kKey, created->latest->generation, std::nullopt, ""));
  EXPECT_EQ(registry_->latest(kKey)->state, State::kPending);
}

TEST_F(RegistryTest, EverythingComesBackAfterARestart) {
  create_active();
  ASSERT_TRUE(registry_->set_tags(kKey, {{"a", "b"}}));
  ASSERT_TRUE(registry_->set_policy(kKey, "", R"({"Statement":[]})"));
  const auto before = *registry_->latest(kKey);
  const auto policy = registry_->policy(kKey);
  reopen();
  const auto after = *registry_->latest(kKey);
  EXPECT_EQ(encode_version(before), encode_version(after));
  EXPECT_EQ(registry_->latest(kKey), registry_->running(kKey));
  EXPECT_EQ(registry_->tags(kKey).at("a"), "b");
  EXPECT_EQ(registry_->policy(kKey).document, policy.document);
  EXPECT_EQ(registry_->policy(kKey).revision_id, policy.revision_id);
  const auto next = registry_->update(kKey, std::nullopt, [](FunctionVersion&) {});
  EXPECT_GT(next->latest->generation, before.generation);
}

TEST_F(RegistryTest, WhatACrashCutShortIsListedToBeSettled) {
  ASSERT_TRUE(registry_->create(some_function("pending"), {}));
  create_active();
  ASSERT_TRUE(registry_->update(kKey, std::nullopt, [](FunctionVersion&) {}));
  reopen();
  std::vector<std::string> names;
  for (const auto& function : registry_->unsettled()) names.push_back(function->key.name);
  EXPECT_THAT(names, testing::ElementsAre("f", "pending"));
}

TEST_F(RegistryTest, RemovingErasesEveryRow) {
  create_active();
  ASSERT_TRUE(registry_->update(kKey, std::nullopt, [](FunctionVersion&) {}));
  ASSERT_TRUE(registry_->set_tags(kKey, {{"a", "b"}}));
  ASSERT_TRUE(registry_->set_policy(kKey, "", "{}"));
  EXPECT_EQ(store_.rows().size(), 4U);
  ASSERT_TRUE(registry_->remove(kKey));
  EXPECT_EQ(store_.rows().size(), 0U);
  EXPECT_TRUE(registry_->remove(kKey).error().is(ErrorKind::kNotFound));
}

TEST_F(RegistryTest, AFailingStoreLeavesMemoryAsItWas) {
  const auto active = create_active();
  store_.fail_writes("disk full");
  EXPECT_TRUE(
      registry_->update(kKey, std::nullopt, [](FunctionVersion&) {}).error().is(storage::ErrorKind::kUnavailable));
  EXPECT_FALSE(registry_->set_tags(kKey, {{"a", "b"}}));
  EXPECT_FALSE(registry_->set_policy(kKey, "", "{}"));
  EXPECT_FALSE(registry_->remove(kKey));
  EXPECT_FALSE(registry_->create(some_function("other"), {}));
  EXPECT_EQ(registry_->latest(kKey), active);
  EXPECT_TRUE(registry_->tags(kKey).empty());
  EXPECT_EQ(registry_->count(), 1U);
}

TEST_F(RegistryTest, ListsOneAccountAndRegionInNameOrder) {
  for (const char* name : {"c", "a", "b"}) ASSERT_TRUE(registry_->create(some_function(name), {}));
  FunctionVersion elsewhere = some_function("d");
  elsewhere.key.region = "us-east-1";
  ASSERT_TRUE(registry_->create(elsewhere, {}));
  const auto names = [&](const std::string& after, std::size_t limit) {
    std::string all;
    for (const auto& function : registry_->list("123456789012", "eu-west-1", after, limit)) all += function->key.name;
    return all;
  };
  EXPECT_EQ(names("", 10), "abc");
  EXPECT_EQ(names("", 2), "ab");
  EXPECT_EQ(names("b", 10), "c");
}

TEST_F(RegistryTest, ListenersHearEveryChangeAndRemoval) {
  std::vector<std::string> heard;
  registry_->on_change([&](const FunctionKey& key) { heard.push_back(key.name); });
  create_active();
  ASSERT_TRUE(registry_->remove(kKey));
  EXPECT_EQ(heard.size(), 3U);
}

TEST_F(RegistryTest, ClearForgetsAndErasesEverything) {
  create_active();
  ASSERT_TRUE(registry_->clear());
  EXPECT_EQ(registry_->count(), 0U);
  EXPECT_TRUE(store_.rows().empty());
}

TEST_F(RegistryTest, DamagedOrNewerRecordsAreRefusedWithTheFunctionsName) {
  create_active();
  const std::string key = storage::make_key("lambda.version", kKey.account, kKey.region, {"f", "$LATEST"});
  const auto put = [&](std::string value) {
    storage::Batch batch;
    batch.put(key, std::move(value));
    ASSERT_TRUE(store_.commit(std::move(batch)));
  };
  Registry registry(store_, clock_);
  put("{");
  EXPECT_TRUE(registry.load().error().is(storage::ErrorKind::kCorrupt));
  put(R"({"v":1,"version":"$LATEST"})");
  EXPECT_THAT(registry.load().error().message(), testing::HasSubstr("function f"));
  put(R"({"v":2})");
  EXPECT_TRUE(registry.load().error().is(storage::ErrorKind::kForeign));
}

}  // namespace
}  // namespace hearth::functions
