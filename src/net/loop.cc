#include "net/loop.h"

#include <atomic>
#include <bit>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <thread>
#include <utility>

#include "base/check.h"
#include "net/asio.h"
#include "net/fatal.h"
#include "net/turn_meter.h"

namespace hearth::net {

void TurnMeter::before_wait() {
  const auto took =
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - turn_began_);
  ++stats_.turns;
  if (took > stats_.longest) stats_.longest = took;
  const auto us = static_cast<std::uint64_t>(took.count()) / 1000;
  const auto bucket = static_cast<std::size_t>(std::bit_width(us));
  ++stats_.turns_by_log2_us[std::min(bucket, stats_.turns_by_log2_us.size() - 1)];
}

struct Loop::Impl {
  explicit Impl(const Clock& wall_clock) : clock(wall_clock) {}

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
  impl_->meter.after_wait();
  try {
    if (!impl_->stop_requested) impl_->context.restart();
    impl_->context.run();
  } catch (...) {
    end_program("an exception left work posted to the loop", std::current_exception());
  }
  impl_->stop_requested = false;
  impl_->meter.before_wait();  // the last turn ends here
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

LoopStats Loop::stats() const { return impl_->meter.stats(); }
void Loop::reset_stats() { impl_->meter.stats() = {}; }

Executor Loop::executor() { return impl_->context.get_executor(); }
const Clock& Loop::clock() const { return impl_->clock; }

Task<> sleep_for(std::chrono::steady_clock::duration duration) {
  SteadyTimer timer(co_await asio::this_coro::executor, duration);
  ErrorCode ignored;  // nobody can cancel this timer
  co_await timer.async_wait(asio::redirect_error(kUseTask, ignored));
}

}  // namespace hearth::net
