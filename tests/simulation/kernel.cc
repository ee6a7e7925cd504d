#include "kernel.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <utility>

namespace hearth::simulation {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

Kernel*& the_kernel() {
  static Kernel* kernel = nullptr;
  return kernel;
}

timespec to_timespec(std::int64_t ns) { return {.tv_sec = ns / kSecond, .tv_nsec = ns % kSecond}; }

int real_epoll_wait(int epoll_fd, epoll_event* events, int most, int timeout_ms) {
  return static_cast<int>(::syscall(SYS_epoll_pwait, epoll_fd, events, most, timeout_ms, nullptr, 8));
}

}  // namespace

Kernel* Kernel::installed() { return the_kernel(); }

Kernel::Kernel(std::uint64_t seed) : random_(seed) { the_kernel() = this; }
Kernel::~Kernel() { the_kernel() = nullptr; }

void Kernel::watch_for_stillness(std::chrono::nanoseconds limit, std::function<void()> on_stuck) {
  limit_ns_ = steady_ns_ + limit.count();
  on_stuck_ = std::move(on_stuck);
  waits_without_time_ = 0;
}

void Kernel::fill_random(void* bytes, std::size_t count) {
  auto* to = static_cast<unsigned char*>(bytes);
  for (std::size_t done = 0; done < count;) {
    const std::uint64_t word = random_.next();
    const std::size_t part = std::min(sizeof(word), count - done);
    std::memcpy(to + done, &word, part);
    done += part;
  }
}

// The loop's timer descriptor is an eventfd: readable exactly from when a timer is due to when it is set anew.
void Kernel::set_timer(int fd, std::int64_t due_ns) {
  Timer& timer = timers_[fd];
  if (std::exchange(timer.fired, false)) {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(fd, &count, sizeof(count));
  }
  timer.due_ns = due_ns;
}

void Kernel::fire_due_timers() {
  for (auto& [fd, timer] : timers_) {
    if (timer.fired || timer.due_ns < 0 || timer.due_ns > steady_ns_) continue;
    timer.fired = true;
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t put = ::write(fd, &one, sizeof(one));
  }
}

std::int64_t Kernel::next_due() const {
  std::int64_t next = -1;
  for (const auto& [fd, timer] : timers_) {
    if (!timer.fired && timer.due_ns >= 0 && (next < 0 || timer.due_ns < next)) next = timer.due_ns;
  }
  return next;
}

int Kernel::wait_for_events(int epoll_fd, epoll_event* events, int most, int timeout_ms) {
  fire_due_timers();
  const int ready = real_epoll_wait(epoll_fd, events, most, 0);
  const std::int64_t next = next_due();
  const bool is_stuck = ++waits_without_time_ > kMostWaits || (ready == 0 && timeout_ms != 0 && next < 0) ||
                        (limit_ns_ >= 0 && steady_ns_ > limit_ns_);
  if (is_stuck && on_stuck_) {
    on_stuck_();
    return std::max(ready, 0);
  }
  if (ready != 0 || timeout_ms == 0) return ready;
  waits_without_time_ = 0;
  steady_ns_ = std::max(steady_ns_, next);
  fire_due_timers();
  return real_epoll_wait(epoll_fd, events, most, 0);
}

}  // namespace hearth::simulation

// --- the system calls -----------------------------------------------------------------------------------------------

using hearth::simulation::Kernel;

extern "C" {

int clock_gettime(clockid_t id, timespec* result) noexcept {
  const Kernel* const kernel = Kernel::installed();
  if (kernel == nullptr) return static_cast<int>(::syscall(SYS_clock_gettime, id, result));
  const bool is_wall = id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE;
  *result = hearth::simulation::to_timespec(is_wall ? kernel->wall_ns() : kernel->steady_ns());
  return 0;
}

int gettimeofday(timeval* __restrict result, void* __restrict) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  *result = {.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
  return 0;
}

time_t time(time_t* result) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  if (result != nullptr) *result = now.tv_sec;
  return now.tv_sec;
}

ssize_t getrandom(void* bytes, size_t count, unsigned flags) {
  Kernel* const kernel = Kernel::installed();
  if (kernel == nullptr) return ::syscall(SYS_getrandom, bytes, count, flags);
  kernel->fill_random(bytes, count);
  return static_cast<ssize_t>(count);
}

int timerfd_create(clockid_t id, int flags) noexcept {
  if (Kernel::installed() == nullptr) return static_cast<int>(::syscall(SYS_timerfd_create, id, flags));
  return ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

int timerfd_settime(int fd, int flags, const itimerspec* value, itimerspec* old) noexcept {
  Kernel* const kernel = Kernel::installed();
  if (kernel == nullptr) return static_cast<int>(::syscall(SYS_timerfd_settime, fd, flags, value, old));
  const std::int64_t given = value->it_value.tv_sec * hearth::simulation::kSecond + value->it_value.tv_nsec;
  const bool is_absolute = (flags & TFD_TIMER_ABSTIME) != 0;  // the loop's way to say: at once
  kernel->set_timer(fd, given == 0 ? -1 : is_absolute ? kernel->steady_ns() : kernel->steady_ns() + given);
  if (old != nullptr) *old = {};
  return 0;
}

int epoll_wait(int epoll_fd, epoll_event* events, int most, int timeout_ms) {
  Kernel* const kernel = Kernel::installed();
  if (kernel == nullptr) return hearth::simulation::real_epoll_wait(epoll_fd, events, most, timeout_ms);
  return kernel->wait_for_events(epoll_fd, events, most, timeout_ms);
}

}  // extern "C"
