// The program: reads the command line and the settings, and hands over to a subcommand.

#include <unistd.h>

#include <cstdio>

#include "config/load.h"
#include "config/settings.h"
#include "main/command_line.h"
#include "main/data_access.h"
#include "main/serve_command.h"

int main(int argc, char** argv) {
  using hearth::main::Subcommand;
  auto line = hearth::main::parse_command_line(argc, argv);
  if (!line) {
    std::fputs(line.error().text.c_str(), line.error().status == 0 ? stdout : stderr);
    return line.error().status;
  }
  if (line->subcommand == Subcommand::kConfig) {
    std::fputs(hearth::config::describe_markdown().c_str(), stdout);
    return 0;
  }
  hearth::config::Sources sources;
  sources.flags = std::move(line->flags);
  sources.environment = hearth::config::environment_map(environ);
  sources.is_root = ::geteuid() == 0;
  const auto settings = hearth::config::load(sources);
  if (!settings) return hearth::main::report(settings.error());
  switch (line->subcommand) {
    case Subcommand::kServe:
      return hearth::main::serve_command(*settings);
    case Subcommand::kInit:
      return hearth::main::init_command(*settings);
    case Subcommand::kRuntime:
      return hearth::main::runtime_command(*settings, line->arguments);
    case Subcommand::kLayerImport:
      return hearth::main::layer_import_command(*settings, line->arguments.at(0), line->arguments.at(1));
    case Subcommand::kRotateKey:
      return hearth::main::rotate_key_command(*settings);
    case Subcommand::kConfig:
      return 0;
  }
  return 0;
}
