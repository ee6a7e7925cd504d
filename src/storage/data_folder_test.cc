#include "storage/data_folder.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "storage/error_kind.h"
#include "storage/faulty_disk.h"

namespace hearth::storage {
namespace {

mode_t mode_of(const std::string& path) {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0 ? info.st_mode & 0777U : 0;
}

void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

class DataFolderTest : public ::testing::Test {
 protected:
  TemporaryFolder temporary_;
  FileSystem files_;
  std::string path_ = temporary_ / "data";
};

TEST_F(DataFolderTest, IsMadePrivateWithItsParentsAndOpensAgain) {
  const std::string deep = temporary_ / "a/b/data/";
  {
    const auto folder = DataFolder::open(deep, files_);
    ASSERT_TRUE(folder) << folder.error().message();
    EXPECT_EQ(folder->root(), temporary_ / "a/b/data");
    EXPECT_EQ(mode_of(folder->root()), 0700U);
    EXPECT_EQ(mode_of(folder->tls()), 0700U);
    EXPECT_EQ(mode_of(folder->code()), 0755U) << "trees in it are read by sandbox users";
  }
  const auto again = DataFolder::open(deep, files_);
  EXPECT_TRUE(again) << again.error().message();
}

TEST_F(DataFolderTest, AnOpenFolderIsMadePrivate) {
  ASSERT_EQ(::mkdir(path_.c_str(), 0755), 0);
  ASSERT_TRUE(DataFolder::open(path_, files_));
  EXPECT_EQ(mode_of(path_), 0700U);
}

TEST_F(DataFolderTest, HasOneOwnerAndSaysWhich) {
  const auto first = DataFolder::open(path_, files_);
  ASSERT_TRUE(first);
  const auto second = DataFolder::open(path_, files_);
  ASSERT_FALSE(second);
  EXPECT_TRUE(second.error().is(ErrorKind::kLocked));
  EXPECT_NE(second.error().message().find("process " + std::to_string(::getpid())), std::string::npos)
      << second.error().message();
}

TEST_F(DataFolderTest, WaitsForTheLastOnesOfAKilledServerToLetGo) {
  ASSERT_TRUE(DataFolder::open(path_, files_));  // made, and closed again
  const pid_t killed = ::fork();
  if (killed == 0) ::_exit(0);
  ASSERT_EQ(::waitpid(killed, nullptr, 0), killed);
  UniqueFd held(::open((path_ + "/hearth.lock").c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(::flock(held.get(), LOCK_EX | LOCK_NB), 0);
  const std::string text = std::to_string(killed) + "\n";
  ASSERT_EQ(::ftruncate(held.get(), 0), 0);
  ASSERT_EQ(::pwrite(held.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  std::thread last_one([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    held = UniqueFd();
  });
  const auto folder = DataFolder::open(path_, files_);
  last_one.join();
  EXPECT_TRUE(folder) << folder.error().message();
}

TEST_F(DataFolderTest, RefusesAForeignFolderUntouched) {
  ASSERT_EQ(::mkdir(path_.c_str(), 0755), 0);
  write(path_ + "/thesis.txt", "do not lose");
  const auto folder = DataFolder::open(path_, files_);
  ASSERT_FALSE(folder);
  EXPECT_TRUE(folder.error().is(ErrorKind::kForeign));
  EXPECT_EQ(files_.list(path_).value(), std::vector<std::string>{"thesis.txt"});
  EXPECT_EQ(mode_of(path_), 0755U);
}

TEST_F(DataFolderTest, RefusesSomebodyElsesFolderThatOnlyLooksLikeOurs) {
  ASSERT_EQ(::mkdir(path_.c_str(), 0755), 0);
  ASSERT_EQ(::mkdir((path_ + "/db").c_str(), 0755), 0);
  write(path_ + "/db/rows", "theirs");
  EXPECT_TRUE(DataFolder::open(path_, files_).error().is(ErrorKind::kForeign));
}

TEST_F(DataFolderTest, RefusesANewerFormatUntouched) {
  ASSERT_TRUE(DataFolder::open(path_, files_));
  write(path_ + "/hearth.format", "hearth data 99\n");
  const auto folder = DataFolder::open(path_, files_);
  ASSERT_FALSE(folder);
  EXPECT_TRUE(folder.error().is(ErrorKind::kForeign));
  EXPECT_NE(folder.error().message().find("newer Hearth (format 99"), std::string::npos) << folder.error().message();
  EXPECT_EQ(files_.read(path_ + "/hearth.format").value(), "hearth data 99\n");
}

TEST_F(DataFolderTest, RefusesAMarkerItDidNotWrite) {
  ASSERT_EQ(::mkdir(path_.c_str(), 0755), 0);
  for (const char* marker :
       {"", "hearth data ", "hearth data x", "hearth data 0", "something else", "hearth data -1"}) {
    write(path_ + "/hearth.format", marker);
    const auto folder = DataFolder::open(path_, files_);
    ASSERT_FALSE(folder) << marker;
    EXPECT_TRUE(folder.error().is(ErrorKind::kForeign)) << marker;
  }
}

TEST_F(DataFolderTest, SaysCleanlyThatAPathCannotBeUsed) {
  write(temporary_ / "file", "x");
  for (const std::string& path : {std::string(), temporary_ / "file", temporary_ / "file/below"}) {
    const auto folder = DataFolder::open(path, files_);
    ASSERT_FALSE(folder) << path;
    EXPECT_TRUE(folder.error().is(ErrorKind::kIo)) << folder.error().message();
  }
}

TEST_F(DataFolderTest, OpensAfterACrashOrFullDiskAtEveryStepOfItsMaking) {
  std::uint64_t steps = 0;
  for (std::uint64_t step = 0; step <= steps; ++step) {
    const TemporaryFolder temporary;
    FaultyDisk disk;
    const FileSystem files(&disk);
    std::uint64_t calls = 0;
    disk.set_rule([&](const DiskCall&) { return calls++ >= step ? ENOSPC : 0; });
    const auto first = DataFolder::open(temporary / "data", files);
    if (!first) {
      EXPECT_TRUE(first.error().is(ErrorKind::kIo)) << first.error().message();
      steps = step + 1;
    }
    disk.heal();
    const auto second = DataFolder::open(temporary / "data", files);
    if (!first) {
      EXPECT_TRUE(second) << "after a failure at step " << step << ": " << second.error().message();
    }
  }
  EXPECT_GT(steps, 8U);
}

TEST_F(DataFolderTest, RootMakesItForTheUserTheServerRunsAs) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  const FolderOwner somebody{.uid = 4711, .gid = 4712};
  ASSERT_TRUE(DataFolder::open(path_, files_, somebody));
  for (const char* name : {"", "/db", "/code", "/hearth.format", "/hearth.lock"}) {
    struct stat info{};
    ASSERT_EQ(::stat((path_ + name).c_str(), &info), 0) << name;
    EXPECT_EQ(info.st_uid, somebody.uid) << name;
    EXPECT_EQ(info.st_gid, somebody.gid) << name;
  }
  EXPECT_TRUE(DataFolder::open(path_, files_, somebody));
  const auto other = DataFolder::open(path_, files_, FolderOwner{.uid = 4713, .gid = 4713});
  ASSERT_FALSE(other);
  EXPECT_NE(other.error().message().find("belongs to user id 4711"), std::string::npos) << other.error().message();
}

TEST_F(DataFolderTest, WhatAKilledProcessWasAboutToWriteIsRemoved) {
  ASSERT_TRUE(DataFolder::open(path_, files_));
  write(path_ + "/root-key.new-0123456789ab", "half");
  ASSERT_TRUE(DataFolder::open(path_, files_));
  for (const std::string& name : files_.list(path_).value()) EXPECT_EQ(name.find(".new-"), std::string::npos) << name;
}

TEST_F(DataFolderTest, TheMarkerSurvivesAPowerCut) {
  FaultyDisk disk;
  const FileSystem files(&disk);
  ASSERT_TRUE(DataFolder::open(path_, files));
  disk.lose_unsynced();
  EXPECT_EQ(files.read(path_ + "/hearth.format").value(), "hearth data 1\n");
  EXPECT_TRUE(DataFolder::open(path_, files));
}

}  // namespace
}  // namespace hearth::storage
