#include "launcher/landlock.h"

#include <linux/landlock.h>
#include <sys/stat.h>

#include <cstdint>

#include "launcher/sys.h"

namespace hearth::launcher {
namespace {

// Rights newer than Debian 12's kernel headers, by the ABI that brought them.
constexpr std::uint64_t kRefer = 1ULL << 13U;     // ABI 2
constexpr std::uint64_t kTruncate = 1ULL << 14U;  // ABI 3
constexpr std::uint64_t kIoctlDev = 1ULL << 15U;  // ABI 5
constexpr std::uint64_t kScopeAbstractUnixSocket = 1ULL << 0U;
constexpr std::uint64_t kScopeSignal = 1ULL << 1U;

struct RulesetAttributes {
  std::uint64_t handled_fs = 0;
  std::uint64_t handled_net = 0;
  std::uint64_t scoped = 0;
};
std::size_t attributes_size(int abi) {
  if (abi >= 6) return sizeof(RulesetAttributes);
  return abi >= 4 ? 2 * sizeof(std::uint64_t) : sizeof(std::uint64_t);
}

constexpr std::uint64_t kRead = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr std::uint64_t kChange = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                                  LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
                                  LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
                                  LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM;
constexpr std::uint64_t kNeverGranted = LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK;

struct Rule {
  const char* path;
  std::uint64_t rights;
};
constexpr Rule kRules[] = {
    {"/", kRead},
    {"/tmp", kRead | kChange | kRefer | kTruncate},
    {"/dev/shm", kRead | kChange | kRefer | kTruncate},
    {"/dev", kRead | LANDLOCK_ACCESS_FS_WRITE_FILE | kTruncate | kIoctlDev},
    {"/proc", kRead | LANDLOCK_ACCESS_FS_WRITE_FILE | kTruncate},
};

// What the machine offers to all in the landlock tier. Missing ones are skipped.
constexpr std::uint64_t kReadFile = LANDLOCK_ACCESS_FS_READ_FILE;
constexpr std::uint64_t kReadOnlyData = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr std::uint64_t kDevice = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | kTruncate | kIoctlDev;
constexpr Rule kSharedRules[] = {
    {"/usr", kRead},
    {"/bin", kRead},
    {"/sbin", kRead},
    {"/lib", kRead},
    {"/lib32", kRead},
    {"/lib64", kRead},
    {"/libx32", kRead},
    {"/etc/alternatives", kReadOnlyData},
    {"/etc/hosts", kReadFile},
    {"/etc/ld.so.cache", kReadFile},
    {"/etc/ld.so.conf", kReadFile},
    {"/etc/ld.so.conf.d", kReadOnlyData},
    {"/etc/localtime", kReadFile},
    {"/etc/mime.types", kReadFile},
    {"/etc/nsswitch.conf", kReadFile},
    {"/etc/os-release", kReadFile},
    {"/etc/pki/tls/certs", kReadOnlyData},
    {"/etc/protocols", kReadFile},
    {"/etc/services", kReadFile},
    {"/etc/ssl/certs", kReadOnlyData},
    {"/etc/ssl/openssl.cnf", kReadFile},
    {"/dev/null", kDevice},
    {"/dev/zero", kDevice},
    {"/dev/full", kDevice},
    {"/dev/random", kDevice},
    {"/dev/urandom", kDevice},
    // What runtimes ask about the machine. Of processes only one's own folder, added by confine_to().
    {"/proc/cpuinfo", kReadFile},
    {"/proc/filesystems", kReadFile},
    {"/proc/loadavg", kReadFile},
    {"/proc/meminfo", kReadFile},
    {"/proc/stat", kReadFile},
    {"/proc/uptime", kReadFile},
    {"/proc/version", kReadFile},
    {"/proc/sys/kernel/osrelease", kReadFile},
    {"/proc/sys/kernel/pid_max", kReadFile},
    {"/proc/sys/kernel/random", kReadOnlyData},
    {"/proc/sys/net/core/somaxconn", kReadFile},
    {"/proc/sys/vm/overcommit_memory", kReadFile},
    {"/sys/devices/system/cpu/online", kReadFile},
    {"/sys/devices/system/cpu/possible", kReadFile},
};
// What a rule on a file may name.
constexpr std::uint64_t kFileRights =
    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE | kTruncate | kIoctlDev;

constexpr std::uint64_t kBindTcp = 1ULL << 0U;
constexpr std::uint64_t kConnectTcp = 1ULL << 1U;
constexpr int kPortRule = 2;  // LANDLOCK_RULE_NET_PORT
struct PortRule {
  std::uint64_t allowed = 0;
  std::uint64_t port = 0;
};

std::uint64_t handled_files(int abi) {
  std::uint64_t rights = kRead | kChange | kNeverGranted;
  if (abi >= 2) rights |= kRefer;
  if (abi >= 3) rights |= kTruncate;
  if (abi >= 5) rights |= kIoctlDev;
  return rights;
}

int add_path(int ruleset, int path, std::uint64_t rights) {
  landlock_path_beneath_attr beneath{};
  beneath.allowed_access = rights;
  beneath.parent_fd = path;
  return ::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) == 0 ? 0 : errno;
}

int create(const RulesetAttributes& attributes, int abi, UniqueFd& ruleset) {
  ruleset.reset(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, attributes_size(abi), 0)));
  return ruleset ? 0 : errno;
}

