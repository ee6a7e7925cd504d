#include "wire/json_writer.h"

#include <array>
#include <charconv>
#include <cmath>

#include "base/bytes.h"
#include "base/json_text.h"

namespace hearth::wire {

void JsonWriter::key(std::string_view name) {
  if (!first_) out_ += ',';
  first_ = false;
  append_json_string(out_, name);
  out_ += ':';
}

void JsonWriter::blob(std::string_view name, const std::string& bytes) {
  key(name);
  out_ += '"';
  out_ += base64_encode(bytes);
  out_ += '"';
}

void JsonWriter::timestamp(std::string_view name, TimePoint time, TimestampFormat format) {
  key(name);
  if (format == TimestampFormat::kUnix) {
    out_ += format_timestamp(time, format);
  } else {
    append_json_string(out_, format_timestamp(time, format));
  }
}

void JsonWriter::write(std::int32_t number) { out_ += std::to_string(number); }
void JsonWriter::write(std::int64_t number) { out_ += std::to_string(number); }

void JsonWriter::write(double number) {
  if (!std::isfinite(number)) {
    append_json_string(out_, std::isnan(number) ? "NaN" : number < 0 ? "-Infinity" : "Infinity");
    return;
  }
  std::array<char, 64> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), number);
  const std::string_view digits(text.data(), error == std::errc() ? static_cast<std::size_t>(end - text.data()) : 0);
  out_ += digits;
  if (digits.find_first_of(".e") == std::string_view::npos) out_ += ".0";
}

void JsonWriter::write(bool truth) { out_ += truth ? "true" : "false"; }

}  // namespace hearth::wire
