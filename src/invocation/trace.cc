#include "invocation/trace.h"

#include <cstring>

#include "base/bytes.h"

namespace hearth::invocation {

TraceSource::TraceSource() {
  std::uint64_t seed = 0;
  const std::string bytes = random_bytes(sizeof(seed));
  std::memcpy(&seed, bytes.data(), sizeof(seed));
  random_.seed(seed);
}

std::string TraceSource::hex(std::size_t digits) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text(digits, '0');
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    if (i % 16 == 0) bits = random_();
    text[i] = kDigits[bits & 15U];
    bits >>= 4U;
  }
  return text;
}

std::string TraceSource::header(std::string_view given, TimePoint now) {
  // What a client sends reaches the runtime as a header: only what can stand in one passes.
  for (const char c : given) {
    if (c < 0x20 || c > 0x7e) {
      given = {};
      break;
    }
  }
  std::string header(given.substr(0, 1024));
  const auto add = [&header](const std::string& part) { header += (header.empty() ? "" : ";") + part; };
  if (header.find("Root=") == std::string::npos) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
    std::string hex_seconds(8, '0');
    for (std::size_t i = 0; i < 8; ++i) hex_seconds[7 - i] = "0123456789abcdef"[(seconds >> (4 * i)) & 15];
    add("Root=1-" + hex_seconds + "-" + hex(24));
  }
  if (header.find("Parent=") == std::string::npos) add("Parent=" + hex(16));
  if (header.find("Sampled=") == std::string::npos) add("Sampled=0");
  return header;
}

}  // namespace hearth::invocation
