#include "main/descriptor_limit.h"

#include <sys/resource.h>

#include <algorithm>

namespace hearth::main {
namespace {

// Kept for everything but clients: at most what some 200 environments take.
constexpr std::uint64_t kMostReserved = 4'096;

}  // namespace

std::uint64_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;  // fails for a bad address only
  const rlim_t before = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  // A kernel that does not grant it leaves things as they were.
  return ::setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : before;
}

std::uint32_t connections_within(std::uint64_t descriptors, std::uint32_t configured) {
  const std::uint64_t room = descriptors - std::min(descriptors / 2, kMostReserved);
  return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(configured, 1, std::max<std::uint64_t>(room, 1)));
}

}  // namespace hearth::main
