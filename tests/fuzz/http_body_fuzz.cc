// Any bytes as a chunked body: the same whatever pieces they arrive in, never over the limit, and what is complete must
// be the same body to Boost.Beast. The first two bytes choose the limit and the size of the pieces.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "net/http_beast_oracle.h"
#include "net/http_chunked.h"

namespace {

using hearth::ByteCount;
using hearth::net::ChunkedDecoder;
using hearth::net::ChunkedState;

struct Decoded {
  ChunkedState state = ChunkedState::kNeedsMore;
  std::size_t used = 0;
  std::string body;
  bool operator==(const Decoded&) const = default;
};

Decoded decode(std::string_view input, std::size_t piece, ByteCount limit) {
  ChunkedDecoder decoder(limit);
  Decoded decoded;
  while (decoder.state() == ChunkedState::kNeedsMore && decoded.used < input.size()) {
    const std::string part(input.substr(decoded.used, piece));
    decoded.used += decoder.feed(part, decoded.body);
  }
  decoded.state = decoder.state();
  return decoded;
}

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2 || size > 8192) return 0;
  const ByteCount limit{data[0] == 255 ? 1U << 20U : data[0]};
  const std::size_t piece = data[1] + 1U;
  const std::string_view input(reinterpret_cast<const char*>(data) + 2, size - 2);
  const Decoded whole = decode(input, input.size() + 1, limit);
  require(whole == decode(input, piece, limit));
  require(whole.body.size() <= limit.value && whole.used <= input.size());
  if (whole.state != ChunkedState::kComplete) return 0;
  require(hearth::net::test::beast_chunked_body(input.substr(0, whole.used)) == whole.body);
  return 0;
}
