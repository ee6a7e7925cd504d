#include "config/load.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "config/settings.h"

namespace hearth::config {
namespace {

class LoadTest : public ::testing::Test {
 protected:
  LoadTest() { sources_.environment["HOME"] = "/home/somebody"; }
  ~LoadTest() override { std::filesystem::remove(path_); }

  void file(const std::string& text) {
    std::ofstream(path_) << text;
    sources_.flags["config"] = {path_};
  }
  Config loaded() {
    auto result = load(sources_);
    EXPECT_TRUE(result) << result.error().message();
    return result ? result->config : Config{};
  }
  std::string refusal() {
    const auto result = load(sources_);
    EXPECT_FALSE(result);
    return result ? std::string() : result.error().message();
  }

  std::string path_ =
      (std::filesystem::temp_directory_path() / ("hearth-config-" + std::to_string(::getpid()))).string();
  Sources sources_;
};

TEST_F(LoadTest, WithoutAnySourceItIsTheDefaultOnBothLoopbackAddresses) {
  const Config config = loaded();
  ASSERT_EQ(config.listen.size(), 2U);
  EXPECT_EQ(config.listen[0].text(), "127.0.0.1:4566");
  EXPECT_EQ(config.listen[1].text(), "[::1]:4566");
  EXPECT_EQ(config.auth, AuthMode::kOpen);
  EXPECT_EQ(config.limits_concurrency, 1000U);
  EXPECT_EQ(config.idle_minutes, 10U);
  EXPECT_EQ(config.data, "/home/somebody/.local/share/hearth");
}

TEST_F(LoadTest, TheDefaultDataFolderDependsOnWhoRunsIt) {
  sources_.environment["XDG_DATA_HOME"] = "/xdg";
  EXPECT_EQ(loaded().data, "/xdg/hearth");
  sources_.is_root = true;
  EXPECT_EQ(loaded().data, "/var/lib/hearth");
  sources_.is_root = false;
  sources_.environment.clear();
  EXPECT_NE(refusal().find("--data"), std::string::npos);
}

TEST_F(LoadTest, TheKeyFileLiesBesideTheDataFolder) {
  EXPECT_EQ(loaded().key_file, "/home/somebody/.local/share/hearth.key");
  sources_.flags["data"] = {"/srv/functions//"};
  EXPECT_EQ(loaded().key_file, "/srv/functions.key");
  sources_.flags["key_file"] = {"/media/stick/key"};
  EXPECT_EQ(loaded().key_file, "/media/stick/key");
}

TEST_F(LoadTest, FlagsWinOverVariablesWinOverTheFile) {
  file("region = \"eu-west-1\"\nidle_minutes = 3\n[log]\nlevel = \"debug\"\n[limits]\nconcurrency = 5\n");
  sources_.environment["HEARTH_REGION"] = "eu-west-2";
  sources_.environment["HEARTH_LOG_LEVEL"] = "warn";
  sources_.flags["region"] = {"eu-west-3"};
  const auto result = load(sources_);
  ASSERT_TRUE(result) << result.error().message();
  EXPECT_EQ(result->config.region, "eu-west-3");
  EXPECT_EQ(result->config.log_level, LogLevel::kWarn);
  EXPECT_EQ(result->config.limits_concurrency, 5U);
  EXPECT_EQ(result->config.idle_minutes, 3U);
  EXPECT_EQ(result->origin.at("region"), "--region");
  EXPECT_EQ(result->origin.at("log.level"), "HEARTH_LOG_LEVEL");
  EXPECT_EQ(result->origin.at("idle_minutes"), path_ + ":2");
  EXPECT_FALSE(result->origin.contains("log.format"));
}

TEST_F(LoadTest, EverySettingHasThreeFormsThatAgree) {
  for (const Setting& setting : settings()) {
    const std::string value = setting.key == "config"    ? "/dev/null"
                              : setting.show({}).empty() ? "localhost"
                                                         : setting.show({});
    Sources by_flag = sources_;
    by_flag.flags[setting.key] = {value};
    const auto flag = load(by_flag);
    ASSERT_TRUE(flag) << flag.error().message();
    Sources by_variable = sources_;
    by_variable.environment[setting.variable()] = value;
    const auto variable = load(by_variable);
    ASSERT_TRUE(variable) << variable.error().message();
    EXPECT_EQ(setting.show(flag->config), value) << setting.key;
    EXPECT_EQ(setting.show(variable->config), value) << setting.key;
    if (!setting.in_file) continue;
    const bool bare = setting.shape == Shape::kNumber || setting.shape == Shape::kSwitch;
    const std::string quoted = bare ? value : "\"" + value + "\"";
    std::string list = "[\"" + value + "\"]";
    for (std::size_t comma; (comma = list.find("4566,[")) != std::string::npos;) list.replace(comma, 6, "4566\",\"[");
    file(setting.key + " = " + (setting.shape == Shape::kList ? list : quoted) + "\n");
    const auto from_file = load(sources_);
    ASSERT_TRUE(from_file) << from_file.error().message();
    EXPECT_EQ(setting.show(from_file->config), value) << setting.key;
  }
}

TEST_F(LoadTest, AnUnknownKeyOfTheFileIsRefusedByNameAndLine) {
  file("region = \"eu-west-1\"\n\nlisten_on = \"x\"\n");
  EXPECT_NE(refusal().find(path_ + ":3: there is no setting \"listen_on\""), std::string::npos) << refusal();
  file("[log]\ncolour = true\n");
  EXPECT_NE(refusal().find(":2: there is no setting \"log.colour\""), std::string::npos) << refusal();
  file("[logs]\nlevel = \"info\"\n");
  EXPECT_NE(refusal().find(":1: there is no setting \"logs\""), std::string::npos) << refusal();
  file("config = \"other.toml\"\n");
  EXPECT_NE(refusal().find("cannot be set in the file itself"), std::string::npos) << refusal();
}

TEST_F(LoadTest, AFileThatIsNoTomlIsRefusedWhateverItIs) {
  for (const char* text : {"[= \"open\"]", "[", "[[", "a", "a =", "= 1", "\xff\xfe", "[a]\n[a]", "a = [",
                           "a.b = 1\na = 2", "host\u021c", "a = 1 \u00b5", "a\u3000= \u2d70", "\ufb80"}) {
    file(text);
    EXPECT_NE(refusal().find("not TOML"), std::string::npos) << text << ": " << refusal();
  }
}

TEST_F(LoadTest, AWrongTypeOrValueIsRefusedWithWhatIsAllowed) {
  file("\n[limits]\nconcurrency = \"many\"\n");
  EXPECT_EQ(refusal(),
            path_ + ":3: limits.concurrency = 'many' is not allowed: it takes a whole number from 1 to 100000");
  file("data = 7\n");
  EXPECT_EQ(refusal(), path_ + ":1: data = 7 is not allowed: it takes a path");
  file("allow_remote = \"maybe\"\n");
  EXPECT_NE(refusal().find("true or false"), std::string::npos);
  file("listen = [1]\n");
  EXPECT_NE(refusal().find("array of strings"), std::string::npos) << refusal();
  file("idle_minutes = 1.5\n");
  EXPECT_NE(refusal().find("whole number"), std::string::npos) << refusal();
}

TEST_F(LoadTest, VariablesAndFlagsAreRefusedByTheirNames) {
  sources_.environment["HEARTH_LOG_LEVEL"] = "loud";
  EXPECT_EQ(refusal(), "HEARTH_LOG_LEVEL = \"loud\" is not allowed: it takes one of debug, info, warn, error");
  sources_.environment.erase("HEARTH_LOG_LEVEL");
  sources_.flags["log.level"] = {"loud"};
  EXPECT_EQ(refusal(), "--log-level = \"loud\" is not allowed: it takes one of debug, info, warn, error");
  sources_.flags.clear();
  sources_.flags["nonsense"] = {"1"};
  EXPECT_NE(refusal().find("no setting \"nonsense\""), std::string::npos);
}

TEST_F(LoadTest, AVariableThatIsNoSettingIsWarnedAbout) {
  sources_.environment["HEARTH_LITSEN"] = "x";
  const auto result = load(sources_);
  ASSERT_TRUE(result);
  ASSERT_EQ(result->warnings.size(), 1U);
  EXPECT_NE(result->warnings[0].find("HEARTH_LITSEN"), std::string::npos);
}

TEST_F(LoadTest, OpenModeListensBeyondLoopbackOnlyWhenToldTo) {
  for (const char* address : {"0.0.0.0:4566", "[::]:4566", "192.168.1.2:80", "[2001:db8::1]:1"}) {
    sources_.flags = {{"listen", {"127.0.0.1:1", address}}};
    EXPECT_NE(refusal().find(std::string("--listen: other machines can reach ") + address), std::string::npos)
        << refusal();
    sources_.flags["allow_remote"] = {"true"};
    EXPECT_EQ(loaded().listen[1].text(), address);
    sources_.flags.erase("allow_remote");
    sources_.flags["auth"] = {"enforced"};
    EXPECT_EQ(loaded().listen.size(), 2U);
  }
}

TEST_F(LoadTest, AddressesAreNumericWithAPort) {
  for (const char* address : {"", "127.0.0.1", ":80", "example.com:80", "::1:80", "[127.0.0.1]:80", "1.2.3.4:65536",
                              "1.2.3.4:-1", "1.2.3.4:8a", "[::1]", "127.0.0.1:80,,[::1]:80"}) {
    sources_.flags["listen"] = {address};
    EXPECT_NE(refusal().find("numeric addresses"), std::string::npos) << address;
  }
  sources_.flags["listen"] = {std::string("127.0.0.1\0.example:80", 21)};
  EXPECT_NE(refusal().find("numeric addresses"), std::string::npos);
  sources_.flags["listen"] = {"127.0.0.1:0, [::1]:0", "localhost:9"};
  EXPECT_EQ(loaded().listen.size(), 3U);
}

TEST_F(LoadTest, LoopbackIsRecognisedInEveryForm) {
  EXPECT_TRUE((ListenAddress{.host = "127.9.9.9", .port = 1}).is_loopback());
  EXPECT_TRUE((ListenAddress{.host = "0:0:0:0:0:0:0:1", .port = 1}).is_loopback());
  EXPECT_TRUE((ListenAddress{.host = "::ffff:127.0.0.1", .port = 1}).is_loopback());
  EXPECT_FALSE((ListenAddress{.host = "::ffff:10.0.0.1", .port = 1}).is_loopback());
  EXPECT_FALSE((ListenAddress{.host = "::", .port = 1}).is_loopback());
}

TEST_F(LoadTest, NumbersAreHeldToTheirRange) {
  for (const char* value : {"0", "-1", "100001", "99999999999999999999", "1x", "", "0x10", " 1"}) {
    sources_.flags["limits.concurrency"] = {value};
    EXPECT_NE(refusal().find("a whole number from 1 to 100000"), std::string::npos) << value;
  }
}

TEST_F(LoadTest, AFileThatCannotBeReadOrIsNotTomlSaysSo) {
  sources_.flags["config"] = {"/nonexistent/hearth.toml"};
  EXPECT_NE(refusal().find("cannot read the configuration file /nonexistent/hearth.toml"), std::string::npos);
  sources_.flags["config"] = {"/"};
  EXPECT_NE(refusal().find("cannot read"), std::string::npos);
  file("region = \n");
  EXPECT_NE(refusal().find(path_ + ":1: not TOML"), std::string::npos) << refusal();
  file("region = \"eu-west-1\"\nregion = \"eu-west-2\"\n");
  EXPECT_NE(refusal().find(":2: not TOML"), std::string::npos) << refusal();
  file(std::string(2U << 20U, '#'));
  EXPECT_NE(refusal().find("File too large"), std::string::npos) << refusal();
}

TEST_F(LoadTest, TheFileMayBeNamedByAVariable) {
  file("region = \"eu-west-1\"\n");
  sources_.flags.clear();
  sources_.environment["HEARTH_CONFIG"] = path_;
  EXPECT_EQ(loaded().region, "eu-west-1");
}

TEST(Settings, TheHelpNamesEveryFlagAndStaysNarrow) {
  const std::string help = help_text();
  for (const Setting& setting : settings()) EXPECT_NE(help.find(setting.flag()), std::string::npos) << setting.key;
  std::size_t start = 0;
  for (std::size_t end; (end = help.find('\n', start)) != std::string::npos; start = end + 1)
    EXPECT_LE(end - start, 120U);
}

TEST(Settings, TheDocumentationIsWhatTheTableSays) {
  std::ifstream file(HEARTH_SOURCE_DIR "/docs/configuration.md");
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  EXPECT_EQ(text, describe_markdown()) << "write it anew: hearth config > docs/configuration.md";
}

TEST(Settings, EnvironmentsBecomeMaps) {
  const char* const variables[] = {"A=1", "B=x=y", "EMPTY=", "none", nullptr};
  const auto map = environment_map(variables);
  EXPECT_EQ(map.size(), 3U);
  EXPECT_EQ(map.at("B"), "x=y");
}

}  // namespace
}  // namespace hearth::config
