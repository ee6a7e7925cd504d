// Timestamps: what is read can be written in every format and reads back as the same moment, to the precision of the
// format.
#include <chrono>

#include "fuzz.h"
#include "wire/sigv4.h"
#include "wire/sigv4_text.h"
#include "wire/timestamp.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hearth;
  const std::string text = fuzz::Input(data, size).rest();
  if (const auto amz = wire::parse_amz_time(text)) {
    const std::string written = wire::format_amz_time(*amz);
    FUZZ_REQUIRE(written == text || text.ends_with("60Z"));  // a leap second is the first one of the next minute
    FUZZ_REQUIRE(wire::parse_amz_time(written) == amz);
  }
  (void)wire::parse_http_date(text);
  const auto time = wire::parse_timestamp(text);
  if (!time) return 0;
  const auto seconds = std::chrono::floor<std::chrono::seconds>(*time);
  FUZZ_REQUIRE(wire::parse_timestamp(wire::format_timestamp(*time, wire::TimestampFormat::kIso8601)) == time);
  FUZZ_REQUIRE(wire::parse_timestamp(wire::format_timestamp(*time, wire::TimestampFormat::kUnix)) == time);
  FUZZ_REQUIRE(wire::parse_timestamp(wire::format_timestamp(*time, wire::TimestampFormat::kHttpDate)) == seconds);
  FUZZ_REQUIRE(wire::parse_amz_time(wire::format_amz_time(*time)) == seconds);
  return 0;
}
