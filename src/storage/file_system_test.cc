#include "storage/file_system.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "storage/error_kind.h"
#include "storage/faulty_disk.h"

namespace hearth::storage {
namespace {

TEST(FileSystem, ReplacedFilesAreSyncedBeforeAndAfterTheRename) {
  const TemporaryFolder folder;
  FaultyDisk disk;
  const FileSystem files(&disk);
  ASSERT_TRUE(files.replace(folder / "a", "one", 0600));
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
    ASSERT_TRUE(files.replace(folder / "a", "old", 0600));
    std::uint64_t calls = 0;
    disk.set_rule([&](const DiskCall& call) {
      return call.operation != DiskOperation::kSyncFolder && calls++ == step ? ENOSPC : 0;
    });
    const Status replaced = files.replace(folder / "a", "new", 0600);
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
  ASSERT_TRUE(files.replace(folder / "a", "old", 0600));
  disk.set_rule([](const DiskCall& call) { return call.operation == DiskOperation::kSyncFolder ? EIO : 0; });
  EXPECT_FALSE(files.replace(folder / "a", "new", 0600));
  EXPECT_EQ(files.read(folder / "a").value(), "new");
  disk.lose_unsynced();
  EXPECT_EQ(files.read(folder / "a").value(), "old");
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
  ASSERT_TRUE(files.replace(folder / "file", "x", 0600));
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
