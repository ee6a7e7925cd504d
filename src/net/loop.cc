#include "net/loop.h"

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <thread>
#include <utility>

#include "base/check.h"
#include "net/asio.h"
#include "net/fatal.h"
#include "net/turn_label.h"
#include "net/turn_meter.h"

namespace hearth::net {

void TurnMeter::after_wait() {
  if (watch_) watch_->begin_turn();
  turn_began_ = std::chrono::steady_clock::now();
  piece_ = {};
  piece_began_ = turn_began_;
  longest_piece_ = {};
  longest_piece_took_ = {};
  pieces_ = 0;
}

void TurnMeter::end_piece(Time now) {
  const auto took = std::chrono::duration_cast<std::chrono::nanoseconds>(now - piece_began_);
  piece_began_ = now;
  if (took < longest_piece_took_) return;
  longest_piece_took_ = took;
  longest_piece_ = piece_;
}

void TurnMeter::note(std::string_view what) {
  end_piece(std::chrono::steady_clock::now());
  piece_ = what;
  ++pieces_;
}

void TurnMeter::before_wait() {
  const Time now = std::chrono::steady_clock::now();
  const auto took = std::chrono::duration_cast<std::chrono::nanoseconds>(now - turn_began_);
  stats_.turns.add(took);
  ++turn_;
  if (!watch_) return;
  end_piece(now);
  watch_->end_turn(took, longest_piece_, longest_piece_took_, pieces_);
}

void note_turn(std::string_view what) {
  if (TurnMeter* const meter = TurnMeter::of_this_thread()) meter->note(what);
}

struct Loop::Impl {
  explicit Impl(const Clock& wall_clock) : clock(wall_clock) { meter.watch() = TurnWatch::from_environment(); }

  const Clock& clock;
  TurnMeter meter;
  std::atomic<bool> stop_requested = false;
  std::atomic<std::thread::id> thread;  // in run(); nobody: the default id
  // All I/O objects live on the loop's thread, so Asio need not lock them; posting stays safe from any thread.
  asio::io_context context{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO};
};

Loop::Loop(const Clock& clock) : impl_(std::make_unique<Impl>(clock)) {}
Loop::~Loop() = default;

void Loop::run() {
  TurnMeter* const outer = std::exchange(TurnMeter::of_this_thread(), &impl_->meter);
  impl_->thread = std::this_thread::get_id();
  if (impl_->meter.watch()) impl_->meter.watch()->attach();
  impl_->meter.after_wait();
  try {
    if (!impl_->stop_requested) impl_->context.restart();
    impl_->context.run();
  } catch (...) {
    end_program("an exception left work posted to the loop", std::current_exception());
  }
  impl_->stop_requested = false;
  impl_->meter.before_wait();  // the last turn ends here
  if (impl_->meter.watch()) impl_->meter.watch()->detach();
  impl_->thread = std::thread::id();
  TurnMeter::of_this_thread() = outer;
}

void Loop::stop() {
  impl_->stop_requested = true;
  impl_->context.stop();
}

void Loop::post(std::move_only_function<void()> work) { asio::post(impl_->context, std::move(work)); }

bool Loop::on_thread() const {
  const std::thread::id owner = impl_->thread.load(std::memory_order_relaxed);
  return owner == std::this_thread::get_id() || owner == std::thread::id();
}

void Loop::spawn(Task<> task) {
  HEARTH_CHECK(on_thread());
  asio::co_spawn(executor(), std::move(task), [](std::exception_ptr failure) {
    if (failure) end_program("an exception left a spawned task", failure);
  });
}

std::uint64_t Loop::turn() const { return impl_->meter.turn(); }
LoopStats Loop::stats() const { return impl_->meter.stats(); }
void Loop::reset_stats() { impl_->meter.stats() = {}; }
void Loop::watch_turns(std::chrono::nanoseconds limit, SlowTurnSink sink) {
  impl_->meter.watch() = std::make_unique<TurnWatch>(limit, std::move(sink));
}

Executor Loop::executor() { return impl_->context.get_executor(); }
const Clock& Loop::clock() const { return impl_->clock; }

Task<> yield_turn() {
  const Executor executor = co_await asio::this_coro::executor;
  co_await asio::post(executor, kUseTask);
}

Task<> sleep_for(std::chrono::steady_clock::duration duration) {
  SteadyTimer timer(co_await asio::this_coro::executor, duration);
  ErrorCode ignored;  // nobody can cancel this timer
  co_await timer.async_wait(asio::redirect_error(kUseTask, ignored));
}

}  // namespace hearth::net
