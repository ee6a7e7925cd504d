#include "config/load.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "base/unique_fd.h"
#include "config/file.h"
#include "config/settings.h"

namespace hearth::config {
namespace {

constexpr std::string_view kVariablePrefix = "HEARTH_";
constexpr std::string_view kTurnWatchVariable = "HEARTH_TURN_WATCH";  // net/turn_watch.h, for tests; no setting
constexpr std::size_t kMaxFile = 1U << 20U;  // far above any real one; a mistaken path is not read into memory

Result<std::string> read_file(const std::string& path) {
  const auto failed = [&](int error) {
    return fail(ErrorKind::kBadFile,
                fmt::format("cannot read the configuration file {}: {} (errno {})", path, ::strerror(error), error));
  };
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return failed(errno);
  std::string text;
  std::array<char, 4096> piece{};
  for (;;) {
    const ssize_t n = ::read(fd.get(), piece.data(), piece.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed(errno);
    if (n == 0) return text;
    text.append(piece.data(), static_cast<std::size_t>(n));
    if (text.size() > kMaxFile) return failed(EFBIG);
  }
}

Status apply(Loaded& loaded, const Setting& setting, const RawValue& value, const std::string& shown,
             const std::string& where, const std::string& written) {
  if (!setting.apply(loaded.config, value)) {
    return fail(ErrorKind::kBadValue,
                fmt::format("{} = {} is not allowed: it takes {}", written, shown, setting.allowed));
  }
  loaded.origin[setting.key] = where;
  return {};
}

Status apply_text(Loaded& loaded, const Setting& setting, const std::string& text, const std::string& where) {
  return apply(loaded, setting, RawValue(text), fmt::format("\"{}\"", text), where, where);
}

Status apply_file(Loaded& loaded, const std::string& path) {
  TRY(const std::string text, read_file(path));
  TRY(const std::vector<FileValue> values, parse_file(text, path));
  for (const FileValue& value : values) {
    TRY_STATUS(apply(loaded, *value.setting, value.value, value.shown, value.where,
                     fmt::format("{}: {}", value.where, value.setting->key)));
  }
  return {};
}

Status apply_environment(Loaded& loaded, const Sources& sources) {
  for (const auto& [name, value] : sources.environment) {
    if (!name.starts_with(kVariablePrefix) || name == kTurnWatchVariable) continue;
    bool known = false;
    for (const Setting& setting : settings()) {
      if (setting.variable() != name) continue;
      known = true;
      TRY_STATUS(apply_text(loaded, setting, value, name));
    }
    if (!known)
      loaded.warnings.push_back(fmt::format("the environment variable {} is not a setting and is ignored", name));
  }
  return {};
}

Status apply_flags(Loaded& loaded, const Sources& sources) {
  for (const auto& [key, values] : sources.flags) {
    const Setting* setting = find_setting(key);
    if (!setting) return fail(ErrorKind::kUnknownSetting, fmt::format("there is no setting \"{}\"", key));
    if (values.empty()) continue;
    const std::string text = setting->shape == Shape::kList ? fmt::format("{}", fmt::join(values, ",")) : values.back();
    TRY_STATUS(apply_text(loaded, *setting, text, setting->flag()));
  }
  return {};
}

std::string file_named(const Sources& sources) {
  if (const auto flag = sources.flags.find("config"); flag != sources.flags.end() && !flag->second.empty()) {
    return flag->second.back();
  }
  const auto variable = sources.environment.find("HEARTH_CONFIG");
  return variable == sources.environment.end() ? std::string() : variable->second;
}

std::string default_data(const Sources& sources) {
  if (sources.is_root) return "/var/lib/hearth";
  const auto set = [&](const char* name) -> std::string {
    const auto found = sources.environment.find(name);
    return found == sources.environment.end() ? std::string() : found->second;
  };
  if (const std::string base = set("XDG_DATA_HOME"); base.starts_with('/')) return base + "/hearth";
  if (const std::string home = set("HOME"); home.starts_with('/')) return home + "/.local/share/hearth";
  return {};
}

std::string default_key_file(std::string data) {
  while (data.size() > 1 && data.ends_with('/')) data.pop_back();
  return data + ".key";
}

// What only several settings together make wrong.
Status check_together(const Loaded& loaded) {
  const Config& config = loaded.config;
  if (config.auth != AuthMode::kOpen || config.allow_remote) return {};
  for (const ListenAddress& address : config.listen) {
    if (address.is_loopback()) continue;
    const auto origin = loaded.origin.find("listen");
    return fail(
        ErrorKind::kBadValue,
        fmt::format("{}: other machines can reach {}, and auth = \"open\" lets everybody run code here: set auth = "
                    "\"enforced\", or allow_remote = true if everybody there may",
                    origin == loaded.origin.end() ? "listen" : origin->second, address.text()));
  }
  return {};
}

}  // namespace

Result<Loaded> load(const Sources& sources) {
  Loaded loaded;
  if (const std::string path = file_named(sources); !path.empty()) TRY_STATUS(apply_file(loaded, path));
  TRY_STATUS(apply_environment(loaded, sources));
  TRY_STATUS(apply_flags(loaded, sources));
  if (loaded.config.data.empty()) loaded.config.data = default_data(sources);
  if (loaded.config.data.empty()) {
    return fail(ErrorKind::kBadValue,
                "data: there is no home folder to put the data folder in: name one with --data DIR");
  }
  if (loaded.config.key_file.empty()) loaded.config.key_file = default_key_file(loaded.config.data);
  TRY_STATUS(check_together(loaded));
  return loaded;
}

std::map<std::string, std::string> environment_map(const char* const* variables) {
  std::map<std::string, std::string> map;
  for (; variables && *variables; ++variables) {
    const std::string_view entry = *variables;
    const std::size_t equals = entry.find('=');
    if (equals != std::string_view::npos) map.emplace(entry.substr(0, equals), entry.substr(equals + 1));
  }
  return map;
}

}  // namespace hearth::config
