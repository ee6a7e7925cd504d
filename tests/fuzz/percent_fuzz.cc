// Percent-encoding, query strings and forms: round trips, and the strict reader against the lenient one of signatures.
#include "fuzz.h"
#include "wire/percent.h"
#include "wire/sigv4_text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hearth;
  const std::string text = fuzz::Input(data, size).rest();
  const std::string encoded = wire::percent_encode(text);
  FUZZ_REQUIRE(wire::percent_decode(encoded) == text);
  FUZZ_REQUIRE(encoded == wire::encode_component(text));
  if (const auto decoded = wire::percent_decode(text)) FUZZ_REQUIRE(decoded->size() <= text.size());

  const auto form = wire::decode_form(text);
  if (!form) return 0;
  // A form of these parameters, written canonically, reads as the same parameters.
  std::string written;
  for (const auto& [name, value] : *form) {
    if (!written.empty()) written += '&';
    written += wire::percent_encode(name) + "=" + wire::percent_encode(value);
  }
  const auto again = wire::decode_form(written);
  FUZZ_REQUIRE(again.has_value());
  if (*form != wire::Parameters{{"", ""}}) FUZZ_REQUIRE(*again == *form);
  // What is signed is what is read.
  FUZZ_REQUIRE(wire::canonical_query(text, "") == wire::canonical_query(written, ""));
  return 0;
}
