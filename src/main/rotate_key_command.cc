// `hearth rotate-key`: a new key for what is kept encrypted.

#include <cstdio>

#include "main/data_access.h"
#include "main/serve_command.h"
#include "storage/key_file.h"

namespace hearth::main {

int rotate_key_command(const config::Loaded& settings) {
  const std::string& path = settings.config.key_file;
  const auto keys = storage::rotate_key_file(path, storage::FileSystem());
  if (!keys) return report(keys.error());
  std::printf(
      "%s has a new key, %s, before the former ones.\n"
      "Restart the server: it then encrypts everything anew. After that the former keys are needed for older copies "
      "of\n"
      "the data folder only.\n",
      path.c_str(), keys->current_id().c_str());
  return 0;
}

}  // namespace hearth::main
