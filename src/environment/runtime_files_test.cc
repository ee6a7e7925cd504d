#include "environment/runtime_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace hearth::environment {
namespace {

namespace fs = std::filesystem;
using namespace std::string_view_literals;

class RuntimeFilesTest : public testing::Test {
 protected:
  RuntimeFilesTest() {
    std::string pattern = fs::temp_directory_path() / "hearth-files-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
  }
  ~RuntimeFilesTest() override { fs::remove_all(root_); }

  static std::string read(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  std::string root_;
};

TEST_F(RuntimeFilesTest, TheBinaryCarriesBothClients) {
  std::vector<std::string_view> names;
  for (const auto& file : embedded_runtime_files()) names.push_back(file.name);
  EXPECT_THAT(names, testing::IsSupersetOf({"python/bootstrap.py"sv, "python/_hearth_runtime.py"sv,
                                            "nodejs/bootstrap.cjs"sv, "nodejs/sdk/package-lock.json"sv}));
}

TEST_F(RuntimeFilesTest, InstallsWhatEveryUserCanRead) {
  const mode_t before = ::umask(077);
  const auto files = RuntimeFiles::install(root_);
  ::umask(before);
  ASSERT_TRUE(files) << files.error().message();
  struct stat status{};
  ASSERT_EQ(::stat((files->python() + "/bootstrap.py").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0644U);
  ASSERT_EQ(::stat((files->nodejs() + "/node_modules").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0755U);
  for (const auto& file : embedded_runtime_files()) {
    EXPECT_EQ(read(fs::path(files->folder()) / file.name), file.content) << file.name;
  }
}

TEST_F(RuntimeFilesTest, ASecondInstallChangesNothing) {
  const auto first = RuntimeFiles::install(root_);
  ASSERT_TRUE(first);
  const auto written = fs::last_write_time(first->python() + "/bootstrap.py");
  const auto second = RuntimeFiles::install(root_);
  ASSERT_TRUE(second);
  EXPECT_EQ(first->folder(), second->folder());
  EXPECT_EQ(fs::last_write_time(second->python() + "/bootstrap.py"), written);
}

TEST_F(RuntimeFilesTest, ADamagedFileIsReplaced) {
  const auto first = RuntimeFiles::install(root_);
  ASSERT_TRUE(first);
  std::ofstream(first->python() + "/bootstrap.py") << "half";
  const auto second = RuntimeFiles::install(root_);
  ASSERT_TRUE(second);
  EXPECT_NE(read(second->python() + "/bootstrap.py"), "half");
}

TEST_F(RuntimeFilesTest, ClientsOfOtherBuildsGoAwayAndInterpretersStay) {
  constexpr EmbeddedFile kOld[] = {{"python/bootstrap.py"sv, "old"sv}};
  const auto old = RuntimeFiles::install(root_, kOld);
  ASSERT_TRUE(old);
  fs::create_directories(root_ + "/nodejs22.x/bin");
  const auto now = RuntimeFiles::install(root_);
  ASSERT_TRUE(now);
  EXPECT_FALSE(fs::exists(old->folder()));
  EXPECT_TRUE(fs::exists(root_ + "/nodejs22.x/bin"));
}

TEST_F(RuntimeFilesTest, AMissingRootIsAnErrorThatNamesIt) {
  const auto files = RuntimeFiles::install(root_ + "/missing");
  ASSERT_FALSE(files);
  EXPECT_TRUE(files.error().is(RuntimeFilesError::kIo));
  EXPECT_THAT(files.error().message(), testing::HasSubstr("/missing/client-"));
}

}  // namespace
}  // namespace hearth::environment
