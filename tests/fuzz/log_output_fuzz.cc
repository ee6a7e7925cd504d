// What a function writes: the events are the same whatever pieces the bytes arrive in, always UTF-8, never over the
// limit, and nothing but line ends is lost. First byte: 0 text, else frames; then a line of piece sizes.
#include "environment/output.h"
#include "fuzz.h"

namespace {

using namespace hearth;

using Events = std::vector<std::pair<std::string, std::optional<TimePoint>>>;

template <class Splitter>
Events events_of(std::string_view bytes, std::string_view sizes) {
  Events events;
  Splitter splitter([&](std::string text, std::optional<TimePoint> at) { events.emplace_back(std::move(text), at); });
  fuzz::in_pieces(bytes, sizes, [&](std::string_view piece) { splitter.feed(piece); });
  splitter.flush();
  return events;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const bool frames = input.byte() != 0;
  const std::string sizes = input.line();
  std::string bytes = input.rest();
  // Long events without long inputs: '\x01' stands for many bytes.
  if (bytes.size() < 64) {
    for (std::size_t at = bytes.find('\x01'); at != std::string::npos; at = bytes.find('\x01', at + 100'000)) {
      bytes.replace(at, 1, std::string(100'000, 'm'));
      if (bytes.size() > 300'000) break;
    }
  }
  const Events whole =
      frames ? events_of<environment::FrameSplitter>(bytes, "") : events_of<environment::LineSplitter>(bytes, "");
  const Events pieces =
      frames ? events_of<environment::FrameSplitter>(bytes, sizes) : events_of<environment::LineSplitter>(bytes, sizes);
  FUZZ_REQUIRE(whole == pieces);
  std::size_t total = 0;
  for (const auto& [text, at] : whole) {
    FUZZ_REQUIRE(fuzz::is_utf8(text) && text.size() <= environment::kMaxEvent);
    total += text.size();
  }
  FUZZ_REQUIRE(total <= 3 * bytes.size());  // U+FFFD has three bytes
  const std::string valid = environment::to_valid_utf8(bytes);
  FUZZ_REQUIRE(fuzz::is_utf8(valid) && environment::to_valid_utf8(valid) == valid);
  if (!frames && fuzz::is_utf8(bytes)) {
    std::string without_ends;
    std::string joined;
    for (const char c : bytes) {
      if (c != '\n' && c != '\r') without_ends += c;
    }
    for (const auto& event : whole) {
      for (const char c : event.first) {
        if (c != '\n' && c != '\r') joined += c;
      }
    }
    FUZZ_REQUIRE(joined == without_ends);
  }
  return 0;
}
