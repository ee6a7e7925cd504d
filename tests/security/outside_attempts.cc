#include "outside_attempts.h"

#include <signal.h>

#include <chrono>
#include <filesystem>

#include "world.h"

namespace hearth::security {
namespace {

std::string refused(World& world, const sandbox::BindMount& mount) {
  sandbox::SandboxSpec spec = world.spec({"list"});
  spec.mounts.push_back(mount);
  const auto created = world.harness().create(std::move(spec));
  if (!created) return "held";
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

std::string outlive_launcher(World& world) {
  sandbox::SandboxSpec spec = world.spec({});
  spec.argv = {"/var/task/attack", "helper", "sleep"};
  const auto inside = world.harness().start(std::move(spec));
  if (inside == nullptr || inside->read_line() != "ready") return "ended: it did not start";
  world.harness().kill_launcher();
  // Its output ends when no process of it is left.
  const bool ended = inside->ends_within(std::chrono::milliseconds(1500));
  const std::string outcome = ended ? "held" : "broke: a sandbox goes on without its launcher";
  // The next launcher of this name removes what is left.
  world.harness().replace_launcher();
  return outcome;
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
