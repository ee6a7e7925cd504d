#include "main/command_line.h"

#include <gtest/gtest.h>

namespace hearth::main {
namespace {

std::expected<CommandLine, Answer> parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "hearth");
  return parse_command_line(static_cast<int>(arguments.size()), arguments.data());
}

TEST(CommandLine, FlagsArriveUnderTheirSettingsKey) {
  const auto line = parse({"serve", "--listen", "127.0.0.1:1", "--listen", "[::1]:2", "--log-level", "warn"});
  ASSERT_TRUE(line) << line.error().text;
  EXPECT_EQ(line->flags.at("listen"), (std::vector<std::string>{"127.0.0.1:1", "[::1]:2"}));
  EXPECT_EQ(line->flags.at("log.level"), std::vector<std::string>{"warn"});
}

TEST(CommandLine, AnUnknownFlagIsAUsageErrorThatNamesIt) {
  const auto line = parse({"serve", "--lissten", "x"});
  ASSERT_FALSE(line);
  EXPECT_EQ(line.error().status, 2);
  EXPECT_NE(line.error().text.find("--lissten"), std::string::npos) << line.error().text;
}

TEST(CommandLine, HelpOfASubcommandNamesItsSettings) {
  const auto line = parse({"serve", "--help"});
  ASSERT_FALSE(line);
  EXPECT_EQ(line.error().status, 0);
  EXPECT_NE(line.error().text.find("--data"), std::string::npos);
}

TEST(CommandLine, RuntimeTakesItsWords) {
  const auto line = parse({"runtime", "add", "nodejs22.x", "--data", "/d"});
  ASSERT_TRUE(line) << line.error().text;
  EXPECT_EQ(line->subcommand, Subcommand::kRuntime);
  EXPECT_EQ(line->arguments, (std::vector<std::string>{"add", "nodejs22.x"}));
}

TEST(CommandLine, LayerImportTakesAFileAndAnArn) {
  const auto line = parse({"layer", "import", "layer.zip", "--arn", "a:b", "--data", "/d"});
  ASSERT_TRUE(line) << line.error().text;
  EXPECT_EQ(line->subcommand, Subcommand::kLayerImport);
  EXPECT_EQ(line->arguments, (std::vector<std::string>{"layer.zip", "a:b"}));
  EXPECT_EQ(line->flags.at("data"), std::vector<std::string>{"/d"});
  EXPECT_FALSE(parse({"layer", "import", "layer.zip"}));
}

TEST(CommandLine, NoSubcommandIsAUsageError) {
  const auto line = parse({});
  ASSERT_FALSE(line);
  EXPECT_EQ(line.error().status, 2);
}

}  // namespace
}  // namespace hearth::main
