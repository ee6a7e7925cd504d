#include "storage/key_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "storage/error_kind.h"

namespace hearth::storage {
namespace {

class KeyFileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "hearth-keys-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    path_ = folder_ + "/key";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  KeyFile opened() {
    auto file = open_key_file(path_, FileSystem());
    EXPECT_TRUE(file) << file.error().message();
    return *std::move(file);
  }
  std::size_t names() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder_), {}));
  }

  std::string folder_;
  std::string path_;
};

TEST_F(KeyFileTest, ItIsMadeOnceForItsOwnerAlone) {
  const KeyFile first = opened();
  EXPECT_TRUE(first.is_new);
  struct stat info{};
  ASSERT_EQ(::stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  EXPECT_EQ(names(), 1U);
  const KeyFile again = opened();
  EXPECT_FALSE(again.is_new);
  EXPECT_EQ(again.keys.text(), first.keys.text());
}

TEST_F(KeyFileTest, AllThatMakeItAtOnceHaveTheSameKey) {
  std::vector<std::string> seen(8);
  std::vector<std::thread> threads;
  threads.reserve(seen.size());
  for (std::string& text : seen) threads.emplace_back([&] { text = opened().keys.text(); });
  for (std::thread& thread : threads) thread.join();
  for (const std::string& text : seen) EXPECT_EQ(text, opened().keys.text());
  EXPECT_EQ(names(), 1U);
}

TEST_F(KeyFileTest, RotatingKeepsTheFormerKeysBehindANewOne) {
  const KeyRing before = opened().keys;
  const std::string sealed = before.seal("secret", "owner");
  const auto rotated = rotate_key_file(path_, FileSystem());
  ASSERT_TRUE(rotated) << rotated.error().message();
  EXPECT_NE(rotated->current_id(), before.current_id());
  EXPECT_EQ(opened().keys.text(), rotated->text());
  EXPECT_EQ(*opened().keys.open(sealed, "owner"), "secret");
  EXPECT_EQ(names(), 1U);
}

TEST_F(KeyFileTest, WhatIsNoKeyFileIsLeftAsItIs) {
  std::ofstream(path_) << "something else\n";
  for (const bool rotate : {false, true}) {
    const auto file = open_key_file(path_, FileSystem());
    const auto rotated = rotate_key_file(path_, FileSystem());
    const Error error = rotate ? rotated.error() : file.error();
    EXPECT_TRUE(error.is(KeyRingError::kBadFile));
    EXPECT_NE(error.message().find(path_), std::string::npos) << error.message();
  }
  std::string line;
  std::getline(std::ifstream(path_), line);
  EXPECT_EQ(line, "something else");
}

TEST_F(KeyFileTest, WhereNoFileCanBeMadeTheErrorNamesThePath) {
  path_ = folder_ + "/missing/key";
  const auto file = open_key_file(path_, FileSystem());
  ASSERT_FALSE(file);
  EXPECT_TRUE(file.error().is(ErrorKind::kUnavailable));
  EXPECT_NE(file.error().message().find(path_), std::string::npos) << file.error().message();
  const auto rotated = rotate_key_file(path_, FileSystem());
  ASSERT_FALSE(rotated);
  EXPECT_TRUE(rotated.error().is(ErrorKind::kUnavailable));
}

}  // namespace
}  // namespace hearth::storage
