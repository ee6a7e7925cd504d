#include "launcher/landlock.h"

#include <linux/landlock.h>

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

}  // namespace

int landlock_abi() {
  const long abi = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return abi < 0 ? 0 : static_cast<int>(abi);
}

int confine_with_landlock(int abi) {
  if (abi == 0) return 0;
  RulesetAttributes attributes;
  attributes.handled_fs = kRead | kChange | kNeverGranted;
  if (abi >= 2) attributes.handled_fs |= kRefer;
  if (abi >= 3) attributes.handled_fs |= kTruncate;
  if (abi >= 5) attributes.handled_fs |= kIoctlDev;
  if (abi >= 6) attributes.scoped = kScopeAbstractUnixSocket | kScopeSignal;

  const UniqueFd ruleset(
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, attributes_size(abi), 0)));
  if (!ruleset) return errno;
  for (const Rule& rule : kRules) {
    const UniqueFd path(::open(rule.path, O_PATH | O_CLOEXEC));
    if (!path) return errno;
    landlock_path_beneath_attr beneath{};
    beneath.allowed_access = rule.rights & attributes.handled_fs;
    beneath.parent_fd = path.get();
    if (::syscall(SYS_landlock_add_rule, ruleset.get(), LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) != 0) return errno;
  }
  return ::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) == 0 ? 0 : errno;
}

}  // namespace hearth::launcher
