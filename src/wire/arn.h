#pragma once
// Arn: an Amazon Resource Name taken apart: arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE.

#include <optional>
#include <string>
#include <string_view>

namespace hearth::wire {

struct Arn {
  std::string partition = "aws";
  std::string service;
  std::string region;    // empty for global services
  std::string account;   // empty where the resource has none
  std::string resource;  // everything after the fifth colon: "function:name:1", "role/path/name"

  auto operator<=>(const Arn&) const = default;
};

// Nothing unless `text` has all six parts with a partition, a service and a resource.
std::optional<Arn> parse_arn(std::string_view text);
std::string format_arn(const Arn& arn);

}  // namespace hearth::wire
