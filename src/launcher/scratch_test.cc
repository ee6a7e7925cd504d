#include "launcher/scratch.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace hearth::launcher {
namespace {

namespace fs = std::filesystem;

class Scratch : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("scratch-test-" + std::to_string(::getpid()));
    fs::create_directories(folder_);
    auto opened = ScratchRoot::open((folder_ / "root").string());
    ASSERT_TRUE(opened) << opened.error().message();
    root_ = *std::move(opened);
    ASSERT_TRUE(root_.make("one"));
    one_ = root_.path_of("one");
  }
  void TearDown() override { fs::remove_all(folder_); }

  static void write(const fs::path& path, std::size_t bytes) {
    std::ofstream out(path);
    out << std::string(bytes, 'x');
  }

  fs::path folder_;
  ScratchRoot root_;
  fs::path one_;
  const ScratchUse no_limit_{.bytes = 1ULL << 40U, .entries = 1ULL << 40U};
};

TEST_F(Scratch, AFolderIsItsOwnersAlone) {
  struct stat status{};
  ASSERT_EQ(0, ::stat(one_.c_str(), &status));
  EXPECT_EQ(0700U, status.st_mode & 0777U);
  EXPECT_FALSE(root_.make("one"));
}

TEST_F(Scratch, WhatLiesInAFolderIsCountedAtAnyDepthAndLinksAreNotFollowed) {
  fs::create_directories(one_ / "a/b/c");
  write(one_ / "a/b/c/file", 100'000);
  write(folder_ / "outside", 1'000'000);
  fs::create_symlink(folder_, one_ / "link");
  const ScratchUse use = root_.measure("one", no_limit_);
  EXPECT_EQ(5U, use.entries);
  EXPECT_GE(use.bytes, 100'000U);
  EXPECT_LT(use.bytes, 200'000U);
}

TEST_F(Scratch, AFolderThatMayNotBeListedIsCountedAllTheSame) {
  ASSERT_EQ(0, ::mkdir((one_ / "closed").c_str(), 0700));
  write(one_ / "closed/file", 100'000);
  ASSERT_EQ(0, ::chmod((one_ / "closed").c_str(), 0300));
  EXPECT_GE(root_.measure("one", no_limit_).bytes, 100'000U);
}

// Deeper than PATH_MAX, built as a hostile function would.
void dig(const fs::path& start, int levels) {
  int at = ::open(start.c_str(), O_RDONLY | O_DIRECTORY);
  const std::string name(200, 'd');
  for (int i = 0; i < levels; ++i) {
    ASSERT_EQ(0, ::mkdirat(at, name.c_str(), 0700));
    const int next = ::openat(at, name.c_str(), O_RDONLY | O_DIRECTORY);
    ::close(at);
    at = next;
  }
  const int file = ::openat(at, "deep", O_WRONLY | O_CREAT, 0600);
  EXPECT_EQ(5, ::write(file, "bytes", 5));
  ::close(file);
  ::close(at);
}

TEST_F(Scratch, ATreeDeeperThanAnyPathIsOverTheLimit) {
  dig(one_, 60);
  const ScratchUse limit{.bytes = 1ULL << 40U, .entries = 1000};
  EXPECT_GT(root_.measure("one", limit).entries, 1000U);
}

TEST_F(Scratch, ATreeDeeperThanAnyPathIsRemoved) {
  dig(one_, 60);
  EXPECT_TRUE(root_.remove("one"));
  EXPECT_FALSE(fs::exists(one_));
}

TEST_F(Scratch, RemovingLeavesWhatLinksLeadToAndTakesClosedFoldersAndTakenNames) {
  fs::create_directories(folder_ / "outside");
  write(folder_ / "outside/kept", 10);
  fs::create_symlink(folder_ / "outside", one_ / "link");
  fs::create_directories(one_ / ".gone-1/x/y");
  fs::create_directories(one_ / "z/.gone-2/x");
  write(one_ / "z/.gone-2/x/file", 1);
  ASSERT_EQ(0, ::chmod((one_ / "z/.gone-2").c_str(), 0));
  ASSERT_EQ(0, ::chmod((one_ / "z").c_str(), 0100));
  EXPECT_TRUE(root_.remove("one"));
  EXPECT_FALSE(fs::exists(one_));
  EXPECT_TRUE(fs::exists(folder_ / "outside/kept"));
  EXPECT_TRUE(root_.remove("one"));  // gone is as good as removed
}

TEST_F(Scratch, OpeningEmptiesTheRoot) {
  fs::create_directories(one_ / "left/behind");
  const auto again = ScratchRoot::open((folder_ / "root").string());
  ASSERT_TRUE(again);
  EXPECT_TRUE(fs::is_empty(folder_ / "root"));
}

}  // namespace
}  // namespace hearth::launcher
