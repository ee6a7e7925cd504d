#include "environment/runtime_catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "environment/runtime_catalog_system.h"

namespace hearth::environment {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

Interpreter python(int minor, const std::string& root = "") {
  return {.family = RuntimeFamily::kPython, .version = {3, minor, 1}, .host_path = "/usr/bin/python3", .root = root};
}
Interpreter node(int major, const std::string& root = "") {
  return {.family = RuntimeFamily::kNodejs, .version = {major, 2, 1}, .host_path = "/usr/bin/node", .root = root};
}

int picked_minor(const std::vector<Interpreter>& interpreters, int wanted) {
  const auto picked = pick_interpreter(interpreters, RuntimeFamily::kPython, {.major = 3, .minor = wanted});
  return picked ? picked->version.minor : -1;
}
int picked_major(const std::vector<Interpreter>& interpreters, int wanted) {
  const auto picked = pick_interpreter(interpreters, RuntimeFamily::kNodejs, {.major = wanted});
  return picked ? picked->version.major : -1;
}

TEST(PickInterpreter, TheExactVersionWins) { EXPECT_EQ(picked_minor({python(11), python(12), python(13)}, 12), 12); }

TEST(PickInterpreter, ElseTheNearestNewerOne) { EXPECT_EQ(picked_minor({python(14), python(11), python(13)}, 12), 13); }

TEST(PickInterpreter, ElseForPythonTheNearestOlderOne) {
  EXPECT_EQ(picked_minor({python(9), python(11), node(22)}, 13), 11);
}

TEST(PickInterpreter, AnOlderNodeIsNeverTaken) {
  EXPECT_EQ(picked_major({node(18), node(20), python(11)}, 22), -1);
  EXPECT_EQ(picked_major({node(18), node(20)}, 18), 18);
  EXPECT_EQ(picked_major({node(24), node(22)}, 20), 22);
}

TEST(PickInterpreter, AnAddedOneIsPreferredToTheSystemsSame) {
  const auto picked = pick_interpreter({node(20), node(20, "/data/runtimes/nodejs20.x"), node(20)},
                                       RuntimeFamily::kNodejs, {.major = 20});
  ASSERT_TRUE(picked);
  EXPECT_EQ(picked->root, "/data/runtimes/nodejs20.x");
}

// A machine made of scripts that answer like interpreters and count how often they are asked.
class SystemRuntimeCatalogTest : public testing::Test {
 protected:
  SystemRuntimeCatalogTest() : log_(2, observe::Level::kError, observe::LogFormat::kText) {
    std::string pattern = fs::temp_directory_path() / "hearth-catalog-XXXXXX";
    root_ = fs::canonical(::mkdtemp(pattern.data()));
    for (const char* folder : {"/bin", "/runtimes"}) fs::create_directories(root_ + folder);
  }
  ~SystemRuntimeCatalogTest() override { fs::remove_all(root_); }

  void add(const std::string& path, const std::string& answer) const {
    fs::create_directories(fs::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << "#!/bin/sh\necho asked >> " << root_ << "/asked\necho " << answer << "\n";
    ASSERT_EQ(::chmod((root_ + path).c_str(), 0755), 0);
  }
  int times_asked() const {
    std::ifstream in(root_ + "/asked");
    int lines = 0;
    for (std::string line; std::getline(in, line);) ++lines;
    return lines;
  }
  SystemRuntimeCatalog make() const {
    auto files = RuntimeFiles::install(root_ + "/runtimes");
    EXPECT_TRUE(files);
    return {log_,
            *std::move(files),
            {.runtimes = root_ + "/runtimes", .system_bin = {root_ + "/bin"}, .system_root = root_ + "/"}};
  }

  observe::Logger log_;
  std::string root_;
};

TEST_F(SystemRuntimeCatalogTest, AnExactInterpreterNeedsNoNote) {
  add("/bin/python3.11", "3.11.2");
  const auto choice = make().choose("python3.11");
  ASSERT_TRUE(choice) << choice.error().message();
  EXPECT_EQ(choice->note, "");
  EXPECT_EQ(choice->interpreter_version, "3.11.2");
  EXPECT_THAT(choice->argv,
              ElementsAre(root_ + "/bin/python3.11", "-I", "-S", "-X", "utf8", "/var/runtime/bootstrap.py", "/opt"));
  EXPECT_THAT(choice->env, ElementsAre("AWS_EXECUTION_ENV=AWS_Lambda_python3.11"));
  EXPECT_EQ(choice->abi.python_tag, "311");
  ASSERT_EQ(choice->mounts.size(), 1U);
  EXPECT_EQ(choice->mounts[0].destination, "/var/runtime");
}

TEST_F(SystemRuntimeCatalogTest, AMappingIsSaid) {
  add("/bin/python3.11", "3.11.2");
  const auto choice = make().choose("python3.13");
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->note, "python3.13 runs on Python 3.11.2 (" + root_ + "/bin/python3.11)");
  EXPECT_THAT(choice->env, ElementsAre("AWS_EXECUTION_ENV=AWS_Lambda_python3.13"));
}

TEST_F(SystemRuntimeCatalogTest, AnAddedNodeIsBoundAtVarLang) {
  add("/bin/node", "20.20.2 115");
  add("/runtimes/nodejs22.x/bin/node", "22.23.3 127");
  fs::create_directories(root_ + "/runtimes/nodejs-sdk/node_modules");
  const auto choice = make().choose("nodejs22.x");
  ASSERT_TRUE(choice) << choice.error().message();
  EXPECT_EQ(choice->argv.front(), "/var/lang/bin/node");
  EXPECT_THAT(choice->argv, testing::Contains("--use-openssl-ca"));
  EXPECT_EQ(choice->abi.node_modules_abi, 127U);
  ASSERT_EQ(choice->mounts.size(), 3U);
  EXPECT_EQ(choice->mounts[0].source, root_ + "/runtimes/nodejs22.x");
  EXPECT_EQ(choice->mounts[0].destination, "/var/lang");
  EXPECT_EQ(choice->mounts[1].destination, "/var/runtime");
  EXPECT_EQ(choice->mounts[2].destination, "/var/runtime/node_modules");
}

TEST_F(SystemRuntimeCatalogTest, WhatIsMissingSaysHowToGetIt) {
  add("/bin/node", "20.20.2 115");
  const auto catalog = make();
  const auto newer = catalog.choose("nodejs22.x");
  ASSERT_FALSE(newer);
  EXPECT_TRUE(newer.error().is(RuntimeError::kNotInstalled));
  EXPECT_THAT(newer.error().message(), HasSubstr("hearth runtime add nodejs22.x"));
  EXPECT_THAT(catalog.choose("python3.12").error().message(), HasSubstr("apt-get install python3"));
  EXPECT_TRUE(catalog.choose("java21").error().is(RuntimeError::kNotInstalled));
  EXPECT_TRUE(catalog.choose("cobol").error().is(RuntimeError::kUnknown));
}

TEST_F(SystemRuntimeCatalogTest, AnInterpreterIsAskedOnceEvenOverRestarts) {
  add("/bin/python3.11", "3.11.2");
  const auto first = make();
  ASSERT_TRUE(first.choose("python3.11"));
  ASSERT_TRUE(first.choose("python3.12"));
  ASSERT_TRUE(make().choose("python3.11"));
  EXPECT_EQ(times_asked(), 1);
}

TEST_F(SystemRuntimeCatalogTest, AnInterpreterAddedWhileRunningIsSeen) {
  add("/bin/node", "20.20.2 115");
  const auto catalog = make();
  ASSERT_FALSE(catalog.choose("nodejs22.x"));
  add("/runtimes/nodejs22.x/bin/node", "22.23.3 127");
  EXPECT_TRUE(catalog.choose("nodejs22.x"));
}

TEST_F(SystemRuntimeCatalogTest, ABrokenInterpreterIsLeftOut) {
  add("/bin/python3.11", "3.11.2");
  add("/bin/python3.12", "what");
  const auto choice = make().choose("python3.12");
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->interpreter_version, "3.11.2");
}

