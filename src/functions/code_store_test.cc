#include "functions/code_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <optional>

#include "functions/registry.h"
#include "functions/zip_builder.h"
#include "storage/memory_store.h"

namespace hearth::functions {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class CodeStoreTest : public testing::Test {
 protected:
  CodeStoreTest() {
    std::string name = (fs::temp_directory_path() / "hearth-code-XXXXXX").string();
    root_ = mkdtemp(name.data());
    reopen();
  }
  ~CodeStoreTest() override { fs::remove_all(root_); }

  // A fresh store on the same folder, as after a restart.
  void reopen() { store_.emplace(loop_, pool_, blobs_, root_ + "/trees", limits_); }

  template <class T>
  static net::Task<> keep(net::Task<T> task, std::optional<T>& result) {
    result.emplace(co_await std::move(task));
  }
  template <class T>
  T run(net::Task<T> task) {
    std::optional<T> result;
    loop_.spawn(keep(std::move(task), result));
    loop_.run();
    return *std::move(result);
  }
  // The refusal's message; empty if the package was taken.
  std::string refusal(const std::string& zip) {
    const auto package = run(store_->ingest(zip, {}));
    return package ? "" : package.error().message();
  }
  std::string unpacked(const std::string& zip) {
    const auto package = run(store_->ingest(zip, {}));
    EXPECT_TRUE(package) << package.error().message();
    return run(store_->tree(*package)).value();
  }
  static std::string text_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static mode_t mode_of(const std::string& path) {
    struct stat info{};
    EXPECT_EQ(lstat(path.c_str(), &info), 0) << path;
    return info.st_mode & 07777U;
  }
  std::vector<std::string> left_in_root() const {
    std::vector<std::string> names;
    for (const auto& item : fs::directory_iterator(root_ + "/trees")) names.push_back(item.path().filename().string());
    return names;
  }

