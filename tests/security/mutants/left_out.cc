#include "mutants/left_out.h"

#include <array>
#include <atomic>
#include <bitset>
#include <cstdio>
#include <cstdlib>
#include <iterator>

namespace hearth {
namespace security {
namespace {

constexpr auto kCount = static_cast<std::size_t>(Barrier::kCount);

// In the order of Barrier.
constexpr std::string_view kNames[] = {"kPidNamespace",
                                       "kIpcNamespace",
                                       "kHostName",
                                       "kCgroupNamespace",
                                       "kNetworkNamespace",
                                       "kUserNamespace",
                                       "kOldRootDetached",
                                       "kReadOnlyRoot",
                                       "kReadOnlyCode",
                                       "kCodePathHidden",
                                       "kNoSetUserIdFiles",
                                       "kNoDeviceFiles",
                                       "kFewDevices",
                                       "kTmpSize",
                                       "kTmpInodes",
                                       "kProcHidden",
                                       "kProcMasked",
                                       "kProcSysReadOnly",
                                       "kHostUid",
                                       "kNamespacePowers",
                                       "kLauncherPowers",
                                       "kNoNewPrivileges",
                                       "kInitMemoryClosed",
                                       "kDescriptorsClosed",
                                       "kControlChannelClosed",
                                       "kMemoryLimit",
                                       "kCpuLimit",
                                       "kPidsLimit",
                                       "kProcessLimit",
                                       "kOpenFileLimit",
                                       "kCoreLimit",
                                       "kOomVolunteer",
                                       "kSystemCalls",
                                       "kCallsForNamespaces",
                                       "kCallsForMounts",
                                       "kCallsForTracing",
                                       "kCallsForHandles",
                                       "kCallsForNodes",
                                       "kCallsForKeyrings",
                                       "kCallsForBpf",
                                       "kCallsForIoUring",
                                       "kCallsForUserfaultfd",
                                       "kCallsForPerf",
                                       "kCallsForSockets",
                                       "kCallsForPersonality",
                                       "kCallsForMachine",
                                       "kCallsForCoreLimit",
                                       "kLandlock",
                                       "kSourceBeneathRoots",
                                       "kDestinationsListed",
                                       "kDestinationWithoutLinks",
                                       "kDiesWithLauncher",
                                       "kInitWatchesLauncher",
                                       "kZipAbsolutePaths",
                                       "kZipParentPaths",
                                       "kZipTwoNames",
                                       "kZipKinds",
                                       "kZipUnpackedSize",
                                       "kZipEntryCount",
                                       "kZipChecksum",
                                       "kZipLinks",
                                       "kLogBudget",
                                       "kRoleOverForeignKeys",
                                       "kRoleOverNoKey",
                                       "kIssuedSignature",
                                       "kIssuedSessionToken",
                                       "kIssuedExpiry",
                                       "kIssuedScope",
                                       "kSignedTarget"};
static_assert(std::size(kNames) == kCount);

using Set = std::bitset<kCount>;

std::optional<Set> parse(std::string_view names) {
  Set set;
  while (!names.empty()) {
    const std::size_t comma = std::min(names.find(','), names.size());
    const std::optional<Barrier> barrier = barrier_named(names.substr(0, comma));
    if (!barrier) return std::nullopt;
    set.set(static_cast<std::size_t>(*barrier));
    names.remove_prefix(std::min(comma + 1, names.size()));
  }
  return set;
}

std::array<std::atomic<bool>, kCount>& left_out() {
  static std::array<std::atomic<bool>, kCount> flags;
  [[maybe_unused]] static const bool read_once = [] {
    const char* names = std::getenv("HEARTH_LEFT_OUT");
    const std::optional<Set> set = parse(names == nullptr ? "" : names);
    if (!set) {
      std::fprintf(stderr, "HEARTH_LEFT_OUT names no barrier: %s\n", names);
      std::abort();
    }
    for (std::size_t i = 0; i < kCount; ++i) flags[i] = set->test(i);
    return true;
  }();
  return flags;
}

}  // namespace

std::optional<Barrier> barrier_named(std::string_view name) {
  for (std::size_t i = 0; i < kCount; ++i) {
    if (kNames[i] == name) return static_cast<Barrier>(i);
  }
  return std::nullopt;
}

bool leave_out(std::string_view names) {
  const std::optional<Set> set = parse(names);
  if (!set) return false;
  for (std::size_t i = 0; i < kCount; ++i) left_out()[i] = set->test(i);
  return true;
}

}  // namespace security

bool barrier_up(Barrier barrier) { return !security::left_out()[static_cast<std::size_t>(barrier)]; }

}  // namespace hearth
