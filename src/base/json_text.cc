#include "base/json_text.h"

#include "base/utf8.h"

namespace hearth {

void append_json_string(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out += '"';
  std::size_t plain = 0;  // where the bytes begin that go out as they are
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte >= 0x20U && byte < 0x80U && byte != '"' && byte != '\\') {
      ++i;
      continue;
    }
    if (byte >= 0x80U) {
      if (const std::size_t size = utf8_sequence(text.substr(i)); size > 0) {
        i += size;
        continue;
      }
    }
    out.append(text, plain, i - plain);
    plain = ++i;
    switch (byte) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (byte >= 0x80U) {
          out += "\xEF\xBF\xBD";
        } else {
          out += "\\u00";
          out += kHex[byte >> 4U];
          out += kHex[byte & 15U];
        }
    }
  }
  out.append(text, plain);
  out += '"';
}

}  // namespace hearth
