#include "launcher/identity.h"

#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <string>

#include "base/barriers.h"
#include "launcher/protocol.h"
#include "launcher/sys.h"

namespace hearth::launcher {
namespace {

constexpr unsigned kKept[] = {
    CAP_SYS_ADMIN,         // namespaces, mounts
    CAP_SETUID,            // the child becomes its host uid
    CAP_SETGID,            //
    CAP_SETPCAP,           // the child empties its bounding set
    CAP_NET_BIND_SERVICE,  // ports 53, 80, 443 inside
    CAP_NET_ADMIN,         // loopback up in new network namespaces
    CAP_DAC_READ_SEARCH,   // reach mount sources below folders of the server's user
    CAP_KILL,              // its death signal reaches sandboxes, which are of other users: frozen ones end by it alone
};

// Permitted only, until the end: the root folders of cgroup hierarchies are read-only even for their owner.
constexpr std::uint64_t kForCleanup = std::uint64_t{1} << CAP_DAC_OVERRIDE;

struct Capabilities {
  std::uint64_t permitted = 0;
  std::uint64_t effective = 0;
};

int set_capabilities(const Capabilities& wanted) {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[2] = {};
  for (unsigned i = 0; i < 2; ++i) {
    data[i] = {.effective = static_cast<std::uint32_t>(wanted.effective >> (32U * i)),
               .permitted = static_cast<std::uint32_t>(wanted.permitted >> (32U * i)),
               .inheritable = 0};
  }
  return ::syscall(SYS_capset, &header, data) == 0 ? 0 : errno;
}

Result<std::uint64_t> permitted_capabilities() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[2] = {};
  if (::syscall(SYS_capget, &header, data) != 0) return fail(FailureKind::kFailed, sys::error_text("capget", errno));
  return data[0].permitted | (std::uint64_t{data[1].permitted} << 32U);
}

int empty_bounding_set() {
  for (int number = 0; number < 64; ++number) {
    if (::prctl(PR_CAPBSET_DROP, number, 0, 0, 0) == 0) continue;
    if (errno == EINVAL) return 0;  // past the last capability of this kernel
    return errno;
  }
  return 0;
}

// "unix" socket name of a range: no file, in the abstract namespace of the launcher's network namespace.
bool claim(uid_t first, UniqueFd& out) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return false;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = "hearth-uids-" + std::to_string(first);
  name.copy(address.sun_path + 1, name.size());
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), length) != 0) return false;
  out = std::move(fd);
  return true;
}

}  // namespace

UidSlots::UidSlots(uid_t first, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) free_.push_back(first + static_cast<uid_t>(i));
}

UidSlots UidSlots::same(uid_t uid, std::size_t count) {
  UidSlots slots(uid, 0);
  slots.free_.assign(count, uid);
  return slots;
}

std::optional<uid_t> UidSlots::take() {
  if (free_.empty()) return std::nullopt;
  const uid_t uid = free_.front();
  free_.pop_front();
  return uid;
}

void UidSlots::give_back(uid_t uid) { free_.push_back(uid); }

Result<UidRange> claim_uid_range() {
  constexpr int kRanges = 16;
  UidRange range;
  for (int i = 0; i < kRanges; ++i) {
    range.first = kFirstHostUid + static_cast<uid_t>(i) * static_cast<uid_t>(kUidsPerRange);
    if (claim(range.first, range.claim)) return range;
  }
  return fail(FailureKind::kNoResources, "every range of host user ids is in use by another launcher");
}

namespace {

// Why an ordinary user cannot make a user namespace here, as far as the machine says.
std::string explain_user_namespaces(int error) {
  const auto says = [](const char* path, char value) {
    const std::string text = sys::read_file(path);
    return !text.empty() && text.front() == value;
  };
  if (says("/proc/sys/user/max_user_namespaces", '0')) {
    return "the machine allows no user namespaces (sysctl user.max_user_namespaces is 0; raise it)";
  }
  if (says("/proc/sys/kernel/unprivileged_userns_clone", '0')) {
    return "the machine allows user namespaces to root alone (set sysctl kernel.unprivileged_userns_clone=1)";
  }
  if (says("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", '1')) {
    return "AppArmor restricts user namespaces (set sysctl kernel.apparmor_restrict_unprivileged_userns=0, or give "
           "hearth-launcher a profile that allows userns)";
  }
  if (error == EPERM) {
    return "user namespaces are forbidden to this process, as in most containers (a seccomp or security profile)";
  }
  return sys::error_text("a user namespace cannot be made", error);
}

}  // namespace

