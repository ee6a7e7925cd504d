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
    registry_ = std::make_unique<Registry>(store_, keys_, clock_);
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
  storage::KeyRing keys_ = storage::KeyRing::fresh();
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
  EXPECT_EQ(encode_version(before, keys_), encode_version(after, keys_));
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

TEST_F(RegistryTest, ReservedConcurrencyIsKeptAndCountedPerAccountAndRegion) {
  create_active();
  ASSERT_TRUE(registry_->create(some_function("g"), {}));
  ASSERT_TRUE(registry_->set_reserved_concurrency(kKey, 5));
  ASSERT_TRUE(registry_->set_reserved_concurrency({kKey.account, kKey.region, "g"}, 7));
  reopen();
  EXPECT_EQ(registry_->concurrency(kKey).reserved, 5U);
  EXPECT_EQ(registry_->concurrency(kKey).reserved_by_all, 12U);
  EXPECT_EQ(registry_->concurrency({kKey.account, "us-east-1", "f"}).reserved_by_all, 0U);
  ASSERT_TRUE(registry_->set_reserved_concurrency(kKey, 0));
  EXPECT_EQ(registry_->concurrency(kKey).reserved, 0U);
  EXPECT_EQ(registry_->concurrency(kKey).reserved_by_all, 7U);
  ASSERT_TRUE(registry_->set_reserved_concurrency(kKey, std::nullopt));
  EXPECT_EQ(registry_->concurrency(kKey).reserved, std::nullopt);
  ASSERT_TRUE(registry_->remove({kKey.account, kKey.region, "g"}));
  EXPECT_EQ(registry_->concurrency(kKey).reserved_by_all, 0U);
  reopen();
  EXPECT_EQ(registry_->concurrency(kKey).reserved_by_all, 0U);
  EXPECT_TRUE(
      registry_->set_reserved_concurrency({kKey.account, kKey.region, "none"}, 1).error().is(ErrorKind::kNotFound));
}

TEST_F(RegistryTest, VariablesLieSealedInTheStore) {
  FunctionVersion function = some_function();
  function.environment = {{"PASSWORD", "hunter2"}};
  ASSERT_TRUE(registry_->create(function, {}, Publish::kYes));
  const auto rows = store_.scan("", "", 100);
  ASSERT_TRUE(rows);
  ASSERT_GE(rows->size(), 3U);
  for (const auto& row : *rows) {
    EXPECT_THAT(row.value, testing::Not(testing::HasSubstr("hunter2"))) << row.key;
    EXPECT_THAT(row.value, testing::Not(testing::HasSubstr("PASSWORD"))) << row.key;
  }
  reopen();
  EXPECT_EQ(registry_->latest(kKey)->environment.at("PASSWORD"), "hunter2");
}

TEST_F(RegistryTest, WithoutItsKeyAFunctionIsFailedAndComesBackWithIt) {
  create_active();
  ASSERT_TRUE(registry_->publish(kKey, {}));
  const storage::KeyRing kept = std::exchange(keys_, storage::KeyRing::fresh());
  reopen();
  for (const auto& function : {registry_->latest(kKey), registry_->find(kKey, "1")}) {
    EXPECT_EQ(function->state, State::kFailed);
    EXPECT_EQ(function->state_reason_code, "KMSKeyNotFound");
    EXPECT_TRUE(function->environment.empty());
  }
  EXPECT_EQ(registry_->running(kKey), nullptr);
  EXPECT_EQ(registry_->running(kKey, "1", 0), nullptr);
  // What is changed meanwhile keeps the variables that nobody can read now.
  const auto updated = registry_->update(kKey, std::nullopt, [](FunctionVersion& f) { f.memory_mib = 512; });
  ASSERT_TRUE(updated);
  ASSERT_TRUE(
      registry_->settle(kKey, updated->latest->generation, std::string(kLostKeyReason), std::string(kLostKeyCode)));
  keys_ = kept;
  reopen();
  EXPECT_EQ(registry_->latest(kKey)->state, State::kActive);
  EXPECT_EQ(registry_->latest(kKey)->update_status, UpdateStatus::kSuccessful);
  EXPECT_EQ(registry_->running(kKey)->environment.at("A"), "1");
  EXPECT_EQ(registry_->running(kKey)->memory_mib, 512U);
  EXPECT_EQ(registry_->running(kKey, "1", 0)->environment.at("A"), "1");
}

TEST_F(RegistryTest, ALostFunctionWorksAgainWithNewVariables) {
  create_active();
  keys_ = storage::KeyRing::fresh();
  reopen();
  const auto updated = registry_->update(kKey, std::nullopt, [](FunctionVersion& f) {
    f.environment = {{"B", "2"}};
    f.lost_environment.clear();
  });
  ASSERT_TRUE(registry_->settle(kKey, updated->latest->generation, std::nullopt, ""));
  reopen();
  EXPECT_EQ(registry_->running(kKey)->environment.at("B"), "2");
  EXPECT_EQ(registry_->running(kKey)->state, State::kActive);
}

TEST_F(RegistryTest, AReplacedKeyIsNoLongerNeededAfterOneStart) {
  create_active();
  const std::string before = keys_.text();
  keys_.rotate();
  reopen();
  const std::string both = keys_.text();
  // The new key's line alone.
  const std::size_t first = both.find(keys_.current_id());
  keys_ = *storage::KeyRing::parse(both.substr(first, both.find('\n', first) - first));
  reopen();
  EXPECT_EQ(registry_->running(kKey)->environment.at("A"), "1");
}

TEST_F(RegistryTest, VariablesOfFormatOneAreReadAndSealed) {
  create_active();
  const std::string key = storage::make_key("lambda.version", kKey.account, kKey.region, {"f", "$LATEST"});
  std::string row = **store_.get(key);
  const std::size_t member = row.find("\"sealed_environment\":");
  const std::size_t end = row.find(',', member);
  row.replace(member, end - member, R"("environment":{"OLD":"plain"})");
  row.replace(row.find("\"v\":2"), 5, "\"v\":1");
  storage::Batch batch;
  batch.put(key, row);
  ASSERT_TRUE(store_.commit(std::move(batch)));
  reopen();
  EXPECT_EQ(registry_->latest(kKey)->environment.at("OLD"), "plain");
  EXPECT_THAT(**store_.get(key), testing::Not(testing::HasSubstr("plain")));
}

TEST_F(RegistryTest, DamagedOrNewerRecordsAreRefusedWithTheFunctionsName) {
  create_active();
  const std::string key = storage::make_key("lambda.version", kKey.account, kKey.region, {"f", "$LATEST"});
  const auto put = [&](std::string value) {
    storage::Batch batch;
    batch.put(key, std::move(value));
    ASSERT_TRUE(store_.commit(std::move(batch)));
  };
  Registry registry(store_, keys_, clock_);
  put("{");
  EXPECT_TRUE(registry.load().error().is(storage::ErrorKind::kCorrupt));
  put(R"({"v":1,"version":"$LATEST"})");
  EXPECT_THAT(registry.load().error().message(), testing::HasSubstr("function f"));
  put(R"({"v":3})");
  EXPECT_TRUE(registry.load().error().is(storage::ErrorKind::kForeign));
}

}  // namespace
}  // namespace hearth::functions
