#include "net/fd_watch.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <utility>

#include "net/asio.h"
#include "net/op_deadline.h"

namespace hearth::net {

struct FdWatch::State {
  struct Side {
    explicit Side(const Executor& executor) : deadline(executor) {}
    void cancel() { signal.emit(asio::cancellation_type::terminal); }

    OpDeadline deadline;
    asio::cancellation_signal signal;
  };

  State(const Executor& executor, int fd) : descriptor(executor), reading(executor), writing(executor) {
    ErrorCode error;
    descriptor.assign(fd, error);
    usable = !error;
  }
  ~State() { forget(); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  // Ends all waits and leaves the descriptor, which is not ours, open.
  void forget() {
    if (std::exchange(usable, false)) descriptor.release();
  }

  asio::posix::basic_stream_descriptor<Executor> descriptor;
  Side reading;
  Side writing;
  bool usable = false;
};

FdWatch::FdWatch(Loop& loop, int fd) : state_(std::make_shared<State>(loop.executor(), fd)) {}
FdWatch::~FdWatch() {
  if (state_) state_->forget();
}
FdWatch::FdWatch(FdWatch&&) noexcept = default;
FdWatch& FdWatch::operator=(FdWatch&& other) noexcept {
  if (this != &other) {
    if (state_) state_->forget();
    state_ = std::move(other.state_);
  }
  return *this;
}

Task<WatchOutcome> FdWatch::readable(SteadyTime deadline) { return wait(state_, Direction::kRead, deadline); }
Task<WatchOutcome> FdWatch::writable(SteadyTime deadline) { return wait(state_, Direction::kWrite, deadline); }
void FdWatch::cancel() {
  state_->reading.cancel();
  state_->writing.cancel();
}

Task<WatchOutcome> FdWatch::wait(std::shared_ptr<State> state, Direction direction, SteadyTime deadline) {
  if (!state->usable) co_return WatchOutcome::kFailed;
  State::Side& side = direction == Direction::kRead ? state->reading : state->writing;
  const auto what = direction == Direction::kRead ? asio::posix::descriptor_base::wait_read
                                                  : asio::posix::descriptor_base::wait_write;
  side.deadline.arm(state, deadline, [&side] { side.cancel(); });
  ErrorCode error;
  auto token = asio::bind_cancellation_slot(side.signal.slot(), asio::redirect_error(kUseTask, error));
  co_await state->descriptor.async_wait(what, std::move(token));
  side.deadline.disarm();
  if (!error) co_return WatchOutcome::kReady;
  if (side.deadline.expired()) co_return WatchOutcome::kTimedOut;
  co_return error == asio::error::operation_aborted ? WatchOutcome::kCancelled : WatchOutcome::kFailed;
}

}  // namespace hearth::net
