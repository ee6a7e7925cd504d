#include "observe/log.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <chrono>

#include "base/json_text.h"

namespace hearth::observe {
namespace {

constexpr std::array<std::string_view, 4> kNames = {"debug", "info", "warn", "error"};

// Text lines stay one line whatever a value holds.
void append_text_value(std::string& out, std::string_view text) {
  const bool plain = text.find_first_of(" \"\n\r\t\\=") == std::string_view::npos && !text.empty();
  if (plain) {
    out += text;
  } else {
    append_json_string(out, text);
  }
}

}  // namespace

void Logger::write(Level level, std::string_view message, std::initializer_list<Field> fields) const {
  if (level < threshold_) return;
  const auto now = std::chrono::system_clock::now();
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1000;
  const std::string stamp =
      fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(now)), ms);
  const std::string_view name = kNames[static_cast<std::size_t>(level)];
  std::string line;
  if (format_ == LogFormat::kJson) {
    line = fmt::format(R"({{"time":"{}","level":"{}","message":)", stamp, name);
    append_json_string(line, message);
    for (const Field& field : fields) {
      line += ',';
      append_json_string(line, field.name);
      line += ':';
      append_json_string(line, field.value);
    }
    line += "}\n";
  } else {
    line = fmt::format("{} {:5} {}", stamp, name, message);
    for (const Field& field : fields) {
      line += fmt::format(" {}=", field.name);
      append_text_value(line, field.value);
    }
    line += '\n';
  }
  // A log that cannot be written has nowhere to say so; the line is dropped, as the header promises.
  [[maybe_unused]] const ssize_t written = ::write(fd_, line.data(), line.size());
}

}  // namespace hearth::observe
