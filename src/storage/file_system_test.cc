#include "storage/file_system.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "storage/error_kind.h"
#include "storage/faulty_disk.h"

namespace hearth::storage {
namespace {

constexpr SyncSite kBytes{"test.bytes"};
constexpr SyncSite kNames{"test.names"};

TEST(FileSystem, AReplacedFileLastsOnceItsFolderIsSynced) {
  const TemporaryFolder folder;
  FaultyDisk disk;
  const FileSystem files(&disk);
  ASSERT_TRUE(files.replace(folder / "a", "one", 0600, kBytes));
  ASSERT_TRUE(files.sync_folder(folder.path(), kNames));
  EXPECT_EQ(files.read(folder / "a").value(), "one");
  EXPECT_EQ(disk.count(DiskOperation::kSync), 1U);
  EXPECT_EQ(disk.count(DiskOperation::kSyncFolder), 1U);
  disk.lose_unsynced();
  EXPECT_EQ(files.read(folder / "a").value(), "one");
}

TEST(FileSystem, AFailureAtAnyStepLeavesTheOldFileAndNoRubbish) {
  for (std::uint64_t step = 0;; ++step) {
    const TemporaryFolder folder;
    FaultyDisk disk;
    const FileSystem files(&disk);
    ASSERT_TRUE(files.replace(folder / "a", "old", 0600, kBytes));
    std::uint64_t calls = 0;
    disk.set_rule([&](const DiskCall&) { return calls++ == step ? ENOSPC : 0; });
    const Status replaced = files.replace(folder / "a", "new", 0600, kBytes);
    if (calls <= step) {
      EXPECT_EQ(step, 4U) << "create, write, sync and rename can each fail";
      break;
    }
    ASSERT_FALSE(replaced);
    EXPECT_TRUE(replaced.error().is(ErrorKind::kUnavailable));
    EXPECT_NE(replaced.error().message().find("No space left"), std::string::npos) << replaced.error().message();
    EXPECT_EQ(files.read(folder / "a").value(), "old");
    EXPECT_EQ(files.list(folder.path()).value(), std::vector<std::string>{"a"});
  }
}

TEST(FileSystem, APowerCutBeforeTheFolderIsSyncedUndoesTheRename) {
  const TemporaryFolder folder;
  FaultyDisk disk;
  const FileSystem files(&disk);
  ASSERT_TRUE(files.replace(folder / "a", "old", 0600, kBytes));
  ASSERT_TRUE(files.sync_folder(folder.path(), kNames));
  ASSERT_TRUE(files.replace(folder / "a", "new", 0600, kBytes));
  EXPECT_EQ(files.read(folder / "a").value(), "new");
  disk.lose_unsynced();
  EXPECT_EQ(files.read(folder / "a").value(), "old");
}

TEST(FileSystem, AnUnsyncedFolderIsLostWithAllThatIsInIt) {
  const TemporaryFolder folder;
  FaultyDisk disk;
  const FileSystem files(&disk);
  ASSERT_TRUE(files.make_folder(folder / "inner", 0700));
  ASSERT_TRUE(files.replace(folder / "inner/a", "x", 0600, kBytes));
  ASSERT_TRUE(files.sync_folder(folder / "inner", kNames));
  disk.lose_unsynced();
  EXPECT_TRUE(files.list(folder.path()).value().empty());
}

TEST(FileSystem, ATreeChangesPlacesWithTheOneBefore) {
  const TemporaryFolder folder;
  FaultyDisk disk;
  const FileSystem files(&disk);
  for (const char* name : {"old", "new"}) {
    ASSERT_TRUE(files.make_folder(folder / name, 0700));
    ASSERT_TRUE(FileSystem().replace(folder / (std::string(name) + "/file"), name, 0600, std::nullopt));
  }
  ASSERT_TRUE(files.sync_folder(folder.path(), kNames));
  EXPECT_TRUE(files.put_in_place(folder / "new", folder / "old").value());
  EXPECT_EQ(files.read(folder / "old/file").value(), "new");
  EXPECT_EQ(files.read(folder / "new/file").value(), "old");
  EXPECT_FALSE(files.put_in_place(folder / "new", folder / "other").value()) << "nothing was there";
  EXPECT_EQ(files.read(folder / "other/file").value(), "old");
}

TEST(FileSystem, ATreeThatWasNotSyncedIsEmptyAfterAPowerCut) {
  for (const bool synced : {true, false}) {
    const TemporaryFolder folder;
    FaultyDisk disk;
    const FileSystem files(&disk);
    ASSERT_TRUE(FileSystem().make_folder(folder / "tree", 0700));
    ASSERT_TRUE(FileSystem().replace(folder / "tree/file", "x", 0600, std::nullopt));
    if (synced) ASSERT_TRUE(files.sync_tree(folder / "tree", kBytes));
    ASSERT_TRUE(files.put_in_place(folder / "tree", folder / "target"));
    ASSERT_TRUE(files.sync_folder(folder.path(), kNames));
    disk.lose_unsynced();
    EXPECT_EQ(files.read(folder / "target/file").value(), synced ? "x" : "");
  }
}

TEST(FileSystem, WhatAKilledProcessLeftIsRemovedAndNothingElse) {
  const TemporaryFolder folder;
  const FileSystem files;
  for (const char* name : {"a.new-0123456789ab", "a", "b.new-note", "c.new-"}) {
    ASSERT_TRUE(files.replace(folder / name, "x", 0600, std::nullopt));
  }
  ASSERT_TRUE(files.remove_left_over(folder.path()));
  EXPECT_EQ(files.list(folder.path()).value(), (std::vector<std::string>{"a", "b.new-note", "c.new-"}));
}

TEST(FileSystem, FoldersHaveTheAskedModeWhateverTheUmask) {
  const TemporaryFolder folder;
  const FileSystem files;
  const mode_t before = ::umask(0077);
  const Status made = files.make_folder(folder / "code", 0755);
  ::umask(before);
  ASSERT_TRUE(made);
  struct stat info{};
  ASSERT_EQ(::stat((folder / "code").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0755U);
  EXPECT_TRUE(files.make_folder(folder / "code", 0755)) << "an existing folder is fine";
}

TEST(FileSystem, AMissingFileIsCorruptAndAnUnreachableOneUnavailable) {
  const TemporaryFolder folder;
  const FileSystem files;
  EXPECT_TRUE(files.read(folder / "none").error().is(ErrorKind::kCorrupt));
  ASSERT_TRUE(files.replace(folder / "file", "x", 0600, kBytes));
  EXPECT_TRUE(files.read(folder / "file/none").error().is(ErrorKind::kUnavailable));
  EXPECT_TRUE(files.remove(folder / "none"));
}

TEST(FileSystem, ParentsOfPaths) {
  EXPECT_EQ(parent_of("/a/b"), "/a");
  EXPECT_EQ(parent_of("/a"), "/");
  EXPECT_EQ(parent_of("a"), ".");
}

}  // namespace
}  // namespace hearth::storage
