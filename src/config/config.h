#pragma once
// Config: every choice the operator can make, checked, in one struct.
//
// A value comes from the first of: command-line flag, HEARTH_* environment variable, configuration file (TOML),
// default. All four forms of every setting stand in one table (settings.h), which also writes the help text and
// docs/configuration.md. Anything unknown or out of range is refused with the place it was read from; nothing is
// silently corrected.
//
// Path: main -> load() (load.h) -> here -> the constructors of everything        Tests: load_test.cc

#include <cstdint>
#include <string>
#include <vector>

namespace hearth::config {

enum class ErrorKind {
  kUnknownSetting,  // a key of the file, or a flag, that is not in the table
  kBadValue,        // wrong type or out of range, or settings that contradict each other
  kBadFile,         // the file cannot be read or is not TOML
};

struct ListenAddress {
  std::string host;  // numeric IPv4 or IPv6 address, without brackets
  std::uint16_t port = 0;
  bool operator==(const ListenAddress&) const = default;

  bool is_loopback() const;
  std::string text() const;  // "127.0.0.1:4566", "[::1]:4566"
};

enum class AuthMode : std::uint8_t { kOpen, kEnforced };
enum class Isolation : std::uint8_t { kAuto, kNamespace, kUser, kLandlock };
enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarn, kError };
enum class LogFormat : std::uint8_t { kText, kJson };
enum class RuntimePolicy : std::uint8_t { kLenient, kAws };
enum class InertPolicy : std::uint8_t { kWarn, kRefuse };

// What each one means stands in the table in settings.cc.
struct Config {
  std::string config_file;
  std::vector<ListenAddress> listen = {{.host = "127.0.0.1", .port = 4566}, {.host = "::1", .port = 4566}};
  std::string data;      // load() fills in the default, which depends on who runs the server
  std::string key_file;  // load() fills in the default, beside the data folder
  AuthMode auth = AuthMode::kOpen;
  bool allow_remote = false;
  std::vector<std::string> hosts;
  std::string region = "us-east-1";
  std::string user;
  std::uint32_t threads = 2;
  std::uint32_t data_plane_loops = 1;
  Isolation isolation = Isolation::kAuto;
  bool unsafe_single_tenant = false;

  RuntimePolicy runtime_policy = RuntimePolicy::kLenient;
  InertPolicy inert = InertPolicy::kWarn;
  std::uint32_t idle_minutes = 10;
  std::uint32_t init_timeout_s = 10;
  std::uint32_t stop_timeout_s = 30;

  LogLevel log_level = LogLevel::kInfo;
  LogFormat log_format = LogFormat::kText;

  std::uint32_t limits_concurrency = 1000;
  std::uint32_t limits_environments_memory_mib = 0;
  std::uint32_t limits_connections = 16'000;
  std::uint32_t limits_upload_mib = 70;
  std::uint32_t limits_events_mib = 4096;

  std::uint32_t http_header_timeout_s = 10;
  std::uint32_t http_body_timeout_s = 120;
  std::uint32_t http_idle_timeout_s = 75;

  std::uint32_t storage_write_deadline_s = 10;
  std::uint32_t storage_background_ms = 100;
};

}  // namespace hearth::config