  std::string root_;
  FakeClock clock_;
  net::Loop loop_{clock_};
  net::ThreadPool pool_{2};
  storage::MemoryBlobStore blobs_;
  CodeLimits limits_;
  std::optional<CodeStore> store_;
};

TEST_F(CodeStoreTest, IngestStoresThePackageAndUnpacksItWorldReadable) {
  const std::string zip = ZipBuilder()
                              .add("index.py", "print(1)\n", {.mode = 0100600})
                              .add("bin/tool", "#!/bin/sh\n", {.mode = 0104711, .deflate = true})
                              .add("dos.txt", "x", {.mode = 0100777, .host = 0})
                              .add_link("bin/again", "tool")
                              .finish();
  const auto package = run(store_->ingest(zip, {}));
  ASSERT_TRUE(package) << package.error().message();
  EXPECT_EQ(package->blob.sha256_hex, hex_encode(sha256(zip)));
  EXPECT_EQ(package->sha256_base64, base64_encode(sha256(zip)));
  EXPECT_EQ(package->size_bytes, zip.size());
  EXPECT_TRUE(blobs_.has(package->blob));
  const std::string tree = run(store_->tree(*package)).value();
  EXPECT_EQ(text_of(tree + "/index.py"), "print(1)\n");
  EXPECT_EQ(text_of(tree + "/bin/again"), "#!/bin/sh\n");
  EXPECT_EQ(mode_of(tree), 0755U);
  EXPECT_EQ(mode_of(tree + "/bin"), 0755U);
  EXPECT_EQ(mode_of(tree + "/index.py"), 0644U);
  EXPECT_EQ(mode_of(tree + "/bin/tool"), 0755U);
  EXPECT_EQ(mode_of(tree + "/dos.txt"), 0644U);
}

TEST_F(CodeStoreTest, LinksThatLeaveThePackageAreRefusedAlsoThroughOtherLinks) {
  EXPECT_THAT(refusal(ZipBuilder().add_link("l", "/etc/passwd").finish()), HasSubstr("leads out"));
  EXPECT_THAT(refusal(ZipBuilder().add_link("l", "../x").finish()), HasSubstr("leads out"));
  EXPECT_THAT(refusal(ZipBuilder().add_link("a/l", "../../x").finish()), HasSubstr("leads out"));
  // "up" alone stays inside; through it, "out" does not.
  EXPECT_THAT(
      refusal(ZipBuilder().add("a/b/file", "").add_link("a/b/up", "..").add_link("out", "a/b/up/../../x").finish()),
      HasSubstr("leads out"));
  EXPECT_THAT(refusal(ZipBuilder().add_link("a", "b").add_link("b", "a").finish()), HasSubstr("circle"));
  EXPECT_THAT(refusal(ZipBuilder().add("l", "", {.mode = 0120777}).finish()), HasSubstr("no target"));
  EXPECT_EQ(refusal(ZipBuilder().add("a/b/file", "").add_link("a/b/up", "../..").add_link("x", "missing").finish()),
            "");
  EXPECT_EQ(blobs_.has({hex_encode(sha256(ZipBuilder().add_link("l", "../x").finish()))}), false);
}

TEST_F(CodeStoreTest, LinksWhoseResolutionDoublesWithEachLinkEndInARefusalNotInWork) {
  ZipBuilder zip;
  for (int i = 0; i < 60; ++i) {
    const std::string next = "l" + std::to_string(i + 1);
    zip.add_link("l" + std::to_string(i), next + "/../" + next);
  }
  EXPECT_THAT(refusal(zip.finish()), HasSubstr("circle"));
}

TEST_F(CodeStoreTest, RefusedPackagesLeaveNothingBehind) {
  EXPECT_NE(refusal(ZipBuilder().add("good", "x").add("bad", "x", {.crc_change = 1}).finish()), "");
  EXPECT_THAT(left_in_root(), testing::IsEmpty());
}

TEST_F(CodeStoreTest, TooLargePackagesAreRefusedInAwsWords) {
  limits_ = {.zipped = ByteCount{100}, .unpacked = ByteCount{1000}};
  reopen();
  const auto large = run(store_->ingest(std::string(101, 'x'), {}));
  ASSERT_FALSE(large);
  EXPECT_TRUE(large.error().is(ErrorKind::kTooLarge));
  EXPECT_EQ(large.error().message(), "Zipped size must be smaller than 100 bytes");
}

TEST_F(CodeStoreTest, TheSamePackageIsUnpackedOnceAlsoAtTheSameTime) {
  const std::string zip = ZipBuilder().add("a", "1").finish();
  std::optional<Result<CodePackage>> first;
  std::optional<Result<CodePackage>> second;
  loop_.spawn(keep(store_->ingest(zip, {}), first));
  loop_.spawn(keep(store_->ingest(zip, {}), second));
  loop_.run();
  ASSERT_TRUE(first && *first && second && *second);
  EXPECT_EQ(left_in_root().size(), 2U);  // the tree and its marker
}

TEST_F(CodeStoreTest, AMissingOrUnfinishedTreeIsUnpackedAgainFromItsBlob) {
  const auto package = run(store_->ingest(ZipBuilder().add("a", "1").finish(), {}));
  ASSERT_TRUE(package);
  const std::string tree = run(store_->tree(*package)).value();

  fs::remove(tree + ".complete");
  std::ofstream(tree + "/a") << "half";
  reopen();
  EXPECT_EQ(text_of(run(store_->tree(*package)).value() + "/a"), "1");

  fs::remove_all(tree);
  reopen();
  EXPECT_EQ(text_of(run(store_->tree(*package)).value() + "/a"), "1");

  std::ofstream(tree + ".complete") << "the machine's last start\n";
  std::ofstream(tree + "/a") << "";
  reopen();
  EXPECT_EQ(text_of(run(store_->tree(*package)).value() + "/a"), "1");

  ASSERT_TRUE(blobs_.remove(package->blob));
  fs::remove_all(tree);
  reopen();
  EXPECT_TRUE(run(store_->tree(*package)).error().is(storage::ErrorKind::kCorrupt));
}

TEST_F(CodeStoreTest, TemporaryFoldersOfACrashAreRemovedAtTheNextStart) {
  fs::create_directories(root_ + "/trees/.tmp-0123/deep");
  reopen();
  for (int i = 0; i < 1000 && fs::exists(root_ + "/trees/.tmp-0123"); ++i)
    ASSERT_TRUE(run(store_->collect({})));  // takes turns
  EXPECT_FALSE(fs::exists(root_ + "/trees/.tmp-0123"));
}

TEST_F(CodeStoreTest, CollectSparesWhatIsInUseOrWasUntilRecently) {
  const auto used = run(store_->ingest(ZipBuilder().add("a", "1").finish(), {}));
  const auto unused = run(store_->ingest(ZipBuilder().add("b", "1").finish(), {}));
  ASSERT_TRUE(used && unused);
  ASSERT_TRUE(run(store_->collect({used->blob})));
  EXPECT_TRUE(blobs_.has(unused->blob));
  clock_.advance(CodeStore::kGrace + std::chrono::minutes(1));
  ASSERT_TRUE(run(store_->collect({used->blob})));
  EXPECT_TRUE(blobs_.has(used->blob));
  EXPECT_FALSE(blobs_.has(unused->blob));
  EXPECT_EQ(left_in_root().size(), 2U);
  EXPECT_EQ(text_of(run(store_->tree(*used)).value() + "/a"), "1");
}

TEST_F(CodeStoreTest, TheFirstCollectAfterAStartRemovesAllThatNobodyUses) {
  const auto unused = run(store_->ingest(ZipBuilder().add("b", "1").finish(), {}));
  ASSERT_TRUE(unused);
  reopen();
  ASSERT_TRUE(run(store_->collect({})));
  EXPECT_FALSE(blobs_.has(unused->blob));
  EXPECT_THAT(left_in_root(), testing::IsEmpty());
}

TEST_F(CodeStoreTest, ClearRemovesEverythingAtOnce) {
  const auto package = run(store_->ingest(ZipBuilder().add("a", "1").finish(), {}));
  ASSERT_TRUE(package);
  ASSERT_TRUE(run(store_->clear()));
  EXPECT_FALSE(blobs_.has(package->blob));
  EXPECT_THAT(left_in_root(), testing::IsEmpty());
}

TEST_F(CodeStoreTest, LayersAreMergedInOrderAndLaterOnesWin) {
  const auto layer = [&](ZipBuilder zip) { return run(store_->ingest_layer(zip.finish(), limits_.zipped)).value(); };
  const CodePackage one = layer(ZipBuilder()
                                    .add("both", "one")
                                    .add("only_one", "1")
                                    .add("folder/a", "a", {.mode = 0100755})
                                    .add("was_folder/a", "a")
                                    .add("was_file", "x")
                                    .add_link("was_link", "folder")
                                    .add_link("link", "only_one"));
  const CodePackage two = layer(ZipBuilder()
                                    .add("both", "two")
                                    .add("folder/b", "b")
                                    .add("was_folder", "file")
                                    .add("was_file/b", "b")
                                    .add("was_link/b", "b"));
  const std::string tree = run(store_->layers({one, two})).value();
  EXPECT_EQ(text_of(tree + "/both"), "two");
  EXPECT_EQ(text_of(tree + "/link"), "1");
  EXPECT_EQ(text_of(tree + "/folder/a") + text_of(tree + "/folder/b"), "ab");
  EXPECT_EQ(text_of(tree + "/was_folder"), "file");
  EXPECT_EQ(text_of(tree + "/was_file/b"), "b");
  EXPECT_EQ(text_of(tree + "/was_link/b"), "b");
  EXPECT_FALSE(fs::exists(tree + "/folder/../was_link/a"));
  EXPECT_EQ(mode_of(tree), 0755U);
  EXPECT_EQ(mode_of(tree + "/folder"), 0755U);
  EXPECT_EQ(mode_of(tree + "/folder/a"), 0755U);
  EXPECT_EQ(text_of(run(store_->layers({two, one})).value() + "/both"), "one");
  // What was merged from is as it was.
  EXPECT_EQ(text_of(run(store_->tree(one)).value() + "/both"), "one");
  EXPECT_FALSE(fs::exists(run(store_->tree(one)).value() + "/folder/b"));
}

TEST_F(CodeStoreTest, OneLayerIsItsOwnTreeAndNoneIsNone) {
  const CodePackage layer = run(store_->ingest_layer(ZipBuilder().add("a", "").finish(), limits_.zipped)).value();
  EXPECT_EQ(run(store_->layers({layer})).value(), run(store_->tree(layer)).value());
  EXPECT_EQ(run(store_->layers({})).value(), "");
  EXPECT_FALSE(merged_tree_id({layer}));
}

TEST_F(CodeStoreTest, AMergedTreeIsSharedMadeAgainFromBlobsAndCollectedByItsOwnName) {
  const CodePackage one = run(store_->ingest_layer(ZipBuilder().add("a", "1").finish(), limits_.zipped)).value();
  const CodePackage two = run(store_->ingest_layer(ZipBuilder().add("b", "2").finish(), limits_.zipped)).value();
  const std::string tree = run(store_->layers({one, two})).value();
  const auto made = fs::last_write_time(tree);
  EXPECT_EQ(run(store_->layers({one, two})).value(), tree);
  EXPECT_EQ(fs::last_write_time(tree), made);
  fs::remove_all(root_ + "/trees");
  reopen();
  EXPECT_EQ(text_of(run(store_->layers({one, two})).value() + "/b"), "2");
  reopen();
  ASSERT_TRUE(run(store_->collect({one.blob, two.blob, *merged_tree_id({one, two})})));
  EXPECT_TRUE(fs::exists(tree + "/a"));
  reopen();
  ASSERT_TRUE(run(store_->collect({one.blob, two.blob})));
  EXPECT_FALSE(fs::exists(tree));
  EXPECT_TRUE(blobs_.has(one.blob));
}

TEST_F(CodeStoreTest, ABlobThatCannotBeStoredFailsTheIngest) {
  blobs_.fail_writes("disk full");
  const auto package = run(store_->ingest(ZipBuilder().add("a", "1").finish(), {}));
  ASSERT_FALSE(package);
  EXPECT_TRUE(package.error().is(storage::ErrorKind::kUnavailable));
}

}  // namespace
}  // namespace hearth::functions
