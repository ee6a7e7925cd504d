// Any bytes as the head of a request: the scanner must not depend on how they arrive, and what the parser accepts must
// mean the same to Boost.Beast.

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "net/http_beast_oracle.h"
#include "net/http_parser.h"

namespace {

using hearth::net::HeadScanner;
using hearth::net::HeadView;

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 4096) return 0;
  // Copies of exact size, so that AddressSanitizer sees any step outside.
  const std::string text(reinterpret_cast<const char*>(data), size);
  HeadScanner at_once;
  const auto end = at_once.scan(text);

  HeadScanner piecewise;
  auto piecewise_end = piecewise.scan(std::string_view(text).substr(0, 0));
  for (std::size_t count = 1; count <= size && piecewise_end && !*piecewise_end; count += 1 + count / 16) {
    piecewise_end = piecewise.scan(std::string_view(text).substr(0, count));
  }
  if (piecewise_end && !*piecewise_end) piecewise_end = piecewise.scan(text);
  require(end.has_value() == piecewise_end.has_value());
  require(!end || *end == *piecewise_end);
  if (!end || !*end) return 0;

  const std::string head_text = text.substr(0, **end);
  const auto head = std::make_unique<HeadView>();
  if (!hearth::net::parse_head(head_text, *head)) return 0;
  const std::string difference = hearth::net::test::difference(hearth::net::test::beast_verdict(head_text), *head);
  require(difference.empty());
  for (std::size_t i = 0; i < head->field_count; ++i) {
    require(hearth::net::is_token(head->field(i).name) && hearth::net::is_field_value(head->field(i).value));
  }
  return 0;
}
