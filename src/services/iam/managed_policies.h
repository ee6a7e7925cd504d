#pragma once
// The policies that AWS manages (arn:aws:iam::aws:policy/...): facts, compiled in from
// models/aws_managed_policies.json.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace hearth::services::iam {

struct ManagedPolicy {
  std::string_view name;
  std::string_view path;
  std::string_view version;
  std::int64_t created_ms;
  std::int64_t updated_ms;
  std::string_view document;
};

// All of them, sorted by name.
std::span<const ManagedPolicy> managed_policies();
// By ARN; nullptr if AWS has none of that name and path.
const ManagedPolicy* find_managed_policy(std::string_view arn);
std::string arn_of(const ManagedPolicy& policy);

}  // namespace hearth::services::iam
