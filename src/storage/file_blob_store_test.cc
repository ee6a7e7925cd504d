#include "storage/file_blob_store.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <fstream>
#include <optional>

#include "base/bytes.h"
#include "base/check.h"
#include "base/clock.h"
#include "storage/error_kind.h"
#include "storage/faulty_disk.h"

namespace hearth::storage {
namespace {

class FileBlobStoreTest : public ::testing::Test {
 protected:
  FileBlobStoreTest() {
    EXPECT_TRUE(FileSystem().make_folder(folder_ / "blobs", 0700));  // and synced, as DataFolder sees to
    open();
  }

  void open() {
    auto opened = FileBlobStore::open(folder_ / "blobs", FileSystem(&disk_), loop_, pool_);
    ASSERT_TRUE(opened) << opened.error().message();
    blobs_ = std::move(*opened);
  }

  template <class T>
  static Task<> keep(Task<T> task, std::optional<T>& result) {
    T value = co_await std::move(task);
    result = std::move(value);
  }
  template <class T>
  T run(Task<T> task) {
    std::optional<T> result;
    loop_.spawn(keep(std::move(task), result));
    loop_.run();
    return std::move(*result);
  }
  Result<BlobId> put(std::string bytes) { return run(blobs_->put(std::move(bytes))); }
  Result<std::string> read(BlobId id) { return run(blobs_->read(std::move(id))); }
  std::size_t left_over() { return FileSystem().list(folder_ / "blobs/tmp").value().size(); }

  TemporaryFolder folder_;
  FaultyDisk disk_;
  SystemClock clock_;
  net::Loop loop_{clock_};
  net::ThreadPool pool_{2};
  std::unique_ptr<FileBlobStore> blobs_;
};

TEST_F(FileBlobStoreTest, NamesBlobsByTheirHashAndGivesThemBack) {
  const auto id = put("abc");
  ASSERT_TRUE(id);
  EXPECT_EQ(id->sha256_hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(blobs_->path(*id), folder_ / ("blobs/ba/78/" + id->sha256_hex));
  EXPECT_EQ(read(*id).value(), "abc");
  EXPECT_EQ(left_over(), 0U);
}

TEST_F(FileBlobStoreTest, HoldsEmptyAndLargeBlobs) {
  for (const std::string& bytes : {std::string(), std::string(10'000'000, '\0')}) {
    const auto id = put(bytes);
    ASSERT_TRUE(id);
    EXPECT_EQ(read(*id).value(), bytes);
  }
}

TEST_F(FileBlobStoreTest, StoringAgainWritesNothingButSyncsTheFolder) {
  ASSERT_TRUE(put("abc"));
  const auto writes = disk_.count(DiskOperation::kWrite);
  const auto folder_syncs = disk_.count(DiskOperation::kSyncFolder);
  ASSERT_TRUE(put("abc"));
  EXPECT_EQ(disk_.count(DiskOperation::kWrite), writes);
  EXPECT_EQ(disk_.count(DiskOperation::kSyncFolder), folder_syncs + 1) << "an earlier one may not have got that far";
}

TEST_F(FileBlobStoreTest, SurvivesAPowerCutAfterTheAnswer) {
  const auto id = put("abc");
  ASSERT_TRUE(id);
  disk_.lose_unsynced();
  open();
  EXPECT_EQ(read(*id).value(), "abc");
}

TEST_F(FileBlobStoreTest, AfterAFailureOrPowerCutAtAnyStepABlobIsWholeOrMissing) {
  for (const bool power_cut : {false, true}) {
    for (std::uint64_t step = 0;; ++step) {
      const std::string bytes = "blob " + std::to_string(step) + (power_cut ? " cut" : " full");
      std::atomic<std::uint64_t> calls = 0;
      disk_.set_rule([&](const DiskCall&) { return calls++ >= step ? ENOSPC : 0; });
      const auto id = put(bytes);
      disk_.heal();
      const BlobId name{.sha256_hex = hex_encode(sha256(bytes))};
      if (power_cut) {
        disk_.lose_unsynced();
        open();
      }
      if (id) {
        EXPECT_EQ(read(name).value(), bytes);
        EXPECT_GE(step, 7U) << "folders, create, write, sync, rename, folder";
        break;
      }
      EXPECT_TRUE(id.error().is(ErrorKind::kUnavailable)) << id.error().message();
      const auto found = read(name);
      if (found) {
        EXPECT_EQ(*found, bytes);
      } else {
        EXPECT_TRUE(found.error().is(ErrorKind::kCorrupt));
      }
      ASSERT_TRUE(put(bytes)) << "the same may be stored afterwards";
      EXPECT_EQ(read(name).value(), bytes);
    }
  }
}

TEST_F(FileBlobStoreTest, RemovesWhatUnfinishedWritesLeft) {
  std::ofstream(folder_ / "blobs/tmp/half") << "ab";
  open();
  EXPECT_EQ(left_over(), 0U);
}

TEST_F(FileBlobStoreTest, NoticesDamageAndRepairsItWhenTheBlobIsStoredAgain) {
  const auto id = put("abc");
  ASSERT_TRUE(id);
  std::ofstream(blobs_->path(*id)) << "abd";
  EXPECT_TRUE(read(*id).error().is(ErrorKind::kCorrupt));
  std::ofstream(blobs_->path(*id)) << "a";
  ASSERT_TRUE(put("abc"));
  EXPECT_EQ(read(*id).value(), "abc");
}

TEST_F(FileBlobStoreTest, RemovedBlobsAreMissingAndMayBeRemovedAgain) {
  const auto id = put("abc");
  ASSERT_TRUE(id);
  EXPECT_TRUE(blobs_->remove(*id));
  EXPECT_TRUE(blobs_->remove(*id));
  EXPECT_TRUE(read(*id).error().is(ErrorKind::kCorrupt));
}

TEST_F(FileBlobStoreTest, NamesThatAreNoHashesNeverBecomePaths) {
  for (const char* name : {"", "../../etc/passwd", "ba7816bf"}) {
    EXPECT_THROW(blobs_->path({.sha256_hex = name}), CheckFailed);
  }
  EXPECT_THROW(blobs_->path({.sha256_hex = std::string(64, 'G')}), CheckFailed);
}

Task<> put_one(FileBlobStore& blobs, int number, int& good) {
  std::string bytes = "content " + std::to_string(number % 3);
  const Result<BlobId> id = co_await blobs.put(std::move(bytes));
  if (id) ++good;
}

TEST_F(FileBlobStoreTest, TheSameBlobMayBeStoredManyTimesAtOnce) {
  int good = 0;
  for (int i = 0; i < 60; ++i) loop_.spawn(put_one(*blobs_, i, good));
  loop_.run();
  EXPECT_EQ(good, 60);
  EXPECT_EQ(left_over(), 0U);
}

}  // namespace
}  // namespace hearth::storage
