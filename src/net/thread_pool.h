#pragma once
// ThreadPool: where work runs that blocks or takes long (unzip, hashing, big documents, file system sync).

#include <exception>
#include <expected>
#include <functional>
#include <memory>
#include <type_traits>

#include "net/loop.h"
#include "net/one_shot.h"
#include "net/task.h"

namespace hearth::net {

class ThreadPool {
 public:
  explicit ThreadPool(unsigned threads);
  // Without threads: `runner` is given whatever is posted and sees to it that it runs. For simulations, which have one
  // thread and decide themselves how long work takes.
  using Runner = std::function<void(std::move_only_function<void()>)>;
  explicit ThreadPool(Runner runner);
  ~ThreadPool();  // finishes queued work, then joins
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  void post(std::move_only_function<void()> work);

  struct Load {
    std::size_t running = 0;
    std::size_t waiting = 0;
  };
  // Any thread.
  Load load() const;

  // Runs `work` on a pool thread and resumes the caller on `loop` with what it returned (never void) or threw.
  // `work` must not touch loop-owned state; `loop` outlives the call.
  template <class Work, class T = std::invoke_result_t<Work>>
  Task<T> run(Loop& loop, Work work) {
    using Outcome = std::expected<T, std::exception_ptr>;
    auto done = std::make_shared<OneShot<std::unique_ptr<Outcome>>>(loop.executor());
    post([&loop, done, work = std::move(work)]() mutable {
      auto outcome = std::make_unique<Outcome>(std::unexpected(std::exception_ptr()));
      try {
        *outcome = work();
      } catch (...) {
        *outcome = std::unexpected(std::current_exception());
      }
      loop.post([done = std::move(done), outcome = std::move(outcome)]() mutable { done->set(std::move(outcome)); });
    });
    const std::unique_ptr<Outcome> outcome = co_await done->wait();
    if (!*outcome) std::rethrow_exception(outcome->error());
    co_return std::move(**outcome);
  }

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hearth::net
