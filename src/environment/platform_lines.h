#pragma once
// PlatformLines: the lines the platform itself writes into a function's log, worded as AWS words them.
//
// A function whose log format is JSON gets them as platform events instead; then some have no counterpart and are
// empty.
//
// Tests: platform_lines_test.cc

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"

namespace hearth::environment {

using Milliseconds = std::chrono::duration<double, std::milli>;  // as reported: with fractions

enum class LineFormat { kText, kJson };
enum class Phase { kInit, kInvoke };  // when an initialisation ran: ahead of, or as part of, an invocation

// How a piece of work ended; empty status: well.
struct Ending {
  std::string status;      // "timeout", "error"
  std::string error_type;  // with "error": "Runtime.ExitError"
};

struct InvokeReport {
  Milliseconds duration{};
  std::optional<Milliseconds> init_duration;  // of the initialisation ahead of this invocation; billed with it
  std::uint32_t memory_mib = 0;
  std::uint32_t max_memory_used_mib = 0;
  Ending ending;
};

// Duration and initialisation, rounded up to a millisecond.
std::int64_t billed_ms(const InvokeReport& report);

class PlatformLines {
 public:
  PlatformLines(LineFormat format, std::string function_name, std::string version)
      : format_(format), function_name_(std::move(function_name)), version_(std::move(version)) {}

  std::string init_start(TimePoint now, const std::string& runtime_version,
                         const std::string& runtime_version_arn) const;
  std::string init_report(TimePoint now, Milliseconds duration, Phase phase, const Ending& ending) const;
  std::string start(TimePoint now, const std::string& request_id) const;
  std::string timed_out(TimePoint now, const std::string& request_id, std::uint32_t timeout_s) const;
  // `reason`: "Runtime exited with error: exit status 1".
  std::string failed(const std::string& request_id, const std::string& reason, const std::string& error_type) const;
  std::string end(const std::string& request_id) const;
  std::string report(TimePoint now, const std::string& request_id, const InvokeReport& report) const;

 private:
  LineFormat format_;
  std::string function_name_;
  std::string version_;
};

// "2026-11-20T14:05:06.007Z".
std::string iso_time(TimePoint at);
// "2026/11/20/[VERSION]HEX": the name of one environment's log stream.
std::string log_stream_name(TimePoint now, const std::string& version, const std::string& hex);

}  // namespace hearth::environment
