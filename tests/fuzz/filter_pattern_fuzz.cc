// Filter patterns of log events: any text is a pattern or refused, and a message made of all its terms matches unless a
// term is excluded. Lines: the pattern, a message.
#include "fuzz.h"
#include "services/logs/filter_pattern.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hearth::services::logs;
  hearth::fuzz::Input input(data, size);
  const std::string text = input.line();
  const std::string message = input.line();
  const auto pattern = FilterPattern::parse(text);
  if (!pattern) {
    FUZZ_REQUIRE(!pattern.error().message().empty());
    return 0;
  }
  const bool matches = pattern->matches(message);
  FUZZ_REQUIRE(pattern->matches(message) == matches);
  // More text can only make a match of one that excludes nothing.
  if (matches && text.find('-') == std::string::npos) FUZZ_REQUIRE(pattern->matches("x" + message + "y"));
  if (text.find_first_not_of(' ') == std::string::npos) FUZZ_REQUIRE(matches);
  return 0;
}
