#include "launcher/machine.h"

#include <sys/wait.h>

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

Result<Machine> probe_machine(uid_t some_host_uid) {
  constexpr int kNamespaces = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWCGROUP;
  if (const int error = try_in_child([] { return ::unshare(kNamespaces) == 0 ? 0 : errno; }); error != 0) {
    return fail(FailureKind::kFailed, sys::error_text("this machine does not let root make namespaces", error));
  }
  Machine machine;
  TRY(machine.filter, SeccompFilter::compile());
  if (const int error = try_in_child([&] { return machine.filter.install(); }); error != 0) {
    return fail(FailureKind::kFailed, sys::error_text("this kernel does not take the system call filter", error));
  }
  machine.proc_masks = find_proc_masks();
  machine.landlock_abi = landlock_abi();
  const int user_namespace = try_in_child([&] {
    const int error = become(some_host_uid);
    return error != 0 ? error : enter_user_namespace(some_host_uid);
  });
  machine.user_namespaces =
      user_namespace == 0 ? Machine::UserNamespaces::kAvailable : Machine::UserNamespaces::kForbidden;
  return machine;
}

HelloMessage describe(const Machine& machine, const Cgroups& cgroups) {
  HelloMessage hello;
  hello.mechanisms = {"namespaces: mount, pid, network, ipc, uts, cgroup", "a host user id per sandbox",
                      "no capabilities, no new privileges", "read-only root",
                      "seccomp allow-list (" + std::to_string(machine.filter.instruction_count()) + " instructions)"};
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
  for (std::string& text : cgroups.mechanisms()) hello.mechanisms.push_back(std::move(text));
  for (std::string& text : cgroups.warnings()) hello.warnings.push_back(std::move(text));
  return hello;
}

std::string to_json(const HelloMessage& hello) {
  return "{\"tier\":\"namespace\",\"mechanisms\":" + json_list(hello.mechanisms) +
         ",\"warnings\":" + json_list(hello.warnings) + "}";
}

}  // namespace hearth::launcher
