#include "launcher/machine.h"

#include <sys/prctl.h>
#include <sys/wait.h>

#include "launcher/base_root.h"
#include "launcher/identity.h"
#include "launcher/landlock.h"
#include "launcher/sys.h"

namespace hearth::launcher {
namespace {

// Runs `probe` in a child and returns its answer: 0 or an errno.
template <class Probe>
int try_in_child(Probe probe) {
  const pid_t pid = ::fork();
  if (pid < 0) return errno;
  if (pid == 0) ::_exit(probe() & 0xFF);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return errno;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : EFAULT;
}

std::string json_string(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(static_cast<unsigned char>(c) < 0x20 ? ' ' : c);
  }
  return out + "\"";
}

std::string json_list(const std::vector<std::string>& entries) {
  std::string out = "[";
  for (const std::string& entry : entries) {
    if (out.size() > 1) out += ",";
    out += json_string(entry);
  }
  return out + "]";
}

}  // namespace

Status check_landlock(Tier tier, int abi, Tenancy tenancy) {
  if (tier != Tier::kLandlock) return {};
  if (abi == 0) {
    return fail(
        FailureKind::kFailed,
        "this kernel has no Landlock, or forbids it to this process (Linux 5.13 or later has it, if `landlock` is "
        "in its list of security modules)");
  }
  if (abi >= kLandlockForSeveralOwners || tenancy == Tenancy::kSingle) return {};
  return fail(FailureKind::kFailed,
              "this kernel's Landlock (ABI " + std::to_string(abi) + ", ABI " +
                  std::to_string(kLandlockForSeveralOwners) +
                  " of Linux 6.12 is needed) cannot keep functions from signalling each other and the server" +
                  (abi < kLandlockPorts ? ", nor from connecting to any port" : "") +
                  ": use a newer kernel, or --unsafe-single-tenant if every function here is your own");
}

Result<Machine> probe_machine(Tier tier, Tenancy tenancy, const Cgroups& cgroups, uid_t some_host_uid) {
  constexpr int kNamespaces = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWCGROUP;
  if (tier != Tier::kLandlock) {
    if (const int error = try_in_child([] { return ::unshare(kNamespaces) == 0 ? 0 : errno; }); error != 0) {
      return fail(FailureKind::kFailed, sys::error_text("this machine does not let root make namespaces", error));
    }
  }
  Machine machine;
  machine.tier = tier;
  const bool limited = tier == Tier::kNamespace || cgroups.limits(Controller::kMemory);
  machine.memory_limit = limited ? Machine::MemoryLimit::kCgroup : Machine::MemoryLimit::kWatched;
  SeccompProfile profile;
  if (tier == Tier::kLandlock) profile.surroundings = SeccompProfile::Surroundings::kShared;
  if (!limited) profile.memory = SeccompProfile::Memory::kWatched;
  TRY(machine.filter, SeccompFilter::compile(profile));
  const int filtered = try_in_child([&] {
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
    return machine.filter.install();
  });
  if (filtered != 0) {
    return fail(FailureKind::kFailed, sys::error_text("this kernel does not take the system call filter", filtered));
  }
  machine.landlock_abi = landlock_abi();
  TRY_STATUS(check_landlock(tier, machine.landlock_abi, tenancy));
  if (tier == Tier::kLandlock) {
    for (const std::string& path : interpreter_folders()) {
      machine.interpreter_folders.emplace_back(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    }
    return machine;
  }
  machine.proc_masks = find_proc_masks();
  const int user_namespace = try_in_child([&] {
    const int error = tier == Tier::kNamespace ? become(some_host_uid) : 0;
    return error != 0 ? error : enter_user_namespace(some_host_uid);
  });
  if (tier == Tier::kUser && user_namespace != 0) {
    return fail(FailureKind::kFailed,
                sys::error_text("a user namespace inside of another cannot be made (sysctl user.max_user_namespaces)",
                                user_namespace));
  }
  machine.user_namespaces =
      user_namespace == 0 ? Machine::UserNamespaces::kAvailable : Machine::UserNamespaces::kForbidden;
  return machine;
}

namespace {

std::string seccomp_text(const Machine& machine) {
  return "seccomp allow-list (" + std::to_string(machine.filter.instruction_count()) + " instructions)";
}

void add_cgroups(HelloMessage& hello, const Machine& machine, const Cgroups& cgroups) {
  for (std::string& text : cgroups.mechanisms()) hello.mechanisms.push_back(std::move(text));
  if (machine.memory_limit == Machine::MemoryLimit::kWatched) {
    hello.mechanisms.emplace_back("memory limit (watched, 50 ms)");
  }
  for (std::string& text : cgroups.warnings()) hello.warnings.push_back(std::move(text));
}

HelloMessage describe_shared(const Machine& machine) {
  const int abi = machine.landlock_abi;
  HelloMessage hello;
  hello.tier = name_of(machine.tier);
  hello.mechanisms = {"landlock files (ABI " + std::to_string(abi) + ")"};
  if (abi >= kLandlockPorts) hello.mechanisms.emplace_back("landlock TCP ports");
  if (abi >= kLandlockScopes) hello.mechanisms.emplace_back("landlock scopes: signals, abstract sockets");
  hello.mechanisms.emplace_back("no capabilities, no new privileges");
  hello.mechanisms.push_back(seccomp_text(machine));
  hello.warnings.emplace_back(
      "without namespaces functions see the machine's own paths, process numbers and user; docs/sandbox.md says what "
      "that leaves open");
  if (abi < kLandlockScopes) {
    hello.warnings.emplace_back(
        "--unsafe-single-tenant: this kernel cannot keep functions from signalling each other, the server and whatever "
        "else this user runs");
  }
  if (abi < kLandlockPorts) {
    hello.warnings.emplace_back("--unsafe-single-tenant: this kernel lets functions connect to any TCP port");
  }
  return hello;
}

}  // namespace

HelloMessage describe(const Machine& machine, const Cgroups& cgroups) {
  HelloMessage hello;
  if (machine.tier == Tier::kLandlock) {
    hello = describe_shared(machine);
    add_cgroups(hello, machine, cgroups);
    return hello;
  }
  hello.tier = name_of(machine.tier);
  hello.mechanisms = {"namespaces: mount, pid, network, ipc, uts, cgroup"};
  if (machine.tier == Tier::kNamespace) hello.mechanisms.emplace_back("a host user id per sandbox");
  hello.mechanisms.insert(hello.mechanisms.end(),
                          {"no capabilities, no new privileges", "read-only root", seccomp_text(machine)});
  if (machine.user_namespaces == Machine::UserNamespaces::kAvailable) {
    hello.mechanisms.emplace_back("user namespace");
  } else {
    hello.warnings.emplace_back(
        "no user namespaces for unprivileged users: inside, the user is a number without a name");
  }
  if (machine.landlock_abi > 0) {
    hello.mechanisms.push_back("landlock (ABI " + std::to_string(machine.landlock_abi) + ")");
  } else {
    hello.warnings.emplace_back("no Landlock in this kernel: its second wall around files is missing");
  }
  add_cgroups(hello, machine, cgroups);
  return hello;
}

std::string to_json(const HelloMessage& hello) {
  return "{\"tier\":" + json_string(hello.tier) + ",\"mechanisms\":" + json_list(hello.mechanisms) +
         ",\"warnings\":" + json_list(hello.warnings) + "}";
}

}  // namespace hearth::launcher
