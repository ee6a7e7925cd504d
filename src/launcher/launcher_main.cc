// hearth-launcher: builds sandboxes for the server, with the privileges that takes. See README.md beside this file.

#include <linux/keyctl.h>
#include <sys/prctl.h>

#include <charconv>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "launcher/base_root.h"
#include "launcher/cgroups.h"
#include "launcher/identity.h"
#include "launcher/launcher.h"
#include "launcher/machine.h"
#include "launcher/network.h"
#include "launcher/sys.h"
#include "launcher/trial.h"

namespace hearth::launcher {
namespace {

constexpr int kUsage = 64;
constexpr int kCannotIsolate = 69;

struct Options {
  enum class Action : std::uint8_t { kServe, kDescribe } action = Action::kServe;
  int socket = -1;
  std::string prefix;
  std::vector<std::string> source_roots;
  std::size_t network_pool = 16;
  Tier tier = Tier::kNamespace;
  Tenancy tenancy = Tenancy::kSeveral;
  std::string scratch;
};

constexpr const char* kHelp =
    "usage: hearth-launcher --socket-fd N --prefix NAME --source-root DIR... [--tier NAME] [--network-pool N]\n"
    "       hearth-launcher --describe [--tier NAME]\n"
    "Started by `hearth serve`; builds sandboxes on request over the inherited socket N.\n"
    "  --prefix NAME       names the cgroups; one per server (letters, digits, - and _)\n"
    "  --source-root DIR   a folder that may be mounted into sandboxes; repeatable\n"
    "  --tier NAME         namespace (root), user, or landlock\n"
    "  --scratch DIR       landlock tier: where the folders for /tmp are made\n"
    "  --unsafe-single-tenant  landlock tier: also on kernels where functions can reach each other\n"
    "  --network-pool N    network namespaces and cgroups kept ready (16)\n"
    "  --describe          says as JSON what isolation this machine allows, and ends; also --self-test\n";

template <class T>
bool parse_number(std::string_view text, T& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

bool parse(const std::vector<std::string>& arguments, Options& options) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& name = arguments[i];
    if (name == "--describe" || name == "--self-test") {
      options.action = Options::Action::kDescribe;
      continue;
    }
    if (name == "--unsafe-single-tenant") {
      options.tenancy = Tenancy::kSingle;
      continue;
    }
    if (++i >= arguments.size()) return false;
    const std::string& value = arguments[i];
    bool good = true;
    if (name == "--socket-fd") {
      good = parse_number(value, options.socket) && options.socket > 2;
    } else if (name == "--prefix") {
      options.prefix = value;
      good = !value.empty() && value.size() <= 64 &&
             value.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == value.npos;
    } else if (name == "--source-root") {
      options.source_roots.push_back(value);
      good = value.starts_with('/');
    } else if (name == "--tier") {
      const std::optional<Tier> tier = parse_tier(value);
      options.tier = tier.value_or(Tier::kNamespace);
      good = tier.has_value();
    } else if (name == "--scratch") {
      options.scratch = value;
      good = value.starts_with('/');
    } else if (name == "--network-pool") {
      good = parse_number(value, options.network_pool) && options.network_pool <= 4096;
    } else {
      return false;
    }
    if (!good) return false;
  }
  if (options.action == Options::Action::kDescribe) {
    const std::string own_name = "describe-" + std::to_string(::getpid());
    if (options.prefix.empty()) options.prefix = own_name;
    if (options.scratch.empty()) options.scratch = "/tmp/hearth-" + own_name;
    return true;
  }
  return options.socket > 2 && !options.prefix.empty() && (options.tier != Tier::kLandlock || !options.scratch.empty());
}

int failed(const Error& error) {
  std::fprintf(stderr, "hearth-launcher: %s\n", error.message().c_str());
  return kCannotIsolate;
}

int print_description(const HelloMessage& hello) {
  std::printf("%s\n", to_json(hello).c_str());
  return 0;
}

// The namespace and user tiers: everything that needs more privileges than the loop keeps, in order.
int serve_own_trees(const Options& options) {
  const uid_t own_uid = ::geteuid();
  if (options.tier == Tier::kUser) {
    if (Status entered = enter_launcher_user_namespace(); !entered) return failed(entered.error());
  }
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  if (Status entered = enter_own_mount_namespace(); !entered) return failed(entered.error());
  auto sources = SourceRoots::open(options.source_roots);
  if (!sources) return failed(sources.error());
  // Named in the launcher's user namespace.
  auto uids = options.tier == Tier::kNamespace ? claim_uid_range()
                                               : Result<UidRange>(UidRange{.first = kInnerUid, .claim = {}});
  if (!uids) return failed(uids.error());
  if (Status built = build_base_root(); !built) return failed(built.error());
  // In our mount namespace: it may have to mount the v2 tree.
  auto cgroups =
      options.tier == Tier::kNamespace ? Cgroups::open(options.prefix) : Cgroups::open_delegated(options.prefix);
  if (!cgroups) return failed(cgroups.error());
  auto machine = probe_machine(options.tier, options.tenancy, *cgroups, uids->first);
  if (!machine) return failed(machine.error());
  machine->own_uid = own_uid;
  HelloMessage hello = describe(*machine, *cgroups);
  if (options.action == Options::Action::kDescribe) {
    if (Status tried = try_sandbox(*machine, *cgroups, uids->first); !tried) return failed(tried.error());
    return print_description(hello);
  }
  sources->forget_other_mounts();
  auto networks = NetworkPool::open(options.network_pool);
  if (!networks) return failed(networks.error());
  if (Status kept = keep_launcher_capabilities(); !kept) return failed(kept.error());
  const bool many_uids = options.tier == Tier::kNamespace;
  UidSlots slots = many_uids ? UidSlots(uids->first, kUidsPerRange) : UidSlots::same(uids->first, kUidsPerRange);
  const std::size_t spare_cgroups = cgroups->has_any() ? options.network_pool : 0;
  Launcher launcher(UniqueFd(options.socket), std::move(hello),
                    {.machine = std::move(*machine),
                     .cgroups = std::move(*cgroups),
                     .sources = std::move(*sources),
                     .networks = std::move(*networks),
                     .uids = std::move(slots),
                     .scratch = {},
                     .spare_cgroups = spare_cgroups});
  const int status = launcher.run();
  // The launcher's destructor removes its cgroups.
  if (Status regained = regain_cleanup_capability(); !regained) return failed(regained.error());
  return status;
}

// The landlock tier: no privilege is needed, so none is kept.
int serve_shared_tree(const Options& options) {
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  if (Status dropped = drop_launcher_capabilities(); !dropped) return failed(dropped.error());
  auto sources = SourceRoots::open(options.source_roots);
  if (!sources) return failed(sources.error());
  auto cgroups = Cgroups::open_delegated(options.prefix);
  if (!cgroups) return failed(cgroups.error());
  auto machine = probe_machine(options.tier, options.tenancy, *cgroups, ::geteuid());
  if (!machine) return failed(machine.error());
  machine->own_uid = ::geteuid();
  machine->scratch = options.scratch;
  HelloMessage hello = describe(*machine, *cgroups);
  auto scratch = ScratchRoot::open(options.scratch);
  if (!scratch) return failed(scratch.error());
  if (options.action == Options::Action::kDescribe) {
    Status tried = scratch->make(kTrialName);
    if (tried) tried = try_sandbox(*machine, *cgroups, ::geteuid());
    scratch->remove(kTrialName);
    if (options.scratch.starts_with("/tmp/")) ::rmdir(options.scratch.c_str());
    return tried ? print_description(hello) : failed(tried.error());
  }
  // Of sandboxes whose first process was killed, which no one can do from inside.
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) return kCannotIsolate;
  const std::size_t spare_cgroups = cgroups->has_any() ? options.network_pool : 0;
  Launcher launcher(UniqueFd(options.socket), std::move(hello),
                    {.machine = std::move(*machine),
                     .cgroups = std::move(*cgroups),
                     .sources = std::move(*sources),
                     .networks = NetworkPool::of_ports(),
                     .uids = UidSlots::same(::geteuid(), kUidsPerRange),
                     .scratch = std::move(*scratch),
                     .spare_cgroups = spare_cgroups});
  return launcher.run();
}

int serve(const Options& options) {
  // Sandboxes inherit the session keyring by clone: an empty one instead of the login's.
  ::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr);
  return options.tier == Tier::kLandlock ? serve_shared_tree(options) : serve_own_trees(options);
}

}  // namespace
}  // namespace hearth::launcher

int main(int argc, char** argv) {
  using namespace hearth::launcher;
  Options options;
  if (!parse(std::vector<std::string>(argv + 1, argv + argc), options)) {
    std::fputs(kHelp, stderr);
    return kUsage;
  }
  if (options.tier == Tier::kNamespace && ::geteuid() != 0) {
    std::fputs("hearth-launcher: the namespace tier needs root\n", stderr);
    return kCannotIsolate;
  }
  if (options.action == Options::Action::kServe) {
    // Keeps the socket out of whatever is started by mistake, and 0 to 2 as they are; all else inherited is closed.
    ::fcntl(options.socket, F_SETFD, FD_CLOEXEC);
    sys::close_range(3, static_cast<unsigned>(options.socket) - 1);
    sys::close_range(static_cast<unsigned>(options.socket) + 1, ~0U);
  }
  return serve(options);
}
