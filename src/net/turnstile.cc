#include "net/turnstile.h"

#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <utility>

#include "net/asio.h"

namespace hearth::net {

bool Turnstile::try_pass() {
  const SteadyTime now = std::chrono::steady_clock::now();
  if (!marked_) begin_slice(now);
  return waiting_.empty() && now < slice_ends_;
}

Task<> Turnstile::wait() {
  const auto enqueue = [this](auto resume) { waiting_.emplace_back(std::move(resume)); };
  co_await asio::async_initiate<const asio::use_awaitable_t<Executor>, void()>(enqueue, kUseTask);
}

void Turnstile::release() {
  for (auto& resume : std::exchange(waiting_, {})) asio::post(executor_, std::move(resume));
}

void Turnstile::begin_slice(SteadyTime now) {
  slice_ends_ = now + slice_;
  marked_ = true;
  asio::post(executor_, [self = shared_from_this()] { self->next_slice(); });
}

void Turnstile::next_slice() {
  marked_ = false;
  if (waiting_.empty()) return;
  SteadyTime now = std::chrono::steady_clock::now();
  begin_slice(now);
  do {
    auto resume = std::move(waiting_.front());
    waiting_.pop_front();
    resume();
    now = std::chrono::steady_clock::now();
  } while (!waiting_.empty() && now < slice_ends_);
}

}  // namespace hearth::net
