#include "net/thread_pool.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "net/fatal.h"

namespace hearth::net {

struct ThreadPool::Impl {
  void work_until_closed() {
    std::unique_lock lock(mutex);
    for (;;) {
      changed.wait(lock, [this] { return closed || !queue.empty(); });
      if (queue.empty()) return;
      std::move_only_function<void()> work = std::move(queue.front());
      queue.pop_front();
      ++running;
      lock.unlock();
      try {
        work();
      } catch (...) {
        end_program("an exception left work of the thread pool", std::current_exception());
      }
      work = nullptr;  // its captures end here, not under the lock
      lock.lock();
      --running;
    }
  }

  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::move_only_function<void()>> queue;
  std::size_t running = 0;
  bool closed = false;
  Runner runner;
  std::vector<std::jthread> threads;
};

ThreadPool::ThreadPool(unsigned threads) : impl_(std::make_unique<Impl>()) {
  for (unsigned i = 0; i < std::max(threads, 1U); ++i) {
    impl_->threads.emplace_back([impl = impl_.get()] { impl->work_until_closed(); });
  }
}

ThreadPool::ThreadPool(Runner runner) : impl_(std::make_unique<Impl>()) { impl_->runner = std::move(runner); }

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->closed = true;
  }
  impl_->changed.notify_all();
  impl_->threads.clear();  // joins
}

void ThreadPool::post(std::move_only_function<void()> work) {
  if (impl_->runner) return impl_->runner(std::move(work));
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->queue.push_back(std::move(work));
  }
  impl_->changed.notify_one();
}

ThreadPool::Load ThreadPool::load() const {
  const std::lock_guard lock(impl_->mutex);
  return {.running = impl_->running, .waiting = impl_->queue.size()};
}

}  // namespace hearth::net
