#include "net/gate.h"

#include <boost/asio/co_spawn.hpp>
#include <cstddef>
#include <utility>

#include "net/asio.h"
#include "net/fatal.h"

namespace hearth::net {

struct Gate::State {
  explicit State(const Executor& executor) : all_ended(executor, SteadyTime::max()) {}

  void on_task_ended() {
    if (--running == 0) all_ended.cancel();
  }

  SteadyTimer all_ended;  // never expires; cancelled whenever the last task ends
  std::size_t running = 0;
  bool closed = false;
};

Gate::Gate(Loop& loop) : state_(std::make_shared<State>(loop.executor())), loop_(loop) {}
Gate::~Gate() = default;

bool Gate::spawn(Task<> task) {
  if (state_->closed) return false;
  ++state_->running;
  asio::co_spawn(loop_.executor(), std::move(task), [state = state_](std::exception_ptr failure) {
    if (failure) end_program("an exception left a task of a gate", failure);
    state->on_task_ended();
  });
  return true;
}

void Gate::close() { state_->closed = true; }
bool Gate::is_closed() const { return state_->closed; }
std::size_t Gate::running() const { return state_->running; }

Task<> Gate::drained() {
  const std::shared_ptr<State> state = state_;
  while (state->running > 0) {
    ErrorCode ignored;  // the cancelling is the news
    co_await state->all_ended.async_wait(asio::redirect_error(kUseTask, ignored));
  }
}

}  // namespace hearth::net
