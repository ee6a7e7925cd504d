#include "config/settings.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <optional>
#include <utility>

namespace hearth::config {
namespace {

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<std::vector<std::string>> as_list(const RawValue& raw) {
  if (const auto* list = std::get_if<std::vector<std::string>>(&raw)) return *list;
  const auto* text = std::get_if<std::string>(&raw);
  if (!text) return std::nullopt;
  std::vector<std::string> items;
  std::string_view rest = *text;
  while (!rest.empty()) {
    const std::size_t comma = rest.find(',');
    std::string_view item = rest.substr(0, comma);
    while (item.starts_with(' ')) item.remove_prefix(1);
    while (item.ends_with(' ')) item.remove_suffix(1);
    items.emplace_back(item);
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
  }
  return items;
}

// inet_pton sees no further than a NUL.
bool is_ipv4(const std::string& host) {
  in_addr address{};
  return !host.contains('\0') && ::inet_pton(AF_INET, host.c_str(), &address) == 1;
}

bool is_ipv6(const std::string& host) {
  in6_addr address{};
  return !host.contains('\0') && ::inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

// "127.0.0.1:4566" or "[::1]:4566".
std::optional<ListenAddress> parse_address(std::string_view text) {
  const std::size_t colon = text.find_last_of(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto port = parse_number<std::uint16_t>(text.substr(colon + 1));
  std::string host(text.substr(0, colon));
  if (!port) return std::nullopt;
  if (host == "localhost") host = "127.0.0.1";
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (bracketed ? !is_ipv6(host) : !is_ipv4(host)) return std::nullopt;
  return ListenAddress{.host = std::move(host), .port = *port};
}

bool is_host_name(std::string_view name) {
  return !name.empty() && name.size() <= 253 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_';
  });
}

bool is_region(std::string_view name) {
  return name.size() >= 5 && name.size() <= 32 && std::isdigit(static_cast<unsigned char>(name.back())) != 0 &&
         name.find('-') != std::string_view::npos && name.front() != '-' &&
         std::ranges::all_of(name, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
}

using TextCheck = bool (*)(std::string_view);

Setting text(std::string key, std::string value_name, std::string Config::* member, std::string allowed,
             TextCheck check, std::string help) {
  return {.key = std::move(key),
          .shape = Shape::kText,
          .value_name = std::move(value_name),
          .allowed = std::move(allowed),
          .help = std::move(help),
          .apply =
              [member, check](Config& config, const RawValue& raw) {
                const auto* value = std::get_if<std::string>(&raw);
                if (!value || !check(*value)) return false;
                config.*member = *value;
                return true;
              },
          .show = [member](const Config& config) { return config.*member; }};
}

Setting number(std::string key, std::string value_name, std::uint32_t Config::* member, std::uint32_t least,
               std::uint32_t most, std::string help) {
  return {.key = std::move(key),
          .shape = Shape::kNumber,
          .value_name = std::move(value_name),
          .allowed = fmt::format("a whole number from {} to {}", least, most),
          .help = std::move(help),
          .apply =
              [member, least, most](Config& config, const RawValue& raw) {
                std::optional<std::int64_t> value;
                if (const auto* whole = std::get_if<std::int64_t>(&raw)) value = *whole;
                if (const auto* digits = std::get_if<std::string>(&raw)) value = parse_number<std::int64_t>(*digits);
                if (!value || *value < least || *value > most) return false;
                config.*member = static_cast<std::uint32_t>(*value);
                return true;
              },
          .show = [member](const Config& config) { return std::to_string(config.*member); }};
}

Setting on_off(std::string key, bool Config::* member, std::string help) {
  return {.key = std::move(key),
          .shape = Shape::kSwitch,
          .value_name = "",
          .allowed = "true or false",
          .help = std::move(help),
          .apply =
              [member](Config& config, const RawValue& raw) {
                if (const auto* value = std::get_if<bool>(&raw)) {
                  config.*member = *value;
                  return true;
                }
                const auto* word = std::get_if<std::string>(&raw);
                if (!word || (*word != "true" && *word != "false")) return false;
                config.*member = *word == "true";
                return true;
              },
          .show = [member](const Config& config) { return config.*member ? "true" : "false"; }};
}

template <class Enum>
Setting choice(std::string key, std::string value_name, Enum Config::* member,
               std::vector<std::pair<std::string, Enum>> words, std::string help) {
  std::vector<std::string> names;
  for (const auto& [name, value] : words) names.push_back(name);
  return {.key = std::move(key),
          .shape = Shape::kChoice,
          .value_name = std::move(value_name),
          .allowed = fmt::format("one of {}", fmt::join(names, ", ")),
          .help = std::move(help),
          .apply =
              [member, words](Config& config, const RawValue& raw) {
                const auto* word = std::get_if<std::string>(&raw);
                if (!word) return false;
                const auto found = std::ranges::find(words, *word, &std::pair<std::string, Enum>::first);
                if (found == words.end()) return false;
                config.*member = found->second;
                return true;
              },
          .show =
              [member, words](const Config& config) {
                return std::ranges::find(words, config.*member, &std::pair<std::string, Enum>::second)->first;
              }};
}

Setting addresses(std::string key, std::vector<ListenAddress> Config::* member, std::string help) {
  return {.key = std::move(key),
          .shape = Shape::kList,
          .value_name = "HOST:PORT",
          .allowed = "numeric addresses with a port, such as 127.0.0.1:4566 or [::1]:4566 (port 0: any free one)",
          .help = std::move(help),
          .apply =
              [member](Config& config, const RawValue& raw) {
                const auto items = as_list(raw);
                if (!items || items->empty()) return false;
                std::vector<ListenAddress> parsed;
                for (const std::string& item : *items) {
                  const auto address = parse_address(item);
                  if (!address) return false;
                  parsed.push_back(*address);
                }
                config.*member = std::move(parsed);
                return true;
              },
          .show =
              [member](const Config& config) {
                std::vector<std::string> shown;
                for (const ListenAddress& address : config.*member) shown.push_back(address.text());
                return fmt::format("{}", fmt::join(shown, ","));
              }};
}

Setting names(std::string key, std::vector<std::string> Config::* member, std::string help) {
  return {.key = std::move(key),
          .shape = Shape::kList,
          .value_name = "NAME",
          .allowed = "host names",
          .help = std::move(help),
          .apply =
              [member](Config& config, const RawValue& raw) {
                auto items = as_list(raw);
                if (!items || !std::ranges::all_of(*items, is_host_name)) return false;
                config.*member = std::move(*items);
                return true;
              },
          .show = [member](const Config& config) { return fmt::format("{}", fmt::join(config.*member, ",")); }};
}

Setting outside_file(Setting setting) {
  setting.in_file = false;
  return setting;
}

bool is_path(std::string_view path) { return !path.empty() && path.find('\0') == std::string_view::npos; }
bool is_user(std::string_view name) {
  return name.empty() || (name.size() <= 32 && is_host_name(name) && name.front() != '-');
}

std::vector<Setting> make_settings() {
  return {
      outside_file(text("config", "FILE", &Config::config_file, "a path", is_path, "The configuration file (TOML).")),
      addresses(
          "listen", &Config::listen,
          "Addresses to serve the AWS API on. In open mode only loopback addresses are taken, unless allow_remote "
          "is set."),
      text(
          "data", "DIR", &Config::data, "a path", is_path,
          "The folder that holds everything durable. It is made if it is missing, and belongs to one server at a time. "
          "By default /var/lib/hearth for root, else hearth in $XDG_DATA_HOME or ~/.local/share."),
      text(
          "key_file", "FILE", &Config::key_file, "a path", is_path,
          "The keys under which environment variables of functions are kept encrypted. It is made if it is missing. By "
          "default the name of the data folder with .key after it: beside the folder, so that a copy of the folder "
          "alone "
          "tells no secrets."),
      choice<AuthMode>(
          "auth", "MODE", &Config::auth, {{"open", AuthMode::kOpen}, {"enforced", AuthMode::kEnforced}},
          "open: any access key is accepted, and a key of 12 digits is the account. enforced: requests must "
          "be signed with a key that IAM knows (make the first one with `hearth init`)."),
      on_off(
          "allow_remote", &Config::allow_remote,
          "In open mode, also serve addresses that other machines can reach. Whoever reaches them can run code here."),
      names("hosts", &Config::hosts,
            "Further host names under which clients may call. In open mode a request for any other name than these and "
            "loopback is refused, so that no web page can drive the server."),
      text("region", "REGION", &Config::region, "a region name such as eu-west-1", is_region,
           "The region of requests that do not name one."),
      text("user", "NAME", &Config::user, "a user name, or nothing", is_user,
           "The user to run the server as when it is started by root; the launcher alone stays privileged. Empty: "
           "hearth if there is such a user, else nobody."),
      choice<Isolation>(
          "isolation", "TIER", &Config::isolation,
          {{"auto", Isolation::kAuto},
           {"namespace", Isolation::kNamespace},
           {"user", Isolation::kUser},
           {"landlock", Isolation::kLandlock}},
          "How functions are kept apart. namespace: needs root. user: an ordinary user, where user namespaces are "
          "allowed. landlock: no namespaces, as in a container without privileges. auto: the strongest that this "
          "machine "
          "allows. A tier that cannot be had is refused at start."),
      on_off("unsafe_single_tenant", &Config::unsafe_single_tenant,
             "Allows the landlock tier on kernels before 6.12, where a function can disturb the others and the server. "
             "Only "
             "if every function is your own."),
      number("threads", "COUNT", &Config::threads, 1, 256,
             "Threads for work that would hold up the event loop: unpacking, hashing, reading and writing packages."),
      number("data_plane_loops", "COUNT", &Config::data_plane_loops, 1, 64,
             "Event loops that run functions, each on a thread of its own but the first, which is the server's own. A "
             "function stays on one of them. More than one helps where one processor is busy with invocations alone."),
      choice<RuntimePolicy>("runtime_policy", "POLICY", &Config::runtime_policy,
                            {{"lenient", RuntimePolicy::kLenient}, {"aws", RuntimePolicy::kAws}},
                            "lenient: a runtime that is not installed exactly runs on the nearest suitable version of "
                            "the interpreter, and says so. aws: only on exactly its version."),
      choice<InertPolicy>(
          "inert", "POLICY", &Config::inert, {{"warn", InertPolicy::kWarn}, {"refuse", InertPolicy::kRefuse}},
          "Requests that set something which has no effect here. warn: accepted, with a warning. refuse: "
          "an error."),
      number("idle_minutes", "MINUTES", &Config::idle_minutes, 1, 1440,
             "How long an environment that nobody invokes is kept."),
      number("init_timeout_s", "SECONDS", &Config::init_timeout_s, 1, 900,
             "How long a function may take to initialise before it is started again within the invocation."),
      number("stop_timeout_s", "SECONDS", &Config::stop_timeout_s, 1, 3600,
             "How long stopping may take. What has not ended by then is abandoned, and named in the log."),
      choice<LogLevel>("log.level", "LEVEL", &Config::log_level,
                       {{"debug", LogLevel::kDebug},
                        {"info", LogLevel::kInfo},
                        {"warn", LogLevel::kWarn},
                        {"error", LogLevel::kError}},
                       "The least severe lines that the server's own log shows."),
      choice<LogFormat>("log.format", "FORMAT", &Config::log_format,
                        {{"text", LogFormat::kText}, {"json", LogFormat::kJson}},
                        "How lines of the server's own log are written."),
      number("limits.concurrency", "COUNT", &Config::limits_concurrency, 1, 100'000,
             "Invocations that run at the same time, per account."),
      number("limits.environments_memory_mib", "MIB", &Config::limits_environments_memory_mib, 0, 16'777'216,
             "Memory that all environments together may be promised. 0: four fifths of the machine's."),
      number("limits.connections", "COUNT", &Config::limits_connections, 16, 1'000'000,
             "Connections served at the same time; never so many that none of the files the server may open are left "
             "for functions."),
      number("limits.upload_mib", "MIB", &Config::limits_upload_mib, 8, 1024,
             "The largest request body. 70 is enough for a package of 50 MiB in base64."),
      number("limits.events_mib", "MIB", &Config::limits_events_mib, 1, 1'048'576,
             "What asynchronous invocations that wait may take on disk. Beyond it they are refused."),
      number("http.header_timeout_s", "SECONDS", &Config::http_header_timeout_s, 1, 3600,
             "How long a request's head may take to arrive."),
      number("http.body_timeout_s", "SECONDS", &Config::http_body_timeout_s, 1, 3600,
             "How long a request's body may take to arrive, and a reply to be taken."),
      number("http.idle_timeout_s", "SECONDS", &Config::http_idle_timeout_s, 1, 3600,
             "How long a connection may be idle between requests."),
      number("storage.write_deadline_s", "SECONDS", &Config::storage_write_deadline_s, 1, 600,
             "How long an answer waits for the disk before it fails."),
      number("storage.background_ms", "MILLISECONDS", &Config::storage_background_ms, 1, 10'000,
             "How long log lines and the like, which no answer waits for, may stay unsynced."),
  };
}

std::string default_of(const Setting& setting) { return setting.show(Config{}); }

}  // namespace

bool ListenAddress::is_loopback() const {
  in_addr v4{};
  if (::inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24U) == 127;
  in6_addr v6{};
  if (::inet_pton(AF_INET6, host.c_str(), &v6) != 1) return false;
  if (IN6_IS_ADDR_V4MAPPED(&v6)) return v6.s6_addr[12] == 127;
  return IN6_IS_ADDR_LOOPBACK(&v6);
}

std::string ListenAddress::text() const {
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port) : fmt::format("[{}]:{}", host, port);
}

std::string Setting::flag() const {
  std::string name = "--" + key;
  std::ranges::replace_if(name, [](char c) { return c == '.' || c == '_'; }, '-');
  return name;
}

std::string Setting::variable() const {
  std::string name = "HEARTH_" + key;
  std::ranges::transform(name, name.begin(),
                         [](char c) { return c == '.' ? '_' : static_cast<char>(std::toupper(c)); });
  return name;
}

const std::vector<Setting>& settings() {
  static const std::vector<Setting> table = make_settings();
  return table;
}

const Setting* find_setting(std::string_view key) {
  const auto found = std::ranges::find(settings(), key, &Setting::key);
  return found == settings().end() ? nullptr : &*found;
}

std::string help_text() {
  constexpr std::size_t kColumn = 44;
  constexpr std::size_t kWidth = 110;
  std::string out;
  for (const Setting& setting : settings()) {
    std::string line = fmt::format("  {} {}", setting.flag(), setting.value_name);
    line.resize(std::max(kColumn, line.size() + 2), ' ');
    std::string words = setting.help;
    if (setting.shape == Shape::kChoice || setting.shape == Shape::kNumber)
      words += fmt::format(" ({})", setting.allowed);
    if (const std::string value = default_of(setting); !value.empty()) words += fmt::format(" [{}]", value);
    std::string_view rest = words;
    while (!rest.empty()) {
      const std::size_t room = kWidth - kColumn;
      std::size_t cut = rest.size() <= room ? rest.size() : rest.find_last_of(' ', room);
      if (cut == std::string_view::npos) cut = std::min(rest.size(), rest.find(' '));
      out += fmt::format("{}{}\n", line, rest.substr(0, cut));
      rest.remove_prefix(std::min(rest.size(), cut + 1));
      line.assign(kColumn, ' ');
    }
  }
  return out;
}

std::string describe_markdown() {
  std::string out =
      "# Configuration\n\n"
      "<!-- Written by `hearth config` from the table in src/config/settings.cc; edit it there. -->\n\n"
      "Every setting can be given in three ways; the first of these that gives it wins:\n\n"
      "1. a command-line flag of `hearth serve`,\n"
      "2. an environment variable,\n"
      "3. a line of the configuration file (TOML) named by `--config` or `HEARTH_CONFIG`.\n\n"
      "A dot in a name is a table of the file: `log.level` is `level = \"info\"` under `[log]`. Lists are arrays of "
      "strings\n"
      "in the file, and separated by commas elsewhere; a flag may also be repeated. Unknown names and values that are "
      "not\n"
      "allowed are refused at start, with the place they were read from.\n\n"
      "| setting | flag | variable | allowed | default |\n|---|---|---|---|---|\n";
  for (const Setting& setting : settings()) {
    const std::string value = default_of(setting);
    out += fmt::format("| `{}` | `{}` | `{}` | {} | {} |\n", setting.in_file ? setting.key : std::string("-"),
                       setting.flag(), setting.variable(), setting.allowed,
                       value.empty() ? std::string("-") : fmt::format("`{}`", value));
  }
  out += "\n## What they do\n\n";
  for (const Setting& setting : settings()) out += fmt::format("- `{}`: {}\n", setting.key, setting.help);
  return out;
}

}  // namespace hearth::config
