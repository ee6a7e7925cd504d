#pragma once
// Timestamps in the three formats AWS APIs use.

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace hearth::wire {

enum class TimestampFormat {
  kUnix,      // seconds since 1970, with a fraction where there is one: 1700000000.25
  kIso8601,   // 2023-11-14T22:13:20Z, or with milliseconds where there are some
  kHttpDate,  // Tue, 14 Nov 2023 22:13:20 GMT (rfc822 in the models)
};

std::string format_timestamp(TimePoint time, TimestampFormat format);

// Reads any of the formats, as AWS does. Nothing if it is none of them or out of range (years 1 to 9999).
std::optional<TimePoint> parse_timestamp(std::string_view text);
// Seconds since 1970; nothing if not finite or out of range.
std::optional<TimePoint> timestamp_from_seconds(double seconds);

}  // namespace hearth::wire
