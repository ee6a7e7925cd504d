#pragma once
// What fuzz targets share: the input as text, cut into parts, whether it is UTF-8, and the check of a property.
//
// A property that does not hold ends the program with its text and place on standard error; libFuzzer then keeps the
// input. Inputs that once failed live in corpus/NAME and run at every start.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/utf8.h"

#define FUZZ_REQUIRE(condition)                                                                        \
  do {                                                                                                 \
    if (!(condition)) {                                                                                \
      std::fprintf(stderr, "%s:%d: the property does not hold: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                                    \
    }                                                                                                  \
  } while (false)

namespace hearth::fuzz {

// Parts of one input, in order. A copy of exact size, so that AddressSanitizer sees any step outside.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : bytes_(reinterpret_cast<const char*>(data), size) {}

  bool empty() const { return at_ == bytes_.size(); }
  // The next byte, or 0.
  std::uint8_t byte() { return empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(bytes_[at_++]); }
  // Up to the next `separator`, which is dropped, or all that is left.
  std::string part(char separator) {
    const std::size_t end = bytes_.find(separator, at_);
    std::string found = bytes_.substr(at_, end == std::string::npos ? end : end - at_);
    at_ = end == std::string::npos ? bytes_.size() : end + 1;
    return found;
  }
  std::string line() { return part('\n'); }
  // All that is left.
  std::string rest() {
    std::string found = bytes_.substr(at_);
    found.shrink_to_fit();
    at_ = bytes_.size();
    return found;
  }

 private:
  std::string bytes_;
  std::size_t at_ = 0;
};

// Calls `use(piece)` with `bytes` cut into pieces of the sizes that `sizes` names in turn (at least 1 each).
template <class Use>
void in_pieces(std::string_view bytes, std::string_view sizes, Use use) {
  for (std::size_t i = 0; !bytes.empty(); ++i) {
    const std::size_t wanted = sizes.empty() ? bytes.size() : static_cast<unsigned char>(sizes[i % sizes.size()]) + 1U;
    const std::string piece(bytes.substr(0, wanted));
    bytes.remove_prefix(piece.size());
    use(std::string_view(piece));
  }
}

inline bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_sequence(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace hearth::fuzz
