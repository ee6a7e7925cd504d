#include "functions/layers.h"

#include <gtest/gtest.h>

#include <optional>
#include <tuple>
#include <utility>

#include "functions/error_kind.h"
#include "storage/memory_store.h"

namespace hearth::functions {
namespace {

const LayerKey kKey{"123456789012", "us-east-1", "tools"};

class LayerRegistryTest : public testing::Test {
 protected:
  LayerRegistryTest() { reopen(); }
  // A fresh registry on the same rows, as after a restart.
  void reopen() {
    layers_.emplace(store_, clock_);
    ASSERT_TRUE(layers_->load());
  }
  static LayerVersion some(const LayerKey& key = kKey) {
    LayerVersion version;
    version.key = key;
    version.layer_arn = "arn:aws:lambda:us-east-1:123456789012:layer:" + key.name;
    version.package = {.blob = {"ab"}, .sha256_base64 = "qw==", .size_bytes = 7, .unpacked_bytes = 9};
    version.description = "d";
    version.license = "MIT";
    version.runtimes = {"python3.11", "python3.12"};
    version.architectures = {"arm64"};
    return version;
  }
  static bool any(const LayerVersion&) { return true; }

  storage::MemoryStore store_;
  SystemClock clock_;
  std::optional<LayerRegistry> layers_;
};

TEST_F(LayerRegistryTest, EverythingIsThereAfterARestart) {
  const LayerSnapshot made = *layers_->publish(some());
  ASSERT_TRUE(layers_->set_policy(kKey, 1, "{}"));
  reopen();
  const LayerSnapshot read = layers_->find(kKey, 1);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->arn(), "arn:aws:lambda:us-east-1:123456789012:layer:tools:1");
  EXPECT_EQ(read->package.blob.sha256_hex, "ab");
  EXPECT_EQ(read->package.unpacked_bytes, 9U);
  EXPECT_EQ(std::tie(read->description, read->license), std::tie(made->description, made->license));
  EXPECT_EQ(read->runtimes, made->runtimes);
  EXPECT_EQ(read->architectures, made->architectures);
  EXPECT_EQ(read->created, made->created);
  EXPECT_EQ(read->policy, "{}");
  EXPECT_EQ(read->policy_revision.size(), 36U);
}

TEST_F(LayerRegistryTest, NumbersAreNotGivenTwice) {
  EXPECT_EQ((*layers_->publish(some()))->number, 1U);
  EXPECT_EQ((*layers_->publish(some()))->number, 2U);
  ASSERT_TRUE(layers_->remove(kKey, 1));
  ASSERT_TRUE(layers_->remove(kKey, 2));
  EXPECT_FALSE(layers_->find(kKey, 2));
  reopen();
  EXPECT_EQ((*layers_->publish(some()))->number, 3U);
}

TEST_F(LayerRegistryTest, AnImportedVersionKeepsItsNumberAndOthersFollow) {
  LayerVersion version = some();
  version.number = 41;
  version.origin = LayerOrigin::kImported;
  ASSERT_TRUE(layers_->put_imported(version));
  reopen();
  EXPECT_EQ(layers_->find(kKey, 41)->origin, LayerOrigin::kImported);
  EXPECT_EQ((*layers_->publish(some()))->number, 42U);
}

TEST_F(LayerRegistryTest, ListsShowTheNewestThatMatchesAndGoOnAfterAName) {
  for (const char* name : {"a", "b", "c"}) {
    LayerKey key = kKey;
    key.name = name;
    ASSERT_TRUE(layers_->publish(some(key)));
    ASSERT_TRUE(layers_->publish(some(key)));
  }
  LayerKey elsewhere = kKey;
  elsewhere.region = "us-east-2";
  ASSERT_TRUE(layers_->publish(some(elsewhere)));
  const auto first = layers_->list(kKey.account, kKey.region, "", 2, any);
  ASSERT_EQ(first.size(), 2U);
  EXPECT_EQ(first[1]->key.name, "b");
  EXPECT_EQ(first[1]->number, 2U);
  const auto older = [](const LayerVersion& version) { return version.number == 1; };
  const auto rest = layers_->list(kKey.account, kKey.region, "b", 5, older);
  ASSERT_EQ(rest.size(), 1U);
  EXPECT_EQ(rest[0]->key.name, "c");
  EXPECT_EQ(rest[0]->number, 1U);
}

TEST_F(LayerRegistryTest, VersionsAreListedNewestFirst) {
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(layers_->publish(some()));
  const auto first = layers_->versions(kKey, 0, 2, any);
  ASSERT_EQ(first.size(), 2U);
  EXPECT_EQ(first[0]->number, 4U);
  EXPECT_EQ(first[1]->number, 3U);
  const auto rest = layers_->versions(kKey, 3, 5, any);
  ASSERT_EQ(rest.size(), 2U);
  EXPECT_EQ(rest[0]->number, 2U);
  EXPECT_TRUE(layers_->versions({"1", "2", "3"}, 0, 5, any).empty());
}

TEST_F(LayerRegistryTest, APolicyOfNothingIsRefused) {
  const auto changed = layers_->set_policy(kKey, 1, "{}");
  ASSERT_FALSE(changed);
  EXPECT_TRUE(changed.error().is(ErrorKind::kNotFound));
}

TEST_F(LayerRegistryTest, ClearingForgetsNumbersToo) {
  ASSERT_TRUE(layers_->publish(some()));
  ASSERT_TRUE(layers_->clear());
  EXPECT_TRUE(layers_->all().empty());
  reopen();
  EXPECT_EQ((*layers_->publish(some()))->number, 1U);
}

TEST_F(LayerRegistryTest, ARowOfANewerFormatIsRefused) {
  const auto newer = decode_layer(kKey, R"({"v":2})");
  ASSERT_FALSE(newer);
  EXPECT_TRUE(newer.error().is(storage::ErrorKind::kForeign));
  const auto broken = decode_layer(kKey, R"({"v":1})");
  ASSERT_FALSE(broken);
  EXPECT_TRUE(broken.error().is(storage::ErrorKind::kCorrupt));
}

}  // namespace
}  // namespace hearth::functions
