#include "wire/sigv4_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "wire/sigv4.h"

namespace hearth::wire {
namespace {

bool is_unreserved(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\v' || c == '\f'; }

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void append_escaped(char c, std::string& out) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  const auto byte = static_cast<unsigned char>(c);
  out += '%';
  out += kDigits[byte >> 4U];
  out += kDigits[byte & 0xFU];
}

// One decoded character of `text` at `at`, which moves past it.
char decode_one(std::string_view text, std::size_t& at) {
  if (text[at] == '%' && at + 2 < text.size()) {
    const int high = hex_value(text[at + 1]);
    const int low = hex_value(text[at + 2]);
    if (high >= 0 && low >= 0) {
      at += 3;
      return static_cast<char>(high * 16 + low);
    }
  }
  return text[at++];
}

std::optional<int> number(std::string_view text, std::size_t at, std::size_t digits) {
  if (at + digits > text.size()) return std::nullopt;
  int value = 0;
  for (std::size_t i = at; i < at + digits; ++i) {
    if (!is_digit(text[i])) return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

std::optional<TimePoint> make_time(int year, int month, int day, int hour, int minute, int second) {
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  const TimePoint time = TimePoint(std::chrono::sys_days(date).time_since_epoch()) + std::chrono::hours(hour) +
                         std::chrono::minutes(minute) + std::chrono::seconds(second);
  // The leap second of the last year there is.
  if (time >= std::chrono::sys_days(std::chrono::year(10'000) / 1 / 1)) return std::nullopt;
  return time;
}

}  // namespace

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  std::size_t from = 0;
  for (;;) {
    const std::size_t to = text.find(separator, from);
    if (to == std::string_view::npos) {
      parts.push_back(text.substr(from));
      return parts;
    }
    parts.push_back(text.substr(from, to - from));
    from = to + 1;
  }
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::optional<std::uint64_t> parse_decimal(std::string_view text) {
  if (text.empty() || text.size() > 18) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (!is_digit(c)) return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return value;
}

std::string encode_component(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 16);
  for (const char c : text) {
    if (is_unreserved(c)) {
      out += c;
    } else {
      append_escaped(c, out);
    }
  }
  return out;
}

std::string decode_query_component(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == '+') {
      out += ' ';
      ++at;
    } else {
      out += decode_one(text, at);
    }
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> split_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> out;
  if (query.empty()) return out;
  for (const std::string_view part : split(query, '&')) {
    if (part.empty()) continue;
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos) {
      out.emplace_back(decode_query_component(part), "");
    } else {
      out.emplace_back(decode_query_component(part.substr(0, equals)), decode_query_component(part.substr(equals + 1)));
    }
  }
  return out;
}

bool has_query_name(std::string_view query, std::string_view name) {
  if (query.size() < name.size()) return false;
  for (const std::string_view part : split(query, '&')) {
    if (equals_ignore_case(part.substr(0, part.find('=')), name)) return true;
  }
  return false;
}

std::string canonical_query(std::string_view query, std::string_view omit) {
  if (query.empty()) return {};
  std::vector<std::pair<std::string, std::string>> pairs = split_query(query);
  if (!omit.empty()) {
    std::erase_if(pairs, [&](const auto& pair) { return equals_ignore_case(pair.first, omit); });
  }
  for (auto& [name, value] : pairs) {
    name = encode_component(name);
    value = encode_component(value);
  }
  std::ranges::sort(pairs);
  std::string out;
  out.reserve(query.size() + 16);
  for (const auto& [name, value] : pairs) {
    if (!out.empty()) out += '&';
    out += name;
    out += '=';
    out += value;
  }
  return out;
}

std::string normalize_path(std::string_view path) {
  std::vector<std::string_view> kept;
  for (const std::string_view segment : split(path, '/')) {
    if (segment.empty() || segment == ".") continue;
    if (segment == "..") {
      if (!kept.empty()) kept.pop_back();
      continue;
    }
    kept.push_back(segment);
  }
  std::string out;
  out.reserve(path.size() + 1);
  for (const std::string_view segment : kept) {
    out += '/';
    out += segment;
  }
  if (out.empty() || path.ends_with('/')) out += '/';
  return out;
}

std::string encode_path_again(std::string_view path) {
  std::string out;
  out.reserve(path.size() + 16);
  for (const char c : path) {
    if (is_unreserved(c) || c == '/') {
      out += c;
    } else {
      append_escaped(c, out);
    }
  }
  return out;
}

std::string encode_path_once(std::string_view path) {
  if (path.empty()) return "/";
  std::string out;
  out.reserve(path.size() + 16);
  for (std::size_t at = 0; at < path.size();) {
    const bool separator = path[at] == '/';
    const char c = decode_one(path, at);
    if (is_unreserved(c) || separator) {
      out += c;
    } else {
      append_escaped(c, out);
    }
  }
  return out;
}

void append_canonical_values(const std::vector<Header>& headers, std::string_view name, std::string& out) {
  bool first = true;
  for (const Header& header : headers) {
    if (!equals_ignore_case(header.name, name)) continue;
    if (!first) out += ',';
    first = false;
    bool gap = false;
    for (const char c : trim(header.value)) {
      if (is_blank(c)) {
        gap = true;
        continue;
      }
      if (gap) out += ' ';
      gap = false;
      out += c;
    }
  }
}

std::string format_amz_time(TimePoint time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(time - day));
  return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count());
}

std::optional<TimePoint> parse_amz_time(std::string_view text) {
  if (text.size() != 16 || text[8] != 'T' || text[15] != 'Z') return std::nullopt;
  const auto year = number(text, 0, 4);
  const auto month = number(text, 4, 2);
  const auto day = number(text, 6, 2);
  const auto hour = number(text, 9, 2);
  const auto minute = number(text, 11, 2);
  const auto second = number(text, 13, 2);
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  return make_time(*year, *month, *day, *hour, *minute, *second);
}

std::optional<TimePoint> parse_http_date(std::string_view text) {
  constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  if (text.size() != 29 || text.substr(3, 2) != ", " || text.substr(25) != " GMT") return std::nullopt;
  const auto day = number(text, 5, 2);
  const auto month = std::ranges::find(kMonths, text.substr(8, 3));
  const auto year = number(text, 12, 4);
  const auto hour = number(text, 17, 2);
  const auto minute = number(text, 20, 2);
  const auto second = number(text, 23, 2);
  if (!day || month == kMonths.end() || !year || !hour || !minute || !second) return std::nullopt;
  return make_time(*year, static_cast<int>(month - kMonths.begin()) + 1, *day, *hour, *minute, *second);
}

}  // namespace hearth::wire
