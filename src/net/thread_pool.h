#pragma once
// ThreadPool: where work runs that blocks or takes long (unzip, hashing, big documents, file system sync).

#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>

#include "net/loop.h"
#include "net/one_shot.h"
#include "net/task.h"

namespace hearth::net {

class ThreadPool {
 public:
  explicit ThreadPool(unsigned threads);
  ~ThreadPool();  // finishes queued work, then joins
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  void post(std::move_only_function<void()> work);

  // Runs `work` on a pool thread and resumes the caller on `loop` with what it returned (never void).
  // `work` must not touch loop-owned state; `loop` outlives the call.
  template <class Work, class T = std::invoke_result_t<Work>>
  Task<T> run(Loop& loop, Work work) {
    auto done = std::make_shared<OneShot<T>>(loop.executor());
    post([&loop, done, work = std::move(work)]() mutable {
      auto value = std::make_unique<T>(work());
      loop.post([done = std::move(done), value = std::move(value)]() mutable { done->set(std::move(*value)); });
    });
    co_return co_await done->wait();
  }

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hearth::net
