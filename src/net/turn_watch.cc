#include "net/turn_watch.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <string_view>

namespace hearth::net {
namespace {

using std::chrono::nanoseconds;

// A clean signal number of our own would be better, but real-time signals queue; this one is for profiling timers.
constexpr int kSignal = SIGPROF;

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HEARTH_THREAD_SANITIZER 1
#elif __has_feature(address_sanitizer)
#define HEARTH_ADDRESS_SANITIZER 1
#endif
#endif

// The watch attached to this thread, for the signal handler.
TurnWatch*& attached_here() {
  static thread_local TurnWatch* watch = nullptr;
  return watch;
}

double in_ms(nanoseconds time) { return std::chrono::duration<double, std::milli>(time).count(); }

}  // namespace

std::chrono::milliseconds turn_limit_of_this_build() {
#if defined(HEARTH_THREAD_SANITIZER)
  return kTurnLimit * 20;
#elif defined(HEARTH_ADDRESS_SANITIZER)
  return kTurnLimit * 10;
#elif !defined(__OPTIMIZE__)
  return kTurnLimit * 10;
#else
  return kTurnLimit;
#endif
}

std::string SlowTurn::text() const {
  std::string line = fmt::format(
      "hearth: a loop turn took {:.1f} ms of {:.3g} allowed: computed {:.1f}, slept {:.1f} (and was kept waiting "
      "{:.1f}); "
      "longest in {} ({:.1f} ms, {} pieces of work); stack:",
      in_ms(cost()), in_ms(limit), in_ms(computed), in_ms(slept), in_ms(waited), label.empty() ? "?" : label,
      in_ms(labelled), labels);
  for (const std::string& frame : stack) line += " " + frame;
  return line;
}

std::unique_ptr<TurnWatch> TurnWatch::from_environment() {
  const char* variable = ::getenv("HEARTH_TURN_WATCH");
  const std::string_view asked(variable == nullptr ? "" : variable);
  std::int64_t number = 0;
  std::from_chars(asked.data(), asked.data() + asked.size(), number);
  if (number <= 0) return nullptr;
  const nanoseconds limit = number == 1 ? nanoseconds(turn_limit_of_this_build()) : std::chrono::microseconds(number);
  return std::make_unique<TurnWatch>(limit, [](const SlowTurn& turn) {
    const std::string line = turn.text() + "\n";
    [[maybe_unused]] const ssize_t nowhere_to_say_it_failed = ::write(STDERR_FILENO, line.data(), line.size());
  });
}

void TurnWatch::attach() {
  attached_ = true;
  schedstat_ = UniqueFd(::open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC));
  attached_here() = this;
#if !defined(HEARTH_THREAD_SANITIZER)  // it holds signals back until the next system call: too late for a stack
  void* first[2];
  ::backtrace(first, 2);  // the first call loads a library, which a signal handler must not
  struct sigaction action{};
  action.sa_handler = &TurnWatch::on_timer_signal;
  action.sa_flags = SA_RESTART;
  ::sigaction(kSignal, &action, nullptr);
  sigevent event{};
  event.sigev_notify = SIGEV_THREAD_ID;
  event.sigev_signo = kSignal;
  event._sigev_un._tid = static_cast<pid_t>(::syscall(SYS_gettid));
  timer_t timer = nullptr;
  if (::timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer) == 0) {
    const long period_ns = std::chrono::duration_cast<nanoseconds>(limit_).count() % 1'000'000'000;
    const itimerspec every{.it_interval = {0, period_ns}, .it_value = {0, period_ns}};
    ::timer_settime(timer, 0, &every, nullptr);
    timer_ = timer;
  }
#endif
}

void TurnWatch::detach() {
  if (!attached_) return;
  attached_ = false;
#if !defined(HEARTH_THREAD_SANITIZER)
  if (timer_ != nullptr) ::timer_delete(static_cast<timer_t>(timer_));
  timer_ = nullptr;
#endif
  attached_here() = nullptr;
  schedstat_ = UniqueFd();
}

// The stack of a turn is the last one taken in it: a turn that computes for longer than the limit has at least one.
void TurnWatch::on_timer_signal(int) {
  const int saved = errno;
  if (TurnWatch* const watch = attached_here()) {
    watch->sample_.count = ::backtrace(watch->sample_.frames.data(), static_cast<int>(watch->sample_.frames.size()));
  }
  errno = saved;
}

TurnWatch::Usage TurnWatch::usage() const {
  Usage usage;
  timespec computed{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &computed);
  usage.computed = std::chrono::seconds(computed.tv_sec) + nanoseconds(computed.tv_nsec);
  rusage counts{};
  ::getrusage(RUSAGE_THREAD, &counts);
  usage.sleeps = counts.ru_nvcsw;
  usage.page_reads = counts.ru_majflt;
  // "computed waited slices", in nanoseconds; without it, waiting counts as sleep
  std::array<char, 96> text{};
  const ssize_t size = schedstat_ ? ::pread(schedstat_.get(), text.data(), text.size(), 0) : 0;
  if (size > 0) {
    const std::string_view line(text.data(), static_cast<std::size_t>(size));
    const std::size_t space = line.find(' ');
    std::int64_t waited = 0;
    if (space != std::string_view::npos) std::from_chars(line.data() + space + 1, line.data() + line.size(), waited);
    usage.waited = nanoseconds(waited);
  }
  return usage;
}

void TurnWatch::begin_turn() {
  sample_.count = 0;
  begin_ = usage();
}

void TurnWatch::end_turn(nanoseconds wall, std::string_view label, nanoseconds labelled, std::uint64_t labels) {
  if (!attached_ || wall <= limit_) return;
  const Usage end = usage();
  SlowTurn turn;
  turn.limit = limit_;
  turn.wall = wall;
  turn.computed = end.computed - begin_.computed;
  turn.waited = end.waited - begin_.waited;
  const bool slept_by_itself = end.sleeps > begin_.sleeps && end.page_reads == begin_.page_reads;
  if (slept_by_itself) turn.slept = std::max(wall - turn.computed - turn.waited, nanoseconds(0));
  if (turn.computed <= limit_ && turn.slept <= limit_ * kSleepFactor) return;
  turn.label = label;
  turn.labelled = labelled;
  turn.labels = labels;
  turn.stack = describe_sample();
  sink_(turn);
}

std::vector<std::string> TurnWatch::describe_sample() const {
  std::vector<std::string> frames;
  // The first two frames are the handler and the return from the signal.
  for (int i = 2; i < sample_.count; ++i) {
    void* const frame = sample_.frames[static_cast<std::size_t>(i)];
    Dl_info where{};
    if (::dladdr(frame, &where) == 0 || where.dli_fname == nullptr) continue;
    const auto offset = static_cast<const char*>(frame) - static_cast<const char*>(where.dli_fbase);
    frames.push_back(fmt::format("{}+{:#x}", where.dli_fname, offset));
  }
  return frames;
}

}  // namespace hearth::net
