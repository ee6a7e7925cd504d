#pragma once
// Logger: the server's own log, one JSON or text line per event on a file descriptor.
//
// Passed by reference from main; there is no global logger. Lines never hold secrets, payloads or credentials.

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace hearth::observe {

enum class Level : std::uint8_t { kDebug, kInfo, kWarn, kError };
enum class LogFormat : std::uint8_t { kText, kJson };

struct Field {
  std::string_view name;
  std::string value;
};

// Writes whole lines with one write(2) each; safe from any thread. A failing descriptor drops lines, never blocks on
// anything but the write itself.
class Logger {
 public:
  Logger(int fd, Level threshold, LogFormat format) : fd_(fd), threshold_(threshold), format_(format) {}

  // Whether lines of `level` are written; for callers whose fields cost something.
  bool is_enabled(Level level) const { return level >= threshold_; }
  void write(Level level, std::string_view message, std::initializer_list<Field> fields = {}) const;
  void debug(std::string_view message, std::initializer_list<Field> fields = {}) const {
    write(Level::kDebug, message, fields);
  }
  void info(std::string_view message, std::initializer_list<Field> fields = {}) const {
    write(Level::kInfo, message, fields);
  }
  void warn(std::string_view message, std::initializer_list<Field> fields = {}) const {
    write(Level::kWarn, message, fields);
  }
  void error(std::string_view message, std::initializer_list<Field> fields = {}) const {
    write(Level::kError, message, fields);
  }

 private:
  int fd_;  // not owned
  Level threshold_;
  LogFormat format_;
};

}  // namespace hearth::observe
