#include "wire/xml_writer.h"

#include <array>
#include <charconv>

#include "base/bytes.h"
#include "base/utf8.h"

namespace hearth::wire {

void append_xml_text(std::string& out, std::string_view text) {
  constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t size = utf8_sequence(text.substr(i));
    const std::string_view piece = text.substr(i, size == 0 ? 1 : size);
    i += piece.size();
    const char c = piece[0];
    if (size == 0) {
      out += kReplacement;
    } else if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '"') {
      out += "&quot;";
    } else if (c == '\r') {
      out += "&#xD;";
    } else if (static_cast<unsigned char>(c) < 0x20U && c != '\n' && c != '\t') {
      out += kReplacement;
    } else if (piece == "\xEF\xBF\xBE" || piece == "\xEF\xBF\xBF") {
      out += kReplacement;  // U+FFFE and U+FFFF are no XML characters
    } else {
      out += piece;
    }
  }
}

void XmlWriter::open(std::string_view name, std::string_view xml_namespace) {
  out_.append("<").append(name);
  if (!xml_namespace.empty()) out_.append(" xmlns=\"").append(xml_namespace).append("\"");
  out_ += '>';
}

void XmlWriter::close(std::string_view name) { out_.append("</").append(name).append(">"); }

void XmlWriter::text(std::string_view name, std::string_view value) {
  open(name);
  append_xml_text(out_, value);
  close(name);
}

void XmlWriter::blob(std::string_view name, const std::optional<std::string>& bytes) {
  if (bytes) text(name, base64_encode(*bytes));
}

void XmlWriter::timestamp(std::string_view name, const std::optional<TimePoint>& time, TimestampFormat format) {
  if (time) text(name, format_timestamp(*time, format));
}

void XmlWriter::write(std::string_view name, double value, XmlForm /*form*/) {
  std::array<char, 64> digits{};
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  text(name, std::string_view(digits.data(), error == std::errc() ? static_cast<std::size_t>(end - digits.data()) : 0));
}

}  // namespace hearth::wire
