#include "wire/rules.h"

#include <array>
#include <charconv>
#include <cmath>

namespace hearth::wire {

std::string max_text(Measure measure, const std::string& limit) {
  return std::string("Member must have ") + (measure == Measure::kLength ? "length" : "value") +
         " less than or equal to " + limit;
}

std::string min_text(Measure measure, const std::string& limit) {
  return std::string("Member must have ") + (measure == Measure::kLength ? "length" : "value") +
         " greater than or equal to " + limit;
}

std::string values_text(std::span<const std::string_view> values) {
  std::string out = "Member must satisfy enum value set: [";
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) out += ", ";
    out += values[i];
  }
  return out + "]";
}

std::string pattern_text(const Pattern& pattern) {
  return "Member must satisfy regular expression pattern: " + std::string(pattern.text());
}

std::string double_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  const double size = std::fabs(value);
  const bool plain = size == 0.0 || (size >= 1e-3 && size < 1e7);
  std::array<char, 64> text{};
  const auto format = plain ? std::chars_format::fixed : std::chars_format::scientific;
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value, format);
  std::string out(text.data(), error == std::errc() ? end : text.data());
  if (plain) return out.find('.') == std::string::npos ? out + ".0" : out;
  // C writes 1e+10 and 1.5e-05 where Java writes 1.0E10 and 1.5E-5.
  const std::size_t e = out.find('e');
  if (e == std::string::npos) return out;
  std::string digits = out.substr(0, e);
  if (digits.find('.') == std::string::npos) digits += ".0";
  std::string_view power = std::string_view(out).substr(e + 1);
  digits += 'E';
  if (power.starts_with('-')) digits += '-';
  if (power.starts_with('-') || power.starts_with('+')) power.remove_prefix(1);
  while (power.size() > 1 && power.starts_with('0')) power.remove_prefix(1);
  return digits.append(power);
}

std::int64_t count_characters(std::string_view utf8) {
  std::int64_t count = 0;
  for (const char c : utf8) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0U) != 0x80U) ++count;  // not a continuation byte
    if ((byte & 0xF8U) == 0xF0U) ++count;  // a four-byte sequence is two UTF-16 units
  }
  return count;
}

}  // namespace hearth::wire
