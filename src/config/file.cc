#include "config/file.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 1
// The parser asserts what a broken file breaks ("[=") before it reports it.
#define TOML_ASSERT(condition) static_cast<void>(0)
#include <toml++/toml.h>

namespace hearth::config {
namespace {

std::string shown(const toml::node& node) {
  std::ostringstream out;
  node.visit([&](const auto& value) { out << value; });
  return out.str();
}

Result<RawValue> raw_value(const toml::node& node, const std::string& where, const Setting& setting) {
  if (const auto text = node.value_exact<std::string>()) return RawValue(*text);
  if (const auto number = node.value_exact<std::int64_t>()) return RawValue(*number);
  if (const auto flag = node.value_exact<bool>()) return RawValue(*flag);
  if (const toml::array* array = node.as_array()) {
    std::vector<std::string> items;
    for (const toml::node& item : *array) {
      const auto text = item.value_exact<std::string>();
      if (!text) return fail(ErrorKind::kBadValue, fmt::format("{}: {} takes an array of strings", where, setting.key));
      items.push_back(*text);
    }
    return RawValue(std::move(items));
  }
  return fail(ErrorKind::kBadValue,
              fmt::format("{}: {} = {} is not allowed: it takes {}", where, setting.key, shown(node), setting.allowed));
}

bool is_table(const std::string& key) {
  return std::ranges::any_of(settings(), [&](const Setting& setting) { return setting.key.starts_with(key + "."); });
}

Status collect(const toml::table& table, const std::string& prefix, const std::string& path,
               std::vector<FileValue>& values) {
  for (const auto& [name, node] : table) {
    const std::string key = prefix + std::string(name.str());
    const std::string where = fmt::format("{}:{}", path, name.source().begin.line);
    if (const toml::table* inner = node.as_table(); inner && is_table(key)) {
      TRY_STATUS(collect(*inner, key + ".", path, values));
      continue;
    }
    const Setting* setting = find_setting(key);
    if (!setting) {
      return fail(ErrorKind::kUnknownSetting,
                  fmt::format("{}: there is no setting \"{}\" (`hearth config` lists them)", where, key));
    }
    if (!setting->in_file) {
      return fail(ErrorKind::kUnknownSetting, fmt::format("{}: \"{}\" cannot be set in the file itself", where, key));
    }
    TRY(RawValue value, raw_value(node, where, *setting));
    values.push_back({.setting = setting,
                      .value = std::move(value),
                      .shown = shown(node),
                      .where = where,
                      .line = name.source().begin.line});
  }
  return {};
}

}  // namespace

Result<std::vector<FileValue>> parse_file(std::string_view text, const std::string& path) {
  const toml::parse_result parsed = toml::parse(text, path);
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    return fail(ErrorKind::kBadFile,
                fmt::format("{}:{}: not TOML: {}", path, error.source().begin.line, error.description()));
  }
  std::vector<FileValue> values;
  TRY_STATUS(collect(parsed.table(), "", path, values));
  // In the order of the file, so that of several mistakes the first is named.
  std::ranges::sort(values, {}, &FileValue::line);
  return values;
}

}  // namespace hearth::config
