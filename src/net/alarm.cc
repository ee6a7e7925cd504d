#include "net/alarm.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "net/asio.h"

namespace hearth::net {
namespace {

class LoopAlarm final : public Alarm {
 public:
  LoopAlarm(Loop& loop, std::move_only_function<void()> on_ring)
      : state_(std::make_shared<State>(loop.executor(), std::move(on_ring))) {}
  ~LoopAlarm() override { cancel(); }
  LoopAlarm(const LoopAlarm&) = delete;
  LoopAlarm& operator=(const LoopAlarm&) = delete;

  void set(SteadyTime at) override {
    const std::uint64_t setting = ++state_->setting;
    state_->timer.expires_at(at);
    state_->timer.async_wait([state = state_, setting](ErrorCode error) {
      if (!error && setting == state->setting) state->on_ring();
    });
  }
  void cancel() override {
    ++state_->setting;
    state_->timer.cancel();
  }

 private:
  struct State {
    State(const Executor& executor, std::move_only_function<void()> ring) : timer(executor), on_ring(std::move(ring)) {}
    SteadyTimer timer;
    std::move_only_function<void()> on_ring;
    std::uint64_t setting = 0;  // tells a ring that was already on its way from a newer setting
  };
  std::shared_ptr<State> state_;
};

}  // namespace

std::unique_ptr<Alarm> LoopAlarms::make(std::move_only_function<void()> on_ring) {
  return std::make_unique<LoopAlarm>(loop_, std::move(on_ring));
}

struct FakeAlarms::Entry {
  std::move_only_function<void()> on_ring;
  std::optional<SteadyTime> at;
};

class FakeAlarms::Handle final : public Alarm {
 public:
  explicit Handle(std::shared_ptr<Entry> entry) : entry_(std::move(entry)) {}
  ~Handle() override { entry_->at.reset(); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  void set(SteadyTime at) override { entry_->at = at; }
  void cancel() override { entry_->at.reset(); }

 private:
  std::shared_ptr<Entry> entry_;
};

std::unique_ptr<Alarm> FakeAlarms::make(std::move_only_function<void()> on_ring) {
  entries_.push_back(std::make_shared<Entry>(std::move(on_ring), std::nullopt));
  return std::make_unique<Handle>(entries_.back());
}

void FakeAlarms::ring_due() {
  for (;;) {
    std::erase_if(entries_, [](const auto& entry) { return entry.use_count() == 1; });
    std::shared_ptr<Entry> next;
    for (const auto& entry : entries_) {
      if (entry->at && *entry->at <= clock_.steady_now() && (!next || *entry->at < *next->at)) next = entry;
    }
    if (!next) return;
    next->at.reset();
    next->on_ring();
  }
}

}  // namespace hearth::net
