#pragma once
// load(): from flags, environment and file to one checked Config.

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/config.h"

namespace hearth::config {

struct Sources {
  // By setting key ("log.level"), the values given on the command line, in order. A list setting takes all of them, any
  // other the last. A switch given without a value is "true".
  std::map<std::string, std::vector<std::string>> flags;
  // The process's environment; names that do not begin with HEARTH_ are used only to find the default data folder.
  std::map<std::string, std::string> environment;
  bool is_root = false;
};

struct Loaded {
  Config config;
  std::map<std::string, std::string> origin;  // setting key -> where its value was read; absent: the default
  std::vector<std::string> warnings;          // HEARTH_* variables that are not settings
};

// Reads the file that flags or environment name, if any. Blocking. Errors: ErrorKind, each message one sentence that
// names the source, the setting, the value and what is allowed.
Result<Loaded> load(const Sources& sources);

// `environ` as a map.
std::map<std::string, std::string> environment_map(const char* const* variables);

}  // namespace hearth::config
