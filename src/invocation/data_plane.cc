#include "invocation/data_plane.h"

#include <optional>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "net/loop_thread.h"
#include "net/run_there.h"

namespace hearth::invocation {

// One loop's share: its own pool, placement and doors. Built on the control thread before its loop runs, then used on
// its loop alone.
class DataPlane::Instance final : private Neighbours {
 public:
  // On the control loop.
  Instance(DataPlane& plane, const DataPlaneParts& parts)
      : plane_(plane),
        loop_(parts.control.loop),
        pool_(parts.control, parts.times, parts.limits, parts.available_memory, plane.environments_),
        placement_(pool_, parts.control.alarms, parts.control.clock),
        runner_(loop_, placement_, *this, parts.control.clock) {}
  // On a loop of its own.
  Instance(DataPlane& plane, const DataPlaneParts& parts, std::unique_ptr<net::LoopThread> thread)
      : plane_(plane),
        thread_(std::move(thread)),
        loop_(thread_->loop()),
        doors_(parts.distant_doors(loop_)),
        distant_(std::in_place, loop_, parts.control, *doors_),
        pool_(distant_->parts(), parts.times, parts.limits, parts.available_memory, plane.environments_),
        placement_(pool_, distant_->parts().alarms, parts.control.clock),
        runner_(loop_, placement_, *this, parts.control.clock) {}

  net::Loop& loop() { return loop_; }
  environment::Pool& pool() { return pool_; }
  Runner& runner() { return runner_; }

  void start() {
    if (thread_) thread_->start();
  }
  net::Task<bool> stop_pool() {
    co_await pool_.stop();
    co_return true;
  }
  net::Task<bool> end_environments() {
    pool_.end_all();
    co_return true;
  }
  net::Task<Numbers> numbers() {
    const environment::PoolCounts counts = pool_.counts();
    co_return Numbers{.runs = runner_.counts(),
                      .throttles = 0,
                      .environments_started = counts.started,
                      .environments_idle = counts.idle,
                      .loops = loop_.stats()};
  }
  net::Task<bool> end_longest_idle() { co_return pool_.end_longest_idle(); }
  // The last that happens on the loop: nothing is left behind that others wait for.
  net::Task<bool> leave() {
    if (distant_) distant_->logs().flush();
    co_return true;
  }
  void join() {
    if (thread_) thread_->stop();
  }

 private:
  net::Task<bool> make_room() override {
    for (const auto& other : plane_.instances_) {
      if (other.get() == this) continue;
      auto end = [neighbour = other.get()] { return neighbour->end_longest_idle(); };
      const bool ended = co_await net::run_there(loop_, other->loop_, std::move(end));
      if (ended) co_return true;
    }
    co_return false;
  }

  DataPlane& plane_;                         // of which only what never changes after start() is read
  std::unique_ptr<net::LoopThread> thread_;  // none: on the control loop
  net::Loop& loop_;
  std::unique_ptr<environment::Doors> doors_;
  std::optional<environment::DistantParts> distant_;
  environment::Pool pool_;
  Placement placement_;
  Runner runner_;
};

// Counts an invocation that has no answer yet.
class DataPlane::UnderWay {
 public:
  explicit UnderWay(DataPlane& plane) : plane_(plane) { ++plane_.under_way_; }
  ~UnderWay() {
    if (--plane_.under_way_ == 0 && plane_.stopped_) plane_.all_answered_.set(true);
  }
  UnderWay(const UnderWay&) = delete;
  UnderWay& operator=(const UnderWay&) = delete;

