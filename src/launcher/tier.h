#pragma once
// Tier: which kind of walls a launcher builds. The three differ in what the machine must allow; docs/sandbox.md says
// what each one holds.
//
//   namespace   root: namespaces, a host user id per sandbox, cgroups
//   user        an ordinary user who may make user namespaces: the same inside, one host user id for all
//   landlock    no namespaces at all: one file tree and one network for all, confined by Landlock and seccomp

#include <cstdint>
#include <optional>
#include <string_view>

namespace hearth::launcher {

enum class Tier : std::uint8_t { kNamespace, kUser, kLandlock };

constexpr const char* name_of(Tier tier) {
  switch (tier) {
    case Tier::kNamespace:
      return "namespace";
    case Tier::kUser:
      return "user";
    case Tier::kLandlock:
      return "landlock";
  }
  return "";
}

constexpr std::optional<Tier> parse_tier(std::string_view name) {
  for (const Tier tier : {Tier::kNamespace, Tier::kUser, Tier::kLandlock}) {
    if (name == name_of(tier)) return tier;
  }
  return std::nullopt;
}

}  // namespace hearth::launcher