int restrict_self(int ruleset) { return ::syscall(SYS_landlock_restrict_self, ruleset, 0) == 0 ? 0 : errno; }

std::uint64_t rights_for(int path, std::uint64_t rights) {
  struct stat status{};
  return ::fstat(path, &status) == 0 && S_ISDIR(status.st_mode) ? rights : rights & kFileRights;
}

}  // namespace

int landlock_abi() {
  const long abi = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return abi < 0 ? 0 : static_cast<int>(abi);
}

int confine_with_landlock(int abi) {
  if (abi == 0) return 0;
  RulesetAttributes attributes{.handled_fs = handled_files(abi)};
  if (abi >= kLandlockScopes) attributes.scoped = kScopeAbstractUnixSocket | kScopeSignal;
  UniqueFd ruleset;
  if (const int error = create(attributes, abi, ruleset); error != 0) return error;
  for (const Rule& rule : kRules) {
    const UniqueFd path(::open(rule.path, O_PATH | O_CLOEXEC));
    if (!path) return errno;
    if (const int error = add_path(ruleset.get(), path.get(), rule.rights & attributes.handled_fs); error != 0) {
      return error;
    }
  }
  return restrict_self(ruleset.get());
}

int make_shared_tree_ruleset(int abi, const SharedTreeAccess& access, UniqueFd& ruleset) {
  RulesetAttributes attributes{.handled_fs = handled_files(abi)};
  if (abi >= kLandlockPorts) attributes.handled_net = kBindTcp | kConnectTcp;
  if (abi >= kLandlockScopes) attributes.scoped = kScopeAbstractUnixSocket | kScopeSignal;
  if (const int error = create(attributes, abi, ruleset); error != 0) return error;
  const auto allow = [&](int path, std::uint64_t rights) {
    return add_path(ruleset.get(), path, rights_for(path, rights & attributes.handled_fs));
  };
  for (const Rule& rule : kSharedRules) {
    const UniqueFd path(::open(rule.path, O_PATH | O_CLOEXEC));
    if (!path) continue;
    if (const int error = allow(path.get(), rule.rights); error != 0) return error;
  }
  for (const int path : access.readable) {
    if (const int error = allow(path, kRead); error != 0) return error;
  }
  const UniqueFd tmp(::open(access.tmp.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!tmp) return errno;
  if (const int error = allow(tmp.get(), kRead | kChange | kRefer | kTruncate); error != 0) return error;
  if (abi < kLandlockPorts) return 0;
  for (const std::uint16_t port : access.ports) {
    const PortRule rule{.allowed = kConnectTcp, .port = port};
    if (::syscall(SYS_landlock_add_rule, ruleset.get(), kPortRule, &rule, 0) != 0) return errno;
  }
  return 0;
}

int confine_to(int ruleset) {
  const UniqueFd own(::open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!own) return errno;
  if (const int error = add_path(ruleset, own.get(), kReadOnlyData); error != 0) return error;
  return restrict_self(ruleset);
}

int close_scope(int abi) {
  if (abi < kLandlockScopes) return 0;
  UniqueFd ruleset;
  const RulesetAttributes attributes{.scoped = kScopeAbstractUnixSocket | kScopeSignal};
  if (const int error = create(attributes, abi, ruleset); error != 0) return error;
  return restrict_self(ruleset.get());
}

}  // namespace hearth::launcher