TEST_F(SystemRuntimeCatalogTest, LinksToOneProgramCountOnce) {
  add("/bin/python3.11", "3.11.2");
  fs::create_symlink("python3.11", root_ + "/bin/python3");
  EXPECT_EQ(make().interpreters().size(), 1U);
}

TEST_F(SystemRuntimeCatalogTest, ProvidedIsAlwaysThereAndStatusCoversAllFamilies) {
  const auto catalog = make();
  for (const char* name : {"provided", "provided.al2", "provided.al2023"}) EXPECT_TRUE(catalog.choose(name)) << name;
  int available = 0;
  for (const auto& status : catalog.status()) available += status.available ? 1 : 0;
  EXPECT_EQ(available, 3);
}

class CommandLineTest : public SystemRuntimeCatalogTest {
 protected:
  Result<std::vector<std::string>> provided(const std::string& opt = "") const {
    RuntimeChoice choice;
    choice.name = "provided.al2023";
    return command_line(choice, 128, root_ + "/code", opt);
  }
  void bootstrap(const std::string& content, mode_t mode, const std::string& tree = "/code") const {
    fs::create_directories(root_ + tree);
    std::ofstream(root_ + tree + "/bootstrap") << content;
    ASSERT_EQ(::chmod((root_ + tree + "/bootstrap").c_str(), mode), 0);
  }
};

TEST_F(CommandLineTest, NodeIsToldItsHeapAsOnAws) {
  add("/bin/node", "20.20.2 115");
  const auto choice = make().choose("nodejs20.x");
  ASSERT_TRUE(choice);
  const auto argv = command_line(*choice, 128, "/code", "");
  ASSERT_TRUE(argv);
  EXPECT_EQ(argv->at(1), "--max-semi-space-size=6");
  EXPECT_EQ(argv->at(2), "--max-old-space-size=116");
  EXPECT_EQ(argv->back(), "/var/runtime/bootstrap.cjs");
}

TEST_F(CommandLineTest, ProvidedStartsThePackagesBootstrapElseTheLayers) {
  bootstrap("#!/bin/sh\n", 0755, "/layers");
  EXPECT_THAT(provided(root_ + "/layers").value(), ElementsAre("/opt/bootstrap"));
  bootstrap("#!/bin/sh\n", 0755);
  EXPECT_THAT(provided(root_ + "/layers").value(), ElementsAre("/var/task/bootstrap"));
}

TEST_F(CommandLineTest, AMissingBootstrapIsReportedInAwssWords) {
  fs::create_directories(root_ + "/code/bootstrap");
  const auto argv = provided();
  ASSERT_FALSE(argv);
  EXPECT_TRUE(argv.error().is(RuntimeError::kInvalidEntrypoint));
  EXPECT_EQ(argv.error().message(), "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]");
}

TEST_F(CommandLineTest, ABootstrapThatCannotRunIsReportedAsExecWould) {
  bootstrap("#!/bin/sh\n", 0644);
  EXPECT_EQ(provided().error().message(), "fork/exec /var/task/bootstrap: permission denied");
  bootstrap("MZ", 0755);
  EXPECT_EQ(provided().error().message(), "fork/exec /var/task/bootstrap: exec format error");
}

}  // namespace
}  // namespace hearth::environment
