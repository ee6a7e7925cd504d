#pragma once
// Identity: who a sandbox's processes are. On the host each sandbox is a user id of its own; inside it is AWS's
// uid 993 `sbx_user1051`.
//
// The host uid makes the kernel keep sandboxes apart even where a namespace would fail to: signals, ptrace, keyrings,
// RLIMIT_NPROC. The child maps it to 993 in a user namespace that it makes itself as its last step, so that all its
// other namespaces belong to the host's user namespace and nothing inside has power over them.
//
// Where the launcher is an ordinary user itself, there is one host uid: that user's. The launcher then works in a user
// namespace in which it has all power and is uid 993 already; sandboxes map themselves from there in the same way.
//
// Tests: identity_test.cc

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <optional>

#include "base/result.h"
#include "base/unique_fd.h"

namespace hearth::launcher {

constexpr uid_t kInnerUid = 993;
constexpr gid_t kInnerGid = 990;
constexpr const char* kInnerName = "sbx_user1051";

// Host uids that no sandbox uses at the moment. The one unused for longest is handed out first.
class UidSlots {
 public:
  UidSlots(uid_t first, std::size_t count);
  // `count` times the same: for launchers that have no other.
  static UidSlots same(uid_t uid, std::size_t count);
  std::optional<uid_t> take();
  void give_back(uid_t uid);
  std::size_t free_count() const { return free_.size(); }

 private:
  std::deque<uid_t> free_;
};

// A range of host uids that no other launcher on this machine uses: whoever binds the abstract socket of that name owns
// it, and the kernel frees it when that process ends.
struct UidRange {
  uid_t first = 0;
  UniqueFd claim;
};
constexpr uid_t kFirstHostUid = 200'000;
constexpr std::size_t kUidsPerRange = 10'000;
// Error: FailureKind::kNoResources when sixteen launchers run already.
Result<UidRange> claim_uid_range();

// Makes this process, which needs no privilege for it, all-powerful in a user namespace of its own: uid and gid 993
// there, with a mount and a network namespace that belong to it. Call while single-threaded and dumpable. Error:
// FailureKind::kFailed, a sentence that says what forbids it and what to do.
Status enter_launcher_user_namespace();

// The rest runs in the child and returns 0 or an errno.

// Every capability out of the bounding set, then out of this process.
int drop_all_capabilities();
int become(uid_t host_uid);
// Makes the user namespace that maps `host_uid` to 993 and drops all capabilities in it again.
int enter_user_namespace(uid_t host_uid);

// In the launcher. After set-up only what building sandboxes needs stays in force; regain_cleanup_capability() is for
// removing what it made, at its end. Error: FailureKind::kFailed.
Status keep_launcher_capabilities();
Status regain_cleanup_capability();
// For launchers that need none: whatever this process was started with goes, for good.
Status drop_launcher_capabilities();

}  // namespace hearth::launcher
