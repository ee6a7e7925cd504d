#pragma once
// LogSink: where the output of environments goes. Implemented by the CloudWatch Logs service, wired in main.

#include <string>
#include <vector>

#include "base/clock.h"

namespace hearth::environment {

struct LogLine {
  TimePoint at;
  std::string text;  // as it is stored: like on AWS, a line with its newline; never empty
};

class LogSink {
 public:
  virtual ~LogSink() = default;
  // Appends lines to a stream, making group and stream when missing. Never waits; loss on power cut is accepted.
  virtual void append(const std::string& account, const std::string& region, const std::string& group,
                      const std::string& stream, std::vector<LogLine> lines) = 0;
};

}  // namespace hearth::environment
