#include "environment/output.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

#include "base/utf8.h"

namespace hearth::environment {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
constexpr std::size_t kShortHeader = 8;  // type, length
constexpr std::size_t kLongHeader = 16;  // type, length, time
constexpr std::uint32_t kFrameFamily = 0xa55a0000;
constexpr std::uint32_t kFrameWithoutTime = 0xa55a0001;

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

// One event, or several where U+FFFD makes it too long.
void emit(const EventSink& sink, std::string_view bytes, std::optional<TimePoint> at) {
  std::string valid = to_valid_utf8(bytes);
  while (valid.size() > kMaxEvent) {
    const std::size_t cut = utf8_cut(valid, kMaxEvent);
    sink(valid.substr(0, cut), at);
    valid.erase(0, cut);
  }
  sink(std::move(valid), at);
}

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char c : bytes) value = value << 8U | static_cast<unsigned char>(c);
  return value;
}

}  // namespace

std::string to_valid_utf8(std::string_view text) {
  std::string valid;
  valid.reserve(text.size());
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t run_start = at;
    while (at < text.size()) {
      if (at + 8 <= text.size()) {  // eight ASCII characters at once
        std::uint64_t eight = 0;
        std::memcpy(&eight, text.data() + at, 8);
        if ((eight & 0x8080808080808080U) == 0) {
          at += 8;
          continue;
        }
      }
      const std::size_t length = utf8_sequence(text.substr(at));
      if (length == 0) break;
      at += length;
    }
    valid.append(text, run_start, at - run_start);
    if (at < text.size()) {
      valid.append(kReplacement);
      ++at;
    }
  }
  return valid;
}

std::size_t utf8_cut(std::string_view text, std::size_t limit) {
  if (text.size() <= limit) return text.size();
  std::size_t cut = limit;
  for (int back = 0; back < 3 && cut > 0 && is_continuation(text[cut]); ++back) --cut;
  return is_continuation(text[cut]) || cut == 0 ? limit : cut;
}

void LineSplitter::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t newline = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, newline);
    if (newline != std::string_view::npos && partial_.empty() && piece.size() <= kMaxEvent) {
      emit(sink_, piece, std::nullopt);
    } else {
      std::string_view rest = piece;
      while (partial_.size() + rest.size() > kMaxEvent) {
        const std::size_t take = std::min(rest.size(), kMaxEvent + 4 - std::min(partial_.size(), kMaxEvent));
        partial_.append(rest.substr(0, take));
        rest.remove_prefix(take);
        const std::size_t cut = utf8_cut(partial_, kMaxEvent);
        emit(sink_, std::string_view(partial_).substr(0, cut), std::nullopt);
        partial_.erase(0, cut);
      }
      partial_.append(rest);
      if (newline != std::string_view::npos) {
        emit(sink_, partial_, std::nullopt);
        partial_.clear();
      }
    }
    if (newline == std::string_view::npos) return;
    bytes.remove_prefix(newline + 1);
  }
}

void LineSplitter::flush() {
  if (partial_.empty()) return;
  emit(sink_, partial_, std::nullopt);
  partial_.clear();
}

void FrameSplitter::feed(std::string_view bytes) {
  while (!bytes.empty() && !broken_) {
    if (in_message_) {
      take_message(bytes);
    } else {
      const std::size_t taken = take_header(bytes);
      bytes.remove_prefix(taken);
    }
  }
  if (broken_) text_.feed(bytes);
}

std::size_t FrameSplitter::take_header(std::string_view bytes) {
  const std::size_t had = header_.size();
  header_.append(bytes.substr(0, kLongHeader - std::min(had, kLongHeader)));
  const auto use = [&](std::size_t header_size) {
    remaining_ = static_cast<std::uint32_t>(big_endian(std::string_view(header_).substr(4, 4)));
    in_message_ = remaining_ > 0;
    header_.clear();
    message_.clear();
    if (!in_message_) sink_({}, at_);
    return header_size - had;
  };
  if (header_.size() >= 2 && big_endian(std::string_view(header_).substr(0, 2)) != kFrameFamily >> 16U) {
    broken_ = true;
    const std::string stray = std::exchange(header_, {});
    text_.feed(std::string_view(stray).substr(0, had));
    return 0;
  }
  if (header_.size() >= kShortHeader && big_endian(std::string_view(header_).substr(0, 4)) == kFrameWithoutTime) {
    at_.reset();
    return use(kShortHeader);
  }
  if (header_.size() < kLongHeader) return bytes.size();
  const std::uint64_t micros = big_endian(std::string_view(header_).substr(8, 8));
  // Years beyond 2200 are noise; the journal judges what is plausible.
  at_ = micros < 7'258'118'400'000'000ULL ? std::optional(TimePoint(std::chrono::milliseconds(micros / 1000)))
                                          : std::nullopt;
  return use(kLongHeader);
}

void FrameSplitter::take_message(std::string_view& bytes) {
  const std::size_t take = std::min({bytes.size(), std::size_t{remaining_}, kMaxEvent + 4 - message_.size()});
  message_.append(bytes.substr(0, take));
  bytes.remove_prefix(take);
  remaining_ -= static_cast<std::uint32_t>(take);
  while (message_.size() > kMaxEvent) {
    const std::size_t cut = utf8_cut(message_, kMaxEvent);
    emit(sink_, std::string_view(message_).substr(0, cut), at_);
    message_.erase(0, cut);
  }
  if (remaining_ > 0) return;
  in_message_ = false;
  if (message_.ends_with('\n')) message_.pop_back();
  emit(sink_, message_, at_);
  message_.clear();
}

void FrameSplitter::flush() {
  if (broken_) {
    text_.flush();
    return;
  }
  if (in_message_ && !message_.empty()) emit(sink_, message_, at_);
  if (in_message_ || !header_.empty()) broken_ = true;  // whatever comes now does not start at a frame
  header_.clear();
  message_.clear();
  in_message_ = false;
}

}  // namespace hearth::environment
