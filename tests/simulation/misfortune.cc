#include "misfortune.h"

#include <fmt/format.h>

#include <cerrno>
#include <csignal>
#include <utility>

namespace hearth::simulation {
namespace {

using namespace std::chrono_literals;

// Events expire six hours after they were accepted, by the wall clock: so often may it go ahead at most.
constexpr int kMostWallJumpsAhead = 3;
constexpr std::chrono::milliseconds kFurthestAhead = 20min;
constexpr std::chrono::milliseconds kFurthestBack = 90min;

}  // namespace

Misfortune::Misfortune(Random random, storage::FaultyDisk& files) : random_(random), files_(files) {
  for (std::uint8_t i = 0; i < kMishaps; ++i) {
    if (random_.one_in(2)) possible_.push_back(static_cast<Mishap>(i));
  }
}

void Misfortune::cease(Core& core, Machine machine) {
  files_.heal();
  machine.disk.health = SimulatedDisk::Health::kFine;
  machine.disk.slowest_sync = 2ms;
  machine.habits = {};
  core.launcher().restart();
  core.launcher().fail_one_in(0);
  core.launcher().be_slow(5ms);
}

net::Task<> Misfortune::strike(Core& core, Machine machine, const net::Gate& clients) {
  if (possible_.empty()) co_return;
  while (!clients.is_closed()) {
    const auto pause = random_.up_to(1500ms);
    co_await net::sleep_for(pause);
    if (clients.is_closed()) co_return;
    const Mishap mishap = random_.pick(possible_);
    co_await happen(mishap, core, machine);
  }
}

net::Task<> Misfortune::break_disk(SimulatedDisk::Health how, Machine machine) {
  machine.trace.note("misfortune", fmt::format("the disk breaks ({})", static_cast<int>(how)));
  machine.ledger.note_trouble();
  machine.disk.health = how;
  const auto lasts = random_.up_to(15s);
  co_await net::sleep_for(lasts);
  machine.disk.health = SimulatedDisk::Health::kFine;
  machine.ledger.note_trouble();
  machine.trace.note("misfortune", "the disk works again");
}

net::Task<> Misfortune::happen(Mishap mishap, Core& core, Machine machine) {
  const auto note = [&](std::string_view what) { machine.trace.note("misfortune", what); };
  switch (mishap) {
    case Mishap::kProcessEnds: {
      std::vector<SimulatedLauncher::Process> alive;
      for (const auto& process : core.launcher().processes()) {
        if (process->is_alive()) alive.push_back(process);
      }
      if (alive.empty()) co_return;
      const auto& chosen = random_.pick(alive);
      note("kills " + chosen->spec().name);
      chosen->exit({.code = 0, .signal = random_.one_in(2) ? SIGKILL : SIGSEGV, .oom_killed = random_.one_in(3)});
      co_return;
    }
    case Mishap::kLauncherDies: {
      core.launcher().die();
      const auto lasts = random_.up_to(3s);
      co_await net::sleep_for(lasts);
      core.launcher().restart();
      co_return;
    }
    case Mishap::kSandboxesFail: {
      note("sandboxes are slow to come and fail");
      core.launcher().fail_one_in(2);
      core.launcher().be_slow(4s);
      const auto lasts = random_.up_to(3s);
      co_await net::sleep_for(lasts);
      core.launcher().fail_one_in(0);
      core.launcher().be_slow(5ms);
      co_return;
    }
    case Mishap::kInitsFail: {
      note("inits fail");
      machine.habits = {.fails_one_in = 2, .slowest = 2s};
      const auto lasts = random_.up_to(3s);
      co_await net::sleep_for(lasts);
      machine.habits = {};
      co_return;
    }
    case Mishap::kDiskFails:
      co_return co_await break_disk(SimulatedDisk::Health::kFailing, machine);
    case Mishap::kDiskFull:
      co_return co_await break_disk(SimulatedDisk::Health::kFull, machine);
    case Mishap::kDiskHangs:
      co_return co_await break_disk(SimulatedDisk::Health::kHanging, machine);
    case Mishap::kDiskSlow: {
      note("the disk is slow");
      machine.disk.slowest_sync = 500ms;
      const auto lasts = random_.up_to(4s);
      co_await net::sleep_for(lasts);
      machine.disk.slowest_sync = 2ms;
      co_return;
    }
    case Mishap::kFilesFail: {
      note("package files cannot be written");
      const int error = random_.one_in(2) ? EIO : ENOSPC;
      const auto one_in = static_cast<std::uint64_t>(random_.between(1, 4));
      files_.set_rule([this, error, one_in](const storage::DiskCall&) { return random_.one_in(one_in) ? error : 0; });
      const auto lasts = random_.up_to(2s);
      co_await net::sleep_for(lasts);
      files_.heal();
      co_return;
    }
    case Mishap::kWallClockJumps: {
      const bool ahead = wall_jumps_ahead_ < kMostWallJumpsAhead && random_.one_in(2);
      const std::chrono::milliseconds by(random_.between(1, (ahead ? kFurthestAhead : kFurthestBack).count()));
      wall_jumps_ahead_ += ahead ? 1 : 0;
      note(fmt::format("the wall clock jumps by {} ms", ahead ? by.count() : -by.count()));
      machine.kernel.jump_wall(ahead ? by : -by);
      co_return;
    }
    case Mishap::kMachineStalls: {
      const auto by = random_.up_to(20s);
      note(fmt::format("the machine stalls for {} ms", by.count() / 1000));
      machine.kernel.leap(by);
      co_return;
    }
  }
}

}  // namespace hearth::simulation
