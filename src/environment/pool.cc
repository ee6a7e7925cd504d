#include "environment/pool.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <map>
#include <utility>

#include "base/check.h"

namespace hearth::environment {
namespace {

constexpr std::size_t kKnownSnapshots = 4096;
constexpr std::chrono::milliseconds kMemoryFreshFor{20};

std::string group_name(const functions::FunctionVersion& function) {
  return function.key.account + '/' + function.key.region + '/' + function.key.name + '/' + function.version + '/' +
         std::to_string(function.generation);
}

}  // namespace

ByteCount available_host_memory() {
  std::ifstream meminfo("/proc/meminfo");
  std::string name;
  std::uint64_t kib = 0;
  while (meminfo >> name >> kib) {
    if (name == "MemAvailable:") return ByteCount::kib(kib);
    meminfo.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return {std::numeric_limits<std::uint64_t>::max()};  // unknown: no limit from here
}

bool EnvironmentCount::try_add(std::uint32_t limit) {
  std::uint32_t alive = alive_;
  do {
    if (alive >= limit) return false;
  } while (!alive_.compare_exchange_weak(alive, alive + 1));
  return true;
}

Pool::Pool(EnvironmentParts parts, EnvironmentTimes times, PoolLimits limits, AvailableMemory available_memory,
           std::shared_ptr<EnvironmentCount> count)
    : parts_(std::move(parts)),
      times_(times),
      limits_(limits),
      available_memory_(std::move(available_memory)),
      count_(std::move(count)),
      gate_(parts_.loop) {}

Pool::~Pool() = default;

// --- groups ---------------------------------------------------------------------------------------------------------

Group& Pool::group(const functions::FunctionSnapshot& function) {
  if (const auto known = by_snapshot_.find(function.get()); known != by_snapshot_.end()) return *known->second;
  std::shared_ptr<Group>& group = groups_[group_name(*function)];
  if (!group) {
    group = std::make_shared<Group>();
    group->function = function;
  }
  by_snapshot_[function.get()] = group;
  known_snapshots_.push_back(function);
  if (known_snapshots_.size() > kKnownSnapshots) {
    by_snapshot_.erase(known_snapshots_.front().get());
    known_snapshots_.pop_front();
  }
  return *group;
}

Group* Pool::find_group(const functions::FunctionSnapshot& function) {
  const auto known = groups_.find(group_name(*function));
  return known == groups_.end() ? nullptr : known->second.get();
}

void Pool::forget_if_unused(const std::shared_ptr<Group>& group) {
  if (!group->stale || group->total > 0 || !group->waiting.empty()) return;
  std::erase_if(by_snapshot_, [&](const auto& entry) { return entry.second == group; });
  std::erase_if(known_snapshots_, [&](const auto& snapshot) { return !by_snapshot_.contains(snapshot.get()); });
  groups_.erase(group_name(*group->function));
}

Pool::Member& Pool::member(const Environment& environment) {
  const auto found = members_.find(&environment);
  HEARTH_CHECK(found != members_.end(), "environment " + environment.id() + " is not in the pool");
  return found->second;
}

void Pool::move(Member& member, Place to) {
  Group& group = *member.group;
  switch (member.place) {
    case Place::kStarting:
      --group.starting;
      break;
    case Place::kFinishing:
      --group.finishing;
      break;
    case Place::kIdle:
      std::erase(group.idle, member.environment.get());
      break;
    case Place::kBusy:
      break;
  }
  member.place = to;
  switch (to) {
    case Place::kStarting:
      ++group.starting;
      break;
    case Place::kFinishing:
      ++group.finishing;
      break;
    case Place::kIdle:
      group.idle.push_back(member.environment.get());
      break;
    case Place::kBusy:
      break;
  }
}

// --- giving and starting --------------------------------------------------------------------------------------------

bool Pool::try_run(Group& group, const std::shared_ptr<Invocation>& invocation) {
  HEARTH_CHECK(parts_.loop.on_thread());
  while (!group.idle.empty()) {
    Member& newest = member(*group.idle.back());
    const std::shared_ptr<Environment> environment = newest.environment;
    move(newest, Place::kBusy);
    if (environment->run(invocation)) return true;
    environment->end();  // not idle after all: of no use
  }
  return false;
}

Status Pool::start(Group& group) {
  HEARTH_CHECK(parts_.loop.on_thread());
  if (gate_.is_closed()) return fail(ErrorKind::kNoCapacity, "the server is stopping");
  TRY_STATUS(take_place());
  auto environment =
      std::make_shared<Environment>(parts_, times_, gate_, static_cast<EnvironmentOwner&>(*this), group.function);
  Member entry;
  entry.environment = environment;
  entry.group = groups_.at(group_name(*group.function));
  entry.place = Place::kBusy;
  entry.number = started_++;
  Member& added = members_[environment.get()] = std::move(entry);
  ++group.total;
  move(added, Place::kStarting);
  if (group.stale) environment->retire();
  environment->start();
  return {};
}

// Counts one more environment, ending idle ones to make room for it.
Status Pool::take_place() {
  while (!count_->try_add(limits_.environments)) {
    if (!end_longest_idle()) {
      return fail(ErrorKind::kNoCapacity,
                  "this host runs " + std::to_string(limits_.environments) + " environments, its limit");
    }
  }
  const Status room = make_room();
  if (!room) count_->remove();
  return room;
}

Status Pool::make_room() {
  while (memory_left() < limits_.keep_free) {
    if (!end_longest_idle()) {
      return fail(ErrorKind::kNoCapacity, "this host has no memory left for another environment");
    }
    memory_left_read_at_ = SteadyTime::min();
  }
  return {};
}

bool Pool::end_longest_idle() {
  HEARTH_CHECK(parts_.loop.on_thread());
  Environment* const oldest = longest_idle();
  if (oldest == nullptr) return false;
  oldest->end();
  return true;
}

Environment* Pool::longest_idle() const {
  Environment* oldest = nullptr;
  for (const auto& [name, group] : groups_) {
    if (group->idle.empty()) continue;
    Environment* const candidate = group->idle.front();
    if (oldest == nullptr || candidate->idle_since() < oldest->idle_since()) oldest = candidate;
  }
  return oldest;
}

ByteCount Pool::memory_left() {
  const SteadyTime now = parts_.clock.steady_now();
  if (memory_left_read_at_ == SteadyTime::min() || now - memory_left_read_at_ >= kMemoryFreshFor) {
    memory_left_ = available_memory_();
    memory_left_read_at_ = now;
  }
  return memory_left_;
}

// --- what environments tell -----------------------------------------------------------------------------------------

void Pool::on_idle(Environment& environment) {
  Member& entry = member(environment);
  const std::shared_ptr<Group> group = entry.group;
  move(entry, Place::kBusy);
  listener_->on_idle(*group, environment);
  if (environment.state() != State::kIdle) return;  // it got work, or ended
  if (environment.is_retiring()) {
    environment.end();
  } else {
    move(member(environment), Place::kIdle);
  }
}

void Pool::on_finishing(Environment& environment) { move(member(environment), Place::kFinishing); }

void Pool::on_init_failed(Environment& environment) {
  Member& entry = member(environment);
  const std::shared_ptr<Group> group = entry.group;
  move(entry, Place::kBusy);
  listener_->on_init_failed(*group, environment);
}

void Pool::on_start_failed(Environment& environment, const Error& error) {
  Member& entry = member(environment);
  const std::shared_ptr<Group> group = entry.group;
  move(entry, Place::kBusy);
  listener_->on_start_failed(*group, error);
}

void Pool::on_reclaimable(Environment& environment) { environment.end(); }

void Pool::on_dead(Environment& environment) {
  Member& entry = member(environment);
  const std::shared_ptr<Group> group = entry.group;
  move(entry, Place::kBusy);
  members_.erase(&environment);
  count_->remove();
  --group->total;
  listener_->on_gone(*group);
  forget_if_unused(group);
}

// --- replacing and stopping -----------------------------------------------------------------------------------------

void Pool::on_function_changed(const functions::FunctionKey& key,
                               const std::vector<functions::FunctionSnapshot>& runnable) {
  HEARTH_CHECK(parts_.loop.on_thread());
  std::vector<std::shared_ptr<Group>> touched;
  for (const auto& [name, group] : groups_) {
    if (group->function->key != key) continue;
    group->stale = std::none_of(runnable.begin(), runnable.end(), [&](const functions::FunctionSnapshot& version) {
      return version->generation == group->function->generation;
    });
    if (group->stale) touched.push_back(group);
  }
  std::map<std::uint64_t, std::shared_ptr<Environment>> retiring;  // in the order of their starts, not of addresses
  for (const auto& [environment, entry] : members_) {
    if (entry.group->stale && entry.group->function->key == key) retiring.emplace(entry.number, entry.environment);
  }
  for (const auto& [number, environment] : retiring) environment->retire();
  for (const auto& group : touched) forget_if_unused(group);
}

void Pool::end_all() {
  HEARTH_CHECK(parts_.loop.on_thread());
  for (const auto& [name, group] : groups_) {
    for (const auto& invocation : std::exchange(group->waiting, {})) {
      invocation->complete(fail(ErrorKind::kUnavailable, "the environments were ended"));
    }
  }
  std::map<std::uint64_t, std::shared_ptr<Environment>> all;
  for (const auto& [environment, entry] : members_) all.emplace(entry.number, entry.environment);
  for (const auto& [number, environment] : all) environment->end();
}

net::Task<> Pool::stop() {
  end_all();  // first: what they wrote is stored by tasks of the gate
  gate_.close();
  co_await gate_.drained();
  // Sandboxes and doors of ended environments are destroyed in a later turn; let that turn come.
  co_await net::sleep_for(std::chrono::milliseconds(0));
}

PoolCounts Pool::counts() const {
  PoolCounts counts{started_, static_cast<std::uint32_t>(members_.size()), 0};
  for (const auto& [name, group] : groups_) counts.idle += static_cast<std::uint32_t>(group->idle.size());
  return counts;
}

}  // namespace hearth::environment
