#include "main/command_line.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <sstream>

#include "config/settings.h"

namespace hearth::main {
namespace {

// Adds every setting of the table as an option of `app`; values land in `flags`.
void add_settings(CLI::App& app, std::map<std::string, std::vector<std::string>>& flags) {
  for (const config::Setting& setting : config::settings()) {
    const std::string key = setting.key;
    const config::Config defaults;
    const std::string shown = setting.show(defaults);
    const std::string help = setting.help + (shown.empty() ? "" : " Default: " + shown + ".");
    if (setting.shape == config::Shape::kSwitch) {
      app.add_flag_callback(setting.flag(), [&flags, key] { flags[key] = {"true"}; }, help)->group("Settings");
      continue;
    }
    app.add_option_function<std::vector<std::string>>(
           setting.flag(), [&flags, key](const std::vector<std::string>& values) { flags[key] = values; }, help)
        ->type_name(setting.value_name)
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->group("Settings");
  }
}

}  // namespace

std::expected<CommandLine, Answer> parse_command_line(int argc, const char* const* argv) {
  CommandLine line;
  CLI::App app{"Hearth runs AWS Lambda functions on this machine."};
  app.set_version_flag("--version", "hearth " HEARTH_VERSION);
  app.require_subcommand(1);

  CLI::App* serve = app.add_subcommand("serve", "Start the server and stay up.");
  add_settings(*serve, line.flags);
  CLI::App* init = app.add_subcommand("init", "Make the data folder and a first root access key.");
  add_settings(*init, line.flags);
  CLI::App* runtime = app.add_subcommand("runtime", "List the runtimes of this machine, or add one.");
  add_settings(*runtime, line.flags);
  runtime->add_option("command", line.arguments, "list, or add NAME (such as nodejs22.x)")->expected(1, 8)->required();
  CLI::App* layer = app.add_subcommand("layer", "Layers of other accounts and regions.")->require_subcommand(1);
  CLI::App* layer_import = layer->add_subcommand("import", "Put a copy of a layer version here, from its zip file.");
  add_settings(*layer_import, line.flags);
  std::string layer_file;
  std::string layer_arn;
  layer_import->add_option("file", layer_file, "The layer's content, as a zip file")->required();
  layer_import->add_option("--arn", layer_arn, "The version's ARN, as functions name it")->required();
  CLI::App* rotate_key = app.add_subcommand(
      "rotate-key", "Add a new key to the key file; the server encrypts with it from its next start.");
  add_settings(*rotate_key, line.flags);
  CLI::App* config = app.add_subcommand("config", "Describe every setting, as docs/configuration.md.");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::ostringstream out;
    std::ostringstream err;
    const int status = app.exit(error, out, err);
    return std::unexpected(Answer{out.str() + err.str(), status == 0 ? 0 : 2});
  }
  if (init->parsed()) line.subcommand = Subcommand::kInit;
  if (runtime->parsed()) line.subcommand = Subcommand::kRuntime;
  if (layer->parsed()) {
    line.subcommand = Subcommand::kLayerImport;
    line.arguments = {std::move(layer_file), std::move(layer_arn)};
  }
  if (rotate_key->parsed()) line.subcommand = Subcommand::kRotateKey;
  if (config->parsed()) line.subcommand = Subcommand::kConfig;
  return line;
}

}  // namespace hearth::main