Status enter_launcher_user_namespace() {
  const std::string uid = std::to_string(kInnerUid) + " " + std::to_string(::geteuid()) + " 1";
  const std::string gid = std::to_string(kInnerUid) + " " + std::to_string(::getegid()) + " 1";
  if (::unshare(CLONE_NEWUSER) != 0) return fail(FailureKind::kFailed, explain_user_namespaces(errno));
  int error = sys::write_file("/proc/self/setgroups", "deny");
  if (error == 0) error = sys::write_file("/proc/self/uid_map", uid);
  if (error == 0) error = sys::write_file("/proc/self/gid_map", gid);
  if (error != 0) return fail(FailureKind::kFailed, sys::error_text("mapping the user of a user namespace", error));
  // One that this process may come back to from those of sandboxes.
  if (::unshare(CLONE_NEWNET) != 0) return fail(FailureKind::kFailed, explain_user_namespaces(errno));
  return {};
}

int drop_all_capabilities() {
  if (const int error = empty_bounding_set(); error != 0) return error;
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) return errno;
  return set_capabilities({});
}

int become(uid_t host_uid) {
  if (::setgroups(0, nullptr) != 0) return errno;
  if (::setresgid(host_uid, host_uid, host_uid) != 0) return errno;
  if (::setresuid(host_uid, host_uid, host_uid) != 0) return errno;
  return set_capabilities({});
}

int enter_user_namespace(uid_t host_uid) {
  // setresuid made this process undumpable, and the files of such a process under /proc belong to root.
  if (::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0) return errno;
  if (::unshare(CLONE_NEWUSER) != 0) return errno;
  const std::string host = " " + std::to_string(host_uid) + " 1";
  if (const int error = sys::write_file("/proc/self/setgroups", "deny"); error != 0) return error;
  if (const int error = sys::write_file("/proc/self/uid_map", std::to_string(kInnerUid) + host); error != 0)
    return error;
  if (const int error = sys::write_file("/proc/self/gid_map", std::to_string(kInnerGid) + host); error != 0)
    return error;
  // A new user namespace gives its maker every capability in it.
  return barrier_up(Barrier::kNamespacePowers) ? drop_all_capabilities() : 0;
}

Status keep_launcher_capabilities() {
  if (!barrier_up(Barrier::kLauncherPowers)) return {};
  std::uint64_t mask = 0;
  for (const unsigned number : kKept) mask |= std::uint64_t{1} << number;
  // A container may have been started without some of them; what then fails says so.
  TRY(const std::uint64_t permitted, permitted_capabilities());
  // It says what exec may give. The launcher starts no program, and its children inherit the empty set: emptying it in
  // each of them would cost 60 us.
  int error = empty_bounding_set();
  if (error == 0) {
    error = set_capabilities({.permitted = (mask | kForCleanup) & permitted, .effective = mask & permitted});
  }
  if (error != 0) return fail(FailureKind::kFailed, sys::error_text("dropping capabilities", error));
  return {};
}

Status drop_launcher_capabilities() {
  int error = ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0 ? 0 : errno;
  if (error == 0) error = set_capabilities({});
  if (error == 0 && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) error = errno;
  if (error != 0) return fail(FailureKind::kFailed, sys::error_text("dropping capabilities", error));
  return {};
}

Status regain_cleanup_capability() {
  TRY(const std::uint64_t permitted, permitted_capabilities());
  const int error = set_capabilities({.permitted = permitted, .effective = permitted});
  if (error != 0) return fail(FailureKind::kFailed, sys::error_text("capset", error));
  return {};
}

}  // namespace hearth::launcher
