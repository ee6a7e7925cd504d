#pragma once
// The configuration file: TOML to settings, with the line each stands on.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/settings.h"

namespace hearth::config {

struct FileValue {
  const Setting* setting;
  RawValue value;
  std::string shown;  // as it stands in the file, for messages
  std::string where;  // "/etc/hearth.toml:7"
  std::uint32_t line;
};

// Every setting in `text`, in its order. Errors: kBadFile (not TOML), kUnknownSetting, kBadValue (a type no setting
// has).
Result<std::vector<FileValue>> parse_file(std::string_view text, const std::string& path);

}  // namespace hearth::config
