#pragma once
// Pool: all execution environments of this host, by function version.
//
// Gives out idle ones newest-used first, so that the oldest may fall idle long enough to be reclaimed; starts new ones
// within the host's limits, ending the longest-idle one of any function to make room; replaces those of a changed
// function without disturbing what runs. Who waits for an environment is decided above, in invocation/placement.h,
// which listens here.
//
// Path: invocation/placement.cc -> here -> environment.h        Tests: pool_test.cc

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "environment/environment.h"
#include "functions/function.h"
#include "net/gate.h"

namespace hearth::environment {

struct PoolLimits {
  std::uint32_t environments = 1000;          // in all, of all pools that share a count
  ByteCount keep_free = ByteCount::mib(256);  // host memory that starting one must leave
};

// How many environments the pools of this host have together. Thread: any.
class EnvironmentCount {
 public:
  // False, with nothing counted, if there are `limit` already.
  bool try_add(std::uint32_t limit);
  void remove() { --alive_; }
  std::uint32_t alive() const { return alive_; }

 private:
  std::atomic<std::uint32_t> alive_ = 0;
};

// The environments of one function version in one generation of its code and configuration.
struct Group {
  functions::FunctionSnapshot function;
  std::vector<Environment*> idle;  // newest-used last
  std::uint32_t starting = 0;      // will become idle or fail
  std::uint32_t finishing = 0;     // answered, will become idle in a moment
  std::uint32_t total = 0;
  bool stale = false;                               // a newer generation exists, or the function is gone
  std::deque<std::shared_ptr<Invocation>> waiting;  // placement's
};

// Calls come from inside the pool's and the environments' calls.
class PoolListener {
 public:
  virtual ~PoolListener() = default;
  // An environment is idle: run() an invocation in it, or leave it.
  virtual void on_idle(Group& group, Environment& environment) = 0;
  // Its init failed with no invocation: rerun() it with one, or leave it to end.
  virtual void on_init_failed(Group& group, Environment& environment) = 0;
  // One that was started will not come.
  virtual void on_start_failed(Group& group, const Error& error) = 0;
  // One is gone.
  virtual void on_gone(Group& group) = 0;
};

struct PoolCounts {
  std::uint64_t started = 0;  // since the beginning
  std::uint32_t alive = 0;
  std::uint32_t idle = 0;
};

// Thread: the loop's. Lifetime: what it is built with outlives it; stop() was awaited before it goes.
class Pool final : private EnvironmentOwner {
 public:
  using AvailableMemory = std::function<ByteCount()>;  // of the host
  // `count` is shared with the other pools of this host, if there are any.
  Pool(EnvironmentParts parts, EnvironmentTimes times, PoolLimits limits, AvailableMemory available_memory,
       std::shared_ptr<EnvironmentCount> count = std::make_shared<EnvironmentCount>());
  ~Pool() override;
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // Once, before anything is started. `listener` outlives the pool's use.
  void listen(PoolListener& listener) { listener_ = &listener; }

  // The group of a function version; the reference holds while `function` has environments, waiting invocations, or is
  // the newest generation.
  Group& group(const functions::FunctionSnapshot& function);
  // nullptr if there is no such group now.
  Group* find_group(const functions::FunctionSnapshot& function);
  // Runs `invocation` in the newest-used idle environment. False, with nothing touched, if there is none.
  bool try_run(Group& group, const std::shared_ptr<Invocation>& invocation);
  // Begins to start one. Errors: kNoCapacity.
  Status start(Group& group);

  // Replaces environments of `key` other than those of `runnable` versions. What runs goes on to its end.
  void on_function_changed(const functions::FunctionKey& key, const std::vector<functions::FunctionSnapshot>& runnable);
  // Ends the longest-idle environment, of whatever function. False if none is idle.
  bool end_longest_idle();
  // Ends everything now; invocations are answered with kUnavailable.
  void end_all();
  // Ends everything and waits until nothing runs in the background.
  net::Task<> stop();

  PoolCounts counts() const;

 private:
  enum class Place : std::uint8_t { kStarting, kIdle, kBusy, kFinishing };
  struct Member {
    std::shared_ptr<Environment> environment;
    std::shared_ptr<Group> group;
    Place place = Place::kStarting;
    std::uint64_t number = 0;  // how many were started before it
  };

  void on_idle(Environment& environment) override;
  void on_finishing(Environment& environment) override;
  void on_init_failed(Environment& environment) override;
  void on_start_failed(Environment& environment, const Error& error) override;
  void on_reclaimable(Environment& environment) override;
  void on_dead(Environment& environment) override;

  Member& member(const Environment& environment);
  void move(Member& member, Place to);
  void forget_if_unused(const std::shared_ptr<Group>& group);
  Status take_place();
  Status make_room();
  Environment* longest_idle() const;
  ByteCount memory_left();

  const EnvironmentParts parts_;
  const EnvironmentTimes times_;
  const PoolLimits limits_;
  const AvailableMemory available_memory_;
  const std::shared_ptr<EnvironmentCount> count_;
  PoolListener* listener_ = nullptr;
  net::Gate gate_;
  std::unordered_map<const Environment*, Member> members_;
  // By content, and by every snapshot known to mean that content: the warm path compares pointers only.
  std::unordered_map<std::string, std::shared_ptr<Group>> groups_;
  std::unordered_map<const functions::FunctionVersion*, std::shared_ptr<Group>> by_snapshot_;
  std::deque<functions::FunctionSnapshot> known_snapshots_;  // keeps the pointers above from being reused
  std::uint64_t started_ = 0;
  ByteCount memory_left_;
  SteadyTime memory_left_read_at_ = SteadyTime::min();
};

// MemAvailable of this host.
ByteCount available_host_memory();

}  // namespace hearth::environment
