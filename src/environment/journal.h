#pragma once
// Journal: the log of one environment: everything its function and the platform write, on its way to its log stream.
//
// Lines are gathered and handed to the sink in pieces, each small enough for one turn of the loop: when the owner says
// so (a moment after the first line), and early when many wait. A budget slows down a function that floods: once
// overdrawn, or while the journal is crowded, the owner stops reading its output, and the function waits in write(2) as
// it would on a slow terminal. Nothing is dropped.
//
// Tests: journal_test.cc

#include <chrono>
#include <deque>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/clock.h"
#include "environment/log_sink.h"

namespace hearth::environment {

struct LogStream {
  std::string account;
  std::string region;
  std::string group;
  std::string stream;
};

// Thread: the loop's. Lifetime: `sink` and `clock` outlive it.
class Journal {
 public:
  Journal(LogSink& sink, const Clock& clock, LogStream stream);
  ~Journal();  // flushes
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  const LogStream& stream() const { return stream_; }

  // Adds an event. Nothing if `text` is empty and the platform wrote it; a function's empty line is an event.
  void platform(std::string text);
  // `written_at` is taken if it is plausible.
  void function(std::string text, std::optional<TimePoint> written_at);

  // From here on keeps the last 4 KB for take_tail().
  void begin_tail();
  std::string take_tail();

  bool has_pending() const { return !pending_.empty(); }
  // So many lines wait that no more output should be read.
  bool is_crowded() const;
  // So many that even what was written before an answer has to wait.
  bool is_full() const;
  // Hands one piece to the sink. True if more is left.
  bool flush_piece();
  // Hands over everything, for the end: a crowd takes some turns' worth of time.
  void flush();

  // Counts output against the budget.
  void charge(std::size_t bytes);
  // How long not to read output; zero while the budget lasts.
  std::chrono::milliseconds overdrawn_for();

 private:
  void add(TimePoint at, std::string text);
  void refill();

  LogSink& sink_;
  const Clock& clock_;
  LogStream stream_;
  std::deque<LogLine> pending_;
  std::size_t pending_bytes_ = 0;
  bool keeps_tail_ = false;
  std::string tail_;
  double budget_;
  SteadyTime refilled_at_;
};

}  // namespace hearth::environment
