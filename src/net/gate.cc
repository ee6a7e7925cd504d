#include "net/gate.h"

#include <boost/asio/co_spawn.hpp>
#include <cstddef>
#include <utility>
#include <vector>

#include "base/check.h"
#include "net/asio.h"
#include "net/fatal.h"

namespace hearth::net {

struct Gate::State {
  void on_task_ended() {
    if (--running > 0) return;
    for (SteadyTimer* const waiter : waiters) waiter->cancel();
  }

  std::vector<SteadyTimer*> waiters;  // each on the frame of a drained_until()
  std::size_t running = 0;
  bool closed = false;
};

Gate::Gate(Loop& loop) : state_(std::make_shared<State>()), loop_(loop) {}
Gate::~Gate() = default;

bool Gate::spawn(Task<> task) {
  HEARTH_CHECK(loop_.on_thread());
  if (state_->closed) return false;
  ++state_->running;
  asio::co_spawn(loop_.executor(), std::move(task), [state = state_](std::exception_ptr failure) {
    if (failure) end_program("an exception left a task of a gate", failure);
    state->on_task_ended();
  });
  return true;
}

void Gate::close() {
  HEARTH_CHECK(loop_.on_thread());
  state_->closed = true;
}
bool Gate::is_closed() const { return state_->closed; }
std::size_t Gate::running() const { return state_->running; }

Task<> Gate::drained() { co_await drained_until(SteadyTime::max()); }

Task<bool> Gate::drained_until(SteadyTime deadline) {
  const std::shared_ptr<State> state = state_;
  SteadyTimer timer(co_await asio::this_coro::executor, deadline);
  while (state->running > 0 && (deadline == SteadyTime::max() || std::chrono::steady_clock::now() < deadline)) {
    state->waiters.push_back(&timer);
    ErrorCode ignored;  // a cancelling is the news that all have ended
    co_await timer.async_wait(asio::redirect_error(kUseTask, ignored));
    std::erase(state->waiters, &timer);
  }
  co_return state->running == 0;
}

}  // namespace hearth::net
