#include "net/loop_thread.h"

#include <boost/asio/executor_work_guard.hpp>

#include "base/check.h"
#include "net/asio.h"

namespace hearth::net {

LoopThread::LoopThread(const Clock& clock) : loop_(clock) {}
LoopThread::~LoopThread() { stop(); }

void LoopThread::start() {
  HEARTH_CHECK(!thread_.joinable());
  thread_ = std::jthread([this] {
    const asio::executor_work_guard<Executor> idle_is_no_end(loop_.executor());
    loop_.run();
  });
}

void LoopThread::stop() {
  if (!thread_.joinable()) return;
  loop_.stop();
  thread_.join();
}

}  // namespace hearth::net
