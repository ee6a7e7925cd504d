#include "wire/timestamp.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

namespace hearth::wire {
namespace {

constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::int64_t kFirstSecond = -62135596800;  // year 1
constexpr std::int64_t kLastSecond = 253402300799;   // end of year 9999

// Takes exactly `digits` digits off `text`.
std::optional<int> take_number(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return std::nullopt;
  int value = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(digits);
  return value;
}

bool take(std::string_view& text, std::string_view what) {
  if (!text.starts_with(what)) return false;
  text.remove_prefix(what.size());
  return true;
}

struct Civil {
  int year = 0;
  int month = 0;
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
};

std::optional<TimePoint> from_civil(const Civil& civil, int milliseconds, int offset_minutes) {
  using namespace std::chrono;
  const year_month_day date{year{civil.year}, month{static_cast<unsigned>(civil.month)},
                            day{static_cast<unsigned>(civil.day)}};
  if (!date.ok() || civil.year < 1 || civil.hour > 23 || civil.minute > 59 || civil.second > 60) return std::nullopt;
  const TimePoint time = TimePoint{sys_days{date}} + hours{civil.hour} + minutes{civil.minute - offset_minutes} +
                         seconds{civil.second} + std::chrono::milliseconds{milliseconds};
  // An offset or a leap second leads out of the years there are.
  const std::int64_t second = floor<seconds>(time).time_since_epoch().count();
  if (second < kFirstSecond || second > kLastSecond) return std::nullopt;
  return time;
}

std::optional<TimePoint> parse_iso8601(std::string_view text) {
  Civil civil;
  const auto year = take_number(text, 4);
  if (!year || !take(text, "-")) return std::nullopt;
  const auto month = take_number(text, 2);
  if (!month || !take(text, "-")) return std::nullopt;
  const auto day = take_number(text, 2);
  if (!day) return std::nullopt;
  civil = {.year = *year, .month = *month, .day = *day};
  if (text.empty()) return from_civil(civil, 0, 0);
  if (!take(text, "T") && !take(text, " ")) return std::nullopt;
  const auto hour = take_number(text, 2);
  if (!hour || !take(text, ":")) return std::nullopt;
  const auto minute = take_number(text, 2);
  if (!minute) return std::nullopt;
  civil.hour = *hour;
  civil.minute = *minute;
  if (take(text, ":")) {
    const auto second = take_number(text, 2);
    if (!second) return std::nullopt;
    civil.second = *second;
  }
  int milliseconds = 0;
  if (take(text, ".")) {
    int scale = 100;
    std::size_t digits = 0;
    while (!text.empty() && text.front() >= '0' && text.front() <= '9' && digits < 9) {
      milliseconds += (text.front() - '0') * scale;
      scale /= 10;
      text.remove_prefix(1);
      ++digits;
    }
    if (digits == 0) return std::nullopt;
  }
  int offset = 0;
  if (!text.empty() && (text.front() == '+' || text.front() == '-')) {
    const int sign = text.front() == '-' ? -1 : 1;
    text.remove_prefix(1);
    const auto hours = take_number(text, 2);
    if (!hours) return std::nullopt;
    take(text, ":");
    const auto minutes = take_number(text, 2);
    if (!minutes) return std::nullopt;
    offset = sign * (*hours * 60 + *minutes);
  } else {
    take(text, "Z");
  }
  if (!text.empty()) return std::nullopt;
  return from_civil(civil, milliseconds, offset);
}

std::optional<TimePoint> parse_http_date(std::string_view text) {
  const std::size_t comma = text.find(", ");
  if (comma == std::string_view::npos) return std::nullopt;
  text.remove_prefix(comma + 2);
  const auto day = take_number(text, 2);
  if (!day || !take(text, " ") || text.size() < 3) return std::nullopt;
  int month = 0;
  for (std::size_t i = 0; i < kMonths.size(); ++i) {
    if (text.starts_with(kMonths[i])) month = static_cast<int>(i) + 1;
  }
  text.remove_prefix(3);
  if (!take(text, " ")) return std::nullopt;
  const auto year = take_number(text, 4);
  if (!year || !take(text, " ")) return std::nullopt;
  const auto hour = take_number(text, 2);
  if (!hour || !take(text, ":")) return std::nullopt;
  const auto minute = take_number(text, 2);
  if (!minute || !take(text, ":")) return std::nullopt;
  const auto second = take_number(text, 2);
  if (!second || text != " GMT") return std::nullopt;
  return from_civil({.year = *year, .month = month, .day = *day, .hour = *hour, .minute = *minute, .second = *second},
                    0, 0);
}

}  // namespace

std::string format_timestamp(TimePoint time, TimestampFormat format) {
  using namespace std::chrono;
  const auto whole = floor<seconds>(time);
  const auto fraction = static_cast<int>((time - whole).count());
  if (format == TimestampFormat::kUnix) {
    std::string out = std::to_string(time.time_since_epoch().count() / 1000);
    const auto rest = static_cast<int>(time.time_since_epoch().count() % 1000);
    if (rest == 0) return out;
    if (rest < 0 && out == "0") out = "-0";
    std::array<char, 8> text{};
    const int size = std::snprintf(text.data(), text.size(), ".%03d", rest < 0 ? -rest : rest);
    return out.append(text.data(), static_cast<std::size_t>(size));
  }
  const auto date = floor<days>(whole);
  const year_month_day civil{date};
  const hh_mm_ss clock{whole - date};
  const int year = static_cast<int>(civil.year());
  const auto month = static_cast<unsigned>(civil.month());
  const auto day = static_cast<unsigned>(civil.day());
  const auto hour = static_cast<int>(clock.hours().count());
  const auto minute = static_cast<int>(clock.minutes().count());
  const auto second = static_cast<int>(clock.seconds().count());
  std::array<char, 48> text{};
  int size = 0;
  if (format == TimestampFormat::kHttpDate) {
    const std::string_view name = kDays[weekday{date}.c_encoding()];
    size = std::snprintf(text.data(), text.size(), "%.3s, %02u %.3s %04d %02d:%02d:%02d GMT", name.data(), day,
                         kMonths[month - 1].data(), year, hour, minute, second);
  } else if (fraction == 0) {
    size = std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02dZ", year, month, day, hour, minute,
                         second);
  } else {
    size = std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", year, month, day, hour,
                         minute, second, fraction);
  }
  return std::string(text.data(), static_cast<std::size_t>(size));
}

std::optional<TimePoint> timestamp_from_seconds(double value) {
  if (!std::isfinite(value) || value < static_cast<double>(kFirstSecond) || value > static_cast<double>(kLastSecond)) {
    return std::nullopt;
  }
  return TimePoint{std::chrono::milliseconds{std::llround(value * 1000.0)}};
}

std::optional<TimePoint> parse_timestamp(std::string_view text) {
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error == std::errc() && rest == end) return timestamp_from_seconds(number);
  if (auto time = parse_iso8601(text)) return time;
  return parse_http_date(text);
}

}  // namespace hearth::wire
