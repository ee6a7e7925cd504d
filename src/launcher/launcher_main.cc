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
};

constexpr const char* kHelp =
    "usage: hearth-launcher --socket-fd N --prefix NAME --source-root DIR... [--network-pool N]\n"
    "       hearth-launcher --describe\n"
    "Started by `hearth serve`; builds sandboxes on request over the inherited socket N.\n"
    "  --prefix NAME       names the cgroups; one per server (letters, digits, - and _)\n"
    "  --source-root DIR   a folder that may be mounted into sandboxes; repeatable\n"
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
    } else if (name == "--network-pool") {
      good = parse_number(value, options.network_pool) && options.network_pool <= 4096;
    } else {
      return false;
    }
    if (!good) return false;
  }
  if (options.action == Options::Action::kDescribe) {
    if (options.prefix.empty()) options.prefix = "describe-" + std::to_string(::getpid());
    return true;
  }
  return options.socket > 2 && !options.prefix.empty();
}

int failed(const Error& error) {
  std::fprintf(stderr, "hearth-launcher: %s\n", error.message().c_str());
  return kCannotIsolate;
}

// Everything that needs more privileges than the loop keeps, in order.
int serve(const Options& options) {
  // Sandboxes inherit the session keyring by clone: an empty one instead of the login's.
  ::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr);
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);

  if (Status entered = enter_own_mount_namespace(); !entered) return failed(entered.error());
  auto sources = SourceRoots::open(options.source_roots);
  if (!sources) return failed(sources.error());
  auto uids = claim_uid_range();
  if (!uids) return failed(uids.error());
  if (Status built = build_base_root(); !built) return failed(built.error());
  auto machine = probe_machine(uids->first);
  if (!machine) return failed(machine.error());
  auto cgroups = Cgroups::open(options.prefix);  // in our mount namespace: it may have to mount the v2 tree
  if (!cgroups) return failed(cgroups.error());
  HelloMessage hello = describe(*machine, *cgroups);
  if (options.action == Options::Action::kDescribe) {
    std::printf("%s\n", to_json(hello).c_str());
    return 0;
  }
  sources->forget_other_mounts();
  auto networks = NetworkPool::open(options.network_pool);
  if (!networks) return failed(networks.error());
  if (Status kept = keep_launcher_capabilities(); !kept) return failed(kept.error());
  Launcher launcher(UniqueFd(options.socket), std::move(hello), std::move(*machine), std::move(*cgroups),
                    std::move(*sources), std::move(*networks), UidSlots(uids->first, kUidsPerRange),
                    options.network_pool);
  const int status = launcher.run();
  // The launcher's destructor removes its cgroups.
  if (Status regained = regain_cleanup_capability(); !regained) return failed(regained.error());
  return status;
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
  if (::geteuid() != 0) {
    std::fputs("hearth-launcher: building sandboxes needs root\n", stderr);
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
