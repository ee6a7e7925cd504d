#pragma once
// Misfortune: what goes wrong around the server, and when; all from the seed.

#include <cstdint>
#include <vector>

#include "core.h"
#include "random.h"
#include "storage/faulty_disk.h"

namespace hearth::simulation {

// Each seed knows only some kinds, so that rare ones are not always drowned by frequent ones.
enum class Mishap : std::uint8_t {
  kProcessEnds,
  kLauncherDies,
  kSandboxesFail,
  kInitsFail,
  kDiskFails,
  kDiskFull,
  kDiskHangs,
  kDiskSlow,
  kFilesFail,
  kWallClockJumps,
  kMachineStalls,
};
inline constexpr std::uint8_t kMishaps = 11;

// Lives through all lives of a story.
class Misfortune {
 public:
  Misfortune(Random random, storage::FaultyDisk& files);

  // Strikes at `core` again and again while `clients` is open. `this` and `core` outlive the task.
  net::Task<> strike(Core& core, Machine machine, const net::Gate& clients);
  // Everything works again.
  void cease(Core& core, Machine machine);

 private:
  net::Task<> happen(Mishap mishap, Core& core, Machine machine);
  net::Task<> break_disk(SimulatedDisk::Health how, Machine machine);

  Random random_;
  storage::FaultyDisk& files_;
  std::vector<Mishap> possible_;
  int wall_jumps_ahead_ = 0;
};

}  // namespace hearth::simulation
