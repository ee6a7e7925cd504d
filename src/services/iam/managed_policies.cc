#include "services/iam/managed_policies.h"

#include <algorithm>

namespace hearth::services::iam {
namespace {

constexpr std::string_view kPrefix = "arn:aws:iam::aws:policy";

}  // namespace

std::string arn_of(const ManagedPolicy& policy) {
  return std::string(kPrefix) + std::string(policy.path) + std::string(policy.name);
}

const ManagedPolicy* find_managed_policy(std::string_view arn) {
  if (!arn.starts_with(kPrefix)) return nullptr;
  const std::string_view rest = arn.substr(kPrefix.size());
  const std::size_t slash = rest.rfind('/');
  if (slash == std::string_view::npos) return nullptr;
  const std::string_view name = rest.substr(slash + 1);
  const auto all = managed_policies();
  const auto found = std::ranges::lower_bound(all, name, {}, &ManagedPolicy::name);
  if (found == all.end() || found->name != name || found->path != rest.substr(0, slash + 1)) return nullptr;
  return &*found;
}

}  // namespace hearth::services::iam
