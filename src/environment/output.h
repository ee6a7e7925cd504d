#pragma once
// Output: from the bytes a function writes to log events.
//
// Standard output and error are text: one event per line. What runtime clients write to descriptor 3 is framed, so that
// a message of many lines stays one event. Either way an event is valid UTF-8 (what is not becomes U+FFFD) and at most
// kMaxEvent long; longer ones continue in further events. Memory per stream is bounded by kMaxEvent.
//
// Path: environment.cc (reads pipes) -> here -> journal.h        Tests: output_test.cc

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace hearth::environment {

inline constexpr std::size_t kMaxEvent = std::size_t{256} * 1024;  // what CloudWatch Logs takes for one event

// Receives events; `written_at` when the writer said so.
using EventSink = std::function<void(std::string text, std::optional<TimePoint> written_at)>;

// `text` with every byte that is not part of valid UTF-8 replaced by U+FFFD.
std::string to_valid_utf8(std::string_view text);
// The longest length <= `limit` at which `text` can be cut without dividing a character.
std::size_t utf8_cut(std::string_view text, std::size_t limit);

// Cuts text into lines.
class LineSplitter {
 public:
  explicit LineSplitter(EventSink sink) : sink_(std::move(sink)) {}
  void feed(std::string_view bytes);
  // Ends the line under way, if any.
  void flush();

 private:
  EventSink sink_;
  std::string partial_;
};

// Takes frames apart: type (0xa55a....), length, time in microseconds (absent in type 0xa55a0001), message; big-endian.
// From the first bytes on that are no frame, the stream is treated as text.
class FrameSplitter {
 public:
  explicit FrameSplitter(EventSink sink) : sink_(sink), text_(std::move(sink)) {}
  void feed(std::string_view bytes);
  void flush();

 private:
  // Bytes of `bytes` used; 0: more are needed first.
  std::size_t take_header(std::string_view bytes);
  void take_message(std::string_view& bytes);

  EventSink sink_;
  LineSplitter text_;
  bool broken_ = false;
  std::string header_;           // an incomplete header
  std::uint32_t remaining_ = 0;  // of the message under way
  bool in_message_ = false;
  std::optional<TimePoint> at_;
  std::string message_;
};

}  // namespace hearth::environment
