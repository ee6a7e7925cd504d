#pragma once
// Just enough HTTP for programs that only talk to programs of ours: heads end in an empty line, bodies have a length.

#include <strings.h>

#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

namespace floors {

struct Message {
  std::string_view head;
  std::string_view body;
  std::size_t size() const { return head.size() + body.size(); }
};

// The first whole message in `bytes`, if there is one.
inline std::optional<Message> first_message(std::string_view bytes) {
  constexpr std::string_view kField = "\r\ncontent-length:";
  const std::size_t end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) return std::nullopt;
  std::size_t length = 0;
  for (std::size_t line = bytes.find("\r\n"); line < end; line = bytes.find("\r\n", line + 2)) {
    if (::strncasecmp(bytes.data() + line, kField.data(), kField.size()) == 0) {
      length = std::strtoul(bytes.data() + line + kField.size(), nullptr, 10);
    }
  }
  if (bytes.size() < end + 4 + length) return std::nullopt;
  return Message{.head = bytes.substr(0, end + 4), .body = bytes.substr(end + 4, length)};
}

}  // namespace floors
