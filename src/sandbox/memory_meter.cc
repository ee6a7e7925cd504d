#include "sandbox/memory_meter.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace hearth::sandbox {
namespace {

// Control files are read and written from their beginning every time.
std::string_view read_file(const UniqueFd& file, std::array<char, 4096>& buffer) {
  if (!file) return {};
  const ssize_t count = ::pread(file.get(), buffer.data(), buffer.size(), 0);
  return {buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(0, count))};
}

std::optional<ByteCount> parse_number(std::string_view text) {
  ByteCount count;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count.value);
  if (error != std::errc()) return std::nullopt;
  return count;
}

}  // namespace

std::optional<MemoryStat> parse_memory_stat(std::string_view text) {
  std::optional<ByteCount> anonymous;
  std::optional<ByteCount> cache;
  while (!text.empty() && (!anonymous || !cache)) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos) continue;
    const std::string_view name = line.substr(0, space);
    if (name == "anon" || name == "rss") anonymous = parse_number(line.substr(space + 1));
    if (name == "file" || name == "cache") cache = parse_number(line.substr(space + 1));
  }
  if (!anonymous || !cache) return std::nullopt;
  return MemoryStat{*anonymous, *cache};
}

MemoryMeter::MemoryMeter(UniqueFd peak_file, UniqueFd stat_file)
    : peak_file_(std::move(peak_file)), stat_file_(std::move(stat_file)) {}

ByteCount MemoryMeter::peak() {
  std::array<char, 4096> buffer;
  const auto total = parse_number(read_file(peak_file_, buffer));
  if (total && *total == last_total_peak_) return peak_;
  const auto stat = parse_memory_stat(read_file(stat_file_, buffer));
  if (total) {
    last_total_peak_ = *total;
    const ByteCount cache = stat ? stat->cache : ByteCount{};
    if (*total > unresettable_peak_ && *total > cache) peak_ = std::max(peak_, ByteCount{total->value - cache.value});
  }
  if (stat) peak_ = std::max(peak_, stat->anonymous);
  return peak_;
}

ByteCount MemoryMeter::in_use() {
  std::array<char, 4096> buffer;
  const auto stat = parse_memory_stat(read_file(stat_file_, buffer));
  return stat ? stat->anonymous : ByteCount{};
}

void MemoryMeter::reset() {
  peak_ = {};
  last_total_peak_ = {};
  if (!peak_file_ || ::pwrite(peak_file_.get(), "0\n", 2, 0) == 2) return;
  std::array<char, 4096> buffer;
  unresettable_peak_ = parse_number(read_file(peak_file_, buffer)).value_or(ByteCount{});
}

}  // namespace hearth::sandbox
