#include "outside_attempts.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <variant>

#include "launcher/protocol.h"
#include "world.h"

namespace hearth::security {
namespace {

std::string refused(World& world, const sandbox::BindMount& mount) {
  sandbox::SandboxSpec spec = world.spec({"list"});
  spec.mounts.push_back(mount);
  auto created = world.harness().create(std::move(spec));
  if (!created) return "held";
  const Inside ended(world.harness().loop(), std::move(*created));  // on the loop, as sandboxes must end
  return "broke: " + mount.source + " was mounted on " + mount.destination;
}

// A link in a folder of code, put there while nobody looked, that leads out of the launcher's folders.
std::string source_link(World& world) { return refused(world, {world.code_folder() + "/etc", "/opt/folder"}); }

// A link in a folder of code where the next mount is to go.
std::string destination_link(World& world) {
  return refused(world, {world.harness().source_folder() + "/other", "/opt/etc"});
}

std::string destination_elsewhere(World& world) {
  return refused(world, {world.harness().source_folder() + "/other", "/usr/lib"});
}

Result<launcher::Packet> next_packet(const UniqueFd& socket) {
  pollfd wait{.fd = socket.get(), .events = POLLIN, .revents = 0};
  ::poll(&wait, 1, 10'000);
  return launcher::receive_packet(socket.get());
}

// Other launchers that start on this machine take a dead one's cgroups for abandoned, unless they are locked.
std::vector<UniqueFd> lock_cgroups(const std::string& prefix) {
  std::vector<UniqueFd> locked;
  for (const std::string& path : Harness::cgroup_directories(prefix)) {
    UniqueFd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (directory && ::flock(directory.get(), LOCK_EX | LOCK_NB) == 0) locked.push_back(std::move(directory));
  }
  return locked;
}

// A launcher of its own, whose server does nothing: the real one would kill what is left.
std::string outlive_once(World& world, const std::string& prefix) {
  pid_t pid = -1;
  const UniqueFd socket = Harness::launch(prefix, world.harness().source_folder(), pid, world.harness().left_out());
  const sandbox::SandboxSpec spec = world.spec({});
  launcher::CreateMessage request;
  request.id = 1;
  request.name = "t";
  request.mounts = {{HEARTH_ATTACK_FOLDER, "/var/task"}};
  request.argv = {"/var/task/attack", "helper", "sleep"};
  request.working_directory = "/";
  request.memory_bytes = spec.memory.value;
  request.tmp_bytes = spec.tmp_size.value;
  request.tmp_inodes = spec.tmp_inodes;
  request.pids = 8;
  request.open_files = 64;
  const auto greeting = next_packet(socket);
  const bool asked = greeting && launcher::send_packet(socket.get(), *launcher::encode(request), {});
  auto packet = next_packet(socket);
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  const auto message = packet ? launcher::decode(packet->bytes) : fail(packet.error());
  if (!asked || !message) return "ended: its launcher did not answer";
  if (const auto* failed = std::get_if<launcher::FailedMessage>(&*message)) return "ended: " + failed->message;
  if (!std::holds_alternative<launcher::CreatedMessage>(*message)) return "ended: it did not start";
  const std::vector<UniqueFd> locked = lock_cgroups(prefix);
  // Its pidfd is the first descriptor, and readable when the first process is gone.
  const UniqueFd pidfd = std::move(packet->fds.front());
  pollfd gone{.fd = pidfd.get(), .events = POLLIN, .revents = 0};
  if (::poll(&gone, 1, 1000) == 1) return "held";
  ::syscall(SYS_pidfd_send_signal, pidfd.get(), SIGKILL, nullptr, 0);
  ::poll(&gone, 1, 10'000);
  return "broke: a sandbox goes on without its launcher";
}

// Locking comes a moment after the launcher's death: one survivor is enough.
std::string outlive_launcher(World& world) {
  std::string outcome = "ended";
  for (int i = 0; i < 3 && !outcome.starts_with("broke"); ++i) {
    const std::string once = outlive_once(world, world.harness().prefix() + "-dies" + std::to_string(i));
    if (!once.starts_with("ended") || outcome == "ended") outcome = once;
  }
  // One that starts and ends removes the cgroups of those that were killed.
  pid_t pid = -1;
  UniqueFd sweeper = Harness::launch(world.harness().prefix() + "-sweeps", world.harness().source_folder(), pid);
  const auto greeting = next_packet(sweeper);
  sweeper.reset();
  ::waitpid(pid, nullptr, 0);
  return greeting ? outcome : "ended: no launcher starts any more";
}

}  // namespace

const std::vector<OutsideAttempt>& outside_attempts() {
  static const std::vector<OutsideAttempt> attempts = {{"source_link", source_link},
                                                       {"destination_link", destination_link},
                                                       {"destination_elsewhere", destination_elsewhere},
                                                       {"outlive_launcher", outlive_launcher}};
  return attempts;
}

}  // namespace hearth::security
