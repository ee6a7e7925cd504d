#pragma once
// The table of settings: one row per setting, from which all its forms follow.
//
// Row "log.level" is `level = "info"` in table [log] of the file, HEARTH_LOG_LEVEL in the environment and --log-level
// on the command line. The default is not written in the row: it is what a fresh Config shows.

#include <cstdint>
#include <expected>
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/config.h"

namespace hearth::config {

enum class Shape : std::uint8_t { kText, kNumber, kSwitch, kChoice, kList };

// A value as its source gave it. Flags and variables give text; a file gives its own types.
using RawValue = std::variant<std::string, std::int64_t, bool, std::vector<std::string>>;

struct Setting {
  std::string key;  // "log.level"
  Shape shape;
  std::string value_name;  // "LEVEL", for the help text
  std::string allowed;     // "one of debug, info, warn, error"
  std::string help;        // what it does, one or two sentences
  bool in_file = true;     // the path of the file itself cannot stand in it
  // Sets it; false if the value is not allowed.
  std::function<bool(Config&, const RawValue&)> apply;
  // The value in `config` as it would be written on the command line.
  std::function<std::string(const Config&)> show;

  std::string flag() const;      // "--log-level"
  std::string variable() const;  // "HEARTH_LOG_LEVEL"
};

// All rows, in the order of the documentation.
const std::vector<Setting>& settings();
const Setting* find_setting(std::string_view key);

// The options of `hearth serve --help`.
std::string help_text();
// docs/configuration.md; printed by `hearth config`.
std::string describe_markdown();

}  // namespace hearth::config