 private:
  DataPlane& plane_;
};

DataPlane::DataPlane(DataPlaneParts parts, std::uint32_t loops)
    : control_(parts.control.loop),
      pool_(parts.pool),
      intake_(parts.functions, parts.admission),
      all_answered_(parts.control.loop.executor()) {
  HEARTH_CHECK(loops > 0);
  instances_.push_back(std::make_unique<Instance>(*this, parts));
  while (instances_.size() < loops) {
    auto thread = std::make_unique<net::LoopThread>(parts.control.clock);
    instances_.push_back(std::make_unique<Instance>(*this, parts, std::move(thread)));
  }
}

DataPlane::~DataPlane() {
  for (const auto& instance : instances_) instance->join();
}

void DataPlane::start() {
  for (const auto& instance : instances_) instance->start();
}

std::size_t DataPlane::instance_of(const functions::FunctionKey& key) const {
  if (instances_.size() == 1) return 0;
  constexpr std::hash<std::string_view> kHash;
  // The name is what differs most; the rest keeps namesakes of several accounts apart.
  return (kHash(key.name) ^ (kHash(key.account) * 31) ^ (kHash(key.region) * 17)) % instances_.size();
}

net::Task<Result<InvokeOutcome>> DataPlane::invoke(InvokeRequest request) {
  HEARTH_CHECK(control_.on_thread());
  if (stopped_) co_return fail(ErrorKind::kUnavailable, "the server is stopping");
  const UnderWay under_way(*this);
  auto checking = Intake::check_payload(request, control_, pool_);
  CO_TRY_STATUS(co_await std::move(checking));
  if (stopped_) co_return fail(ErrorKind::kUnavailable, "the server is stopping");
  CO_TRY(Admitted admitted, intake_.admit(request));
  Instance& instance = *instances_[instance_of(request.function)];
  if (&instance.loop() == &control_) co_return co_await instance.runner().run(std::move(admitted), std::move(request));
  auto run = [&runner = instance.runner(), admitted = std::move(admitted), request = std::move(request)]() mutable {
    return runner.run(std::move(admitted), std::move(request));
  };
  co_return co_await net::run_there(control_, instance.loop(), std::move(run));
}

net::Task<Status> DataPlane::check_large(InvokeRequest request) {
  auto checking = Intake::check_payload(request, control_, pool_);
  CO_TRY_STATUS(co_await std::move(checking));
  co_return intake_.check_admission(request);
}

net::Task<DataPlane::Numbers> DataPlane::numbers() {
  HEARTH_CHECK(control_.on_thread());
  Numbers all;
  all.throttles = intake_.throttles();
  if (stopped_) co_return all;
  for (const auto& instance : instances_) {
    auto ask = [&one = *instance] { return one.numbers(); };
    const Numbers own = co_await net::run_there(control_, instance->loop(), std::move(ask));
    all.runs.invocations += own.runs.invocations;
    all.runs.errors += own.runs.errors;
    all.runs.unavailable += own.runs.unavailable;
    all.environments_started += own.environments_started;
    all.environments_idle += own.environments_idle;
    all.loops.turns.add(own.loops.turns);
  }
  co_return all;
}

void DataPlane::on_function_changed(const functions::FunctionKey& key,
                                    const std::vector<functions::FunctionSnapshot>& runnable) {
  HEARTH_CHECK(control_.on_thread());
  Instance& instance = *instances_[instance_of(key)];
  if (&instance.loop() == &control_) return instance.pool().on_function_changed(key, runnable);
  instance.loop().post([&pool = instance.pool(), key, runnable] { pool.on_function_changed(key, runnable); });
}

net::Task<> DataPlane::end_all() {
  if (stopped_) co_return;
  for (const auto& instance : instances_) {
    auto end = [&one = *instance] { return one.end_environments(); };
    co_await net::run_there(control_, instance->loop(), std::move(end));
  }
}

net::Task<> DataPlane::stop() {
  HEARTH_CHECK(control_.on_thread());
  if (stopped_) co_return;
  stopped_ = true;
  for (const auto& instance : instances_) {
    auto stop = [&one = *instance] { return one.stop_pool(); };
    co_await net::run_there(control_, instance->loop(), std::move(stop));
  }
  // With the pools ended every invocation has its answer, which may be on its way here; and until it is here, it may
  // still ask other instances for room.
  if (under_way_ > 0) co_await all_answered_.wait();
  for (const auto& instance : instances_) {
    auto leave = [&one = *instance] { return one.leave(); };
    co_await net::run_there(control_, instance->loop(), std::move(leave));
    instance->join();
  }
}

}  // namespace hearth::invocation
