#include "wire/arn.h"

#include <array>

namespace hearth::wire {

std::optional<Arn> parse_arn(std::string_view text) {
  if (!text.starts_with("arn:")) return std::nullopt;
  text.remove_prefix(4);
  std::array<std::string_view, 4> parts;
  for (std::string_view& part : parts) {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    part = text.substr(0, colon);
    text.remove_prefix(colon + 1);
  }
  if (parts[0].empty() || parts[1].empty() || text.empty()) return std::nullopt;
  return Arn{.partition = std::string(parts[0]),
             .service = std::string(parts[1]),
             .region = std::string(parts[2]),
             .account = std::string(parts[3]),
             .resource = std::string(text)};
}

std::string format_arn(const Arn& arn) {
  return "arn:" + arn.partition + ":" + arn.service + ":" + arn.region + ":" + arn.account + ":" + arn.resource;
}

}  // namespace hearth::wire
