#pragma once
// Barriers: the walls between hostile code and everything else, by name.
//
// Each place that puts up a wall asks barrier_up() first. That is always true, at compile time, in everything that is
// installed. Test builds with HEARTH_MUTANTS leave named walls out, to prove that the attack each wall stands against
// (tests/security/promises.json) then succeeds, and no other does.

#include <cstdint>

namespace hearth {

enum class Barrier : std::uint8_t {
  // Namespaces of a sandbox.
  kPidNamespace,
  kIpcNamespace,
  kHostName,
  kCgroupNamespace,
  kNetworkNamespace,
  kUserNamespace,
  // Its file tree.
  kOldRootDetached,
  kReadOnlyRoot,
  kReadOnlyCode,
  kCodePathHidden,
  kNoSetUserIdFiles,
  kNoDeviceFiles,
  kFewDevices,
  kTmpSize,
  kTmpInodes,
  kProcHidden,
  kProcMasked,
  kProcSysReadOnly,
  // Who its processes are.
  kHostUid,
  kNamespacePowers,
  kLauncherPowers,
  kNoNewPrivileges,
  kInitMemoryClosed,
  // What they inherit.
  kDescriptorsClosed,
  kControlChannelClosed,
  // What they may use.
  kMemoryLimit,
  kCpuLimit,
  kPidsLimit,
  kProcessLimit,
  kOpenFileLimit,
  kCoreLimit,
  kOomVolunteer,
  // System calls. kSystemCalls is the whole filter, the others are groups kept off its list.
  kSystemCalls,
  kCallsForNamespaces,
  kCallsForMounts,
  kCallsForTracing,
  kCallsForHandles,
  kCallsForNodes,
  kCallsForKeyrings,
  kCallsForBpf,
  kCallsForIoUring,
  kCallsForUserfaultfd,
  kCallsForPerf,
  kCallsForSockets,
  kCallsForPersonality,
  kCallsForMachine,
  kCallsForCoreLimit,
  kLandlock,
  // What a request to the launcher may name.
  kSourceBeneathRoots,
  kDestinationsListed,
  kDestinationWithoutLinks,
  // The end of a sandbox.
  kDiesWithLauncher,
  kInitWatchesLauncher,
  // Packages of functions.
  kZipAbsolutePaths,
  kZipParentPaths,
  kZipTwoNames,
  kZipKinds,
  kZipUnpackedSize,
  kZipEntryCount,
  kZipChecksum,
  kZipLinks,
  // What functions write.
  kLogBudget,
  // Who calls the AWS endpoint inside a sandbox.
  kRoleOverForeignKeys,
  kRoleOverNoKey,
  kIssuedSignature,
  kIssuedSessionToken,
  kIssuedExpiry,
  kIssuedScope,
  kSignedTarget,
  kCount
};

#ifdef HEARTH_MUTANTS
// Defined by the test build. Any thread.
bool barrier_up(Barrier barrier);
#else
constexpr bool barrier_up(Barrier) { return true; }
#endif

}  // namespace hearth
