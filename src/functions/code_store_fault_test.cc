// What CodeStore promises when the disk is full or fails at any step of taking a package.

#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>

#include "functions/code_store.h"
#include "functions/zip_builder.h"
#include "storage/error_kind.h"
#include "storage/faulty_disk.h"
#include "storage/file_blob_store.h"

namespace hearth::functions {
namespace {

namespace fs = std::filesystem;
using storage::DiskCall;

class CodeStoreFaultTest : public testing::Test {
 protected:
  CodeStoreFaultTest() {
    auto blobs = storage::FileBlobStore::open(folder_ / "blobs", storage::FileSystem(&disk_), loop_, pool_);
    EXPECT_TRUE(blobs);
    blobs_ = std::move(*blobs);
    reopen();
  }
  void reopen() { store_.emplace(loop_, pool_, *blobs_, folder_ / "trees", CodeLimits{}, storage::FileSystem(&disk_)); }
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
  static std::string package(std::uint64_t number) {
    return ZipBuilder()
        .add("lib/one.py", "number = " + std::to_string(number))
        .add("index.py", std::string(5000, '#'))
        .add_link("again.py", "index.py")
        .finish();
  }
  std::string text_of(const std::string& path) const {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::size_t half_done() const {
    std::size_t count = storage::FileSystem().list(folder_ / "blobs/tmp").value().size();
    for (const auto& item : fs::directory_iterator(folder_ / "trees")) {
      if (item.path().filename().string().starts_with(".tmp-")) ++count;
    }
    return count;
  }

  storage::TemporaryFolder folder_;
  storage::FaultyDisk disk_;
  SystemClock clock_;
  net::Loop loop_{clock_};
  net::ThreadPool pool_{2};
  std::unique_ptr<storage::FileBlobStore> blobs_;
  std::optional<CodeStore> store_;
};

TEST_F(CodeStoreFaultTest, AFailureAtAnyStepIsSaidLeavesNothingAndTheNextAttemptSucceeds) {
  for (const int error : {ENOSPC, EIO}) {
    bool done = false;
    for (std::uint64_t step = 0; !done; ++step) {
      const std::string zip = package(step * 2 + (error == EIO ? 1 : 0));
      std::atomic<std::uint64_t> calls = 0;
      // This step fails, and whatever is tried for one more operation.
      disk_.set_rule([&](const DiskCall&) {
        const std::uint64_t now = calls++;
        return now == step || now == step + 1 ? error : 0;
      });
      const auto first = run(store_->ingest(zip, {}));
      disk_.heal();
      done = first.has_value() && calls <= step;
      if (!first) {
        EXPECT_TRUE(first.error().is(storage::ErrorKind::kUnavailable)) << first.error().message();
        EXPECT_NE(first.error().message().find(::strerror(error)), std::string::npos) << first.error().message();
      }
      const auto second = run(store_->ingest(zip, {}));
      ASSERT_TRUE(second) << "after a failure at step " << step << ": " << second.error().message();
      const std::string tree = run(store_->tree(*second)).value();
      EXPECT_EQ(text_of(tree + "/again.py"), std::string(5000, '#'));
      EXPECT_EQ(run(blobs_->read(second->blob)).value(), zip);
      if (done) EXPECT_GT(step, 12U) << "folders, files, link, names, marker, blob";
    }
  }
  // A leftover that could not be removed meanwhile goes when the next process starts.
  blobs_ = std::move(*storage::FileBlobStore::open(folder_ / "blobs", storage::FileSystem(&disk_), loop_, pool_));
  reopen();
  loop_.run();
  while (pool_.load().running + pool_.load().waiting > 0) std::this_thread::yield();
  EXPECT_EQ(half_done(), 0U);
}

TEST_F(CodeStoreFaultTest, LayersAreMergedAfterAFailureAtAnyStep) {
  const auto one = run(store_->ingest_layer(package(1), CodeLimits{}.zipped));
  const auto two = run(store_->ingest_layer(package(2), CodeLimits{}.zipped));
  ASSERT_TRUE(one && two);
  for (std::uint64_t step = 0;; ++step) {
    fs::remove_all(folder_ / ("trees/" + merged_tree_id({*one, *two})->sha256_hex));
    reopen();
    std::atomic<std::uint64_t> calls = 0;
    disk_.set_rule([&](const DiskCall&) { return calls++ == step ? ENOSPC : 0; });
    const auto failed = run(store_->layers({*one, *two}));
    disk_.heal();
    if (!failed) EXPECT_TRUE(failed.error().is(storage::ErrorKind::kUnavailable)) << failed.error().message();
    const auto tree = run(store_->layers({*one, *two}));
    ASSERT_TRUE(tree) << "after a failure at step " << step << ": " << tree.error().message();
    EXPECT_EQ(text_of(*tree + "/lib/one.py"), "number = 2");
    EXPECT_EQ(text_of(*tree + "/again.py"), std::string(5000, '#'));
    if (calls <= step) {
      EXPECT_GT(step, 9U) << "folders, files, links, names, marker";
      break;
    }
  }
}

TEST_F(CodeStoreFaultTest, ATreeThatIsMadeAgainSurvivesAFailureAtAnyStep) {
  const auto stored = run(store_->ingest(package(1), {}));
  ASSERT_TRUE(stored);
  for (std::uint64_t step = 0;; ++step) {
    fs::remove_all(folder_ / "trees");
    reopen();
    std::atomic<std::uint64_t> calls = 0;
    disk_.set_rule([&](const DiskCall&) { return calls++ == step ? ENOSPC : 0; });
    const auto failed = run(store_->tree(*stored));
    disk_.heal();
    if (calls <= step) break;
    if (!failed) EXPECT_TRUE(failed.error().is(storage::ErrorKind::kUnavailable)) << failed.error().message();
    const auto tree = run(store_->tree(*stored));
    ASSERT_TRUE(tree) << "after a failure at step " << step << ": " << tree.error().message();
    EXPECT_EQ(text_of(*tree + "/lib/one.py"), "number = 1");
  }
}

}  // namespace
}  // namespace hearth::functions
