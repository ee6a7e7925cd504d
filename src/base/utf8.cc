#include "base/utf8.h"

namespace hearth {

std::size_t utf8_sequence(std::string_view text) {
  if (text.empty()) return 0;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80U) return 1;
  std::size_t size = 0;
  if (first >= 0xC2U && first <= 0xDFU) {
    size = 2;
  } else if (first >= 0xE0U && first <= 0xEFU) {
    size = 3;
  } else if (first >= 0xF0U && first <= 0xF4U) {
    size = 4;
  } else {
    return 0;
  }
  if (text.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return 0;
  }
  // No overlong forms, no surrogates, nothing above U+10FFFF.
  if (first == 0xE0U && byte(1) < 0xA0U) return 0;
  if (first == 0xEDU && byte(1) > 0x9FU) return 0;
  if (first == 0xF0U && byte(1) < 0x90U) return 0;
  if (first == 0xF4U && byte(1) > 0x8FU) return 0;
  return size;
}

std::string_view utf8_prefix(std::string_view text, std::size_t max) {
  if (text.size() <= max) return text;
  std::size_t end = max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end);
}

}  // namespace hearth
