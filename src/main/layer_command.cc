// `hearth layer import`: a layer of another account or region for the data folder, whether a server runs on it or not.

#include <cstdio>

#include "main/data_access.h"
#include "main/serve_command.h"
#include "services/lambda/layer_import.h"
#include "storage/error_kind.h"
#include "storage/file_system.h"

namespace hearth::main {

int layer_import_command(const config::Loaded& settings, const std::string& file, const std::string& arn) {
  // A running server holds the lock; then the folder is there, and adding to it takes none.
  const auto opened = open_folder(settings.config);
  if (!opened && !opened.error().is(storage::ErrorKind::kLocked)) return report(opened.error());
  const auto zip = storage::FileSystem().read(file);
  if (!zip) return report(zip.error());
  const Status left = services::lambda::leave_import(settings.config.data + "/layers", arn, *zip);
  if (!left) return report(left.error());
  std::printf("Functions can now use %s.\n", arn.c_str());
  return 0;
}

}  // namespace hearth::main
