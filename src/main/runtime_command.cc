// `hearth runtime`: interpreters for the data folder, whether a server runs on it or not.

#include <sys/stat.h>

#include "environment/runtime_installer.h"
#include "main/data_access.h"
#include "main/serve_command.h"
#include "storage/error_kind.h"

namespace hearth::main {

int runtime_command(const config::Loaded& settings, const std::vector<std::string>& arguments) {
  // A running server holds the lock; then the folder is there, and adding to it takes none.
  const auto opened = open_folder(settings.config);
  if (!opened && !opened.error().is(storage::ErrorKind::kLocked)) return report(opened.error());
  return environment::run_runtime_command(arguments, settings.config.data + "/runtimes");
}

}  // namespace hearth::main
