#include "main/stop_deadline.h"

#include <fmt/format.h>
#include <unistd.h>

#include <utility>

namespace hearth::main {

StopDeadline::~StopDeadline() {
  if (!thread_) return;
  {
    const std::lock_guard lock(mutex_);
    in_time_ = true;
  }
  changed_.notify_all();
  thread_->join();
}

void StopDeadline::begin(std::chrono::milliseconds limit) {
  if (thread_) return;
  thread_.emplace([this, limit] { watch(limit); });
}

void StopDeadline::waiting_for(std::string what, std::function<std::string()> describe) {
  const std::lock_guard lock(mutex_);
  what_ = std::move(what);
  describe_ = std::move(describe);
}

void StopDeadline::watch(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  if (changed_.wait_for(lock, limit, [this] { return in_time_; })) return;
  const std::string more = describe_ ? ": " + describe_() : std::string();
  log_.error("stopping took too long; what had not ended is abandoned",
             {{"after", fmt::format("{} ms", limit.count())}, {"waited_for", what_ + more}});
  ::_exit(kAbandonedStatus);
}

}  // namespace hearth::main
