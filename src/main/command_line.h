#pragma once
// The command line: subcommands, and the settings table as options of each that needs it.
//
// Tests: command_line_test.cc

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/load.h"

namespace hearth::main {

enum class Subcommand : std::uint8_t { kServe, kInit, kRuntime, kLayerImport, kRotateKey, kConfig };

struct CommandLine {
  Subcommand subcommand = Subcommand::kServe;
  std::map<std::string, std::vector<std::string>> flags;  // by setting key, as config::Sources takes them
  std::vector<std::string> arguments;  // of `runtime`: "add", "nodejs22.x"; of `layer import`: file, ARN
};

// Either what to do, or text to print and the status to end with (help, version, usage errors).
struct Answer {
  std::string text;
  int status = 0;
};
std::expected<CommandLine, Answer> parse_command_line(int argc, const char* const* argv);

}  // namespace hearth::main
