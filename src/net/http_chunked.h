#pragma once
// ChunkedDecoder: takes the chunked transfer coding off a request body, strictly.
//
// Chunk extensions and trailer fields are checked for shape, bounded and dropped.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace hearth::net {

enum class ChunkedState : std::uint8_t {
  kNeedsMore,
  kComplete,
  kTooLarge,   // the body would exceed its limit
  kMalformed,  // includes extensions and trailers longer than anyone needs
};

class ChunkedDecoder {
 public:
  explicit ChunkedDecoder(ByteCount max_body) : max_body_(max_body.value) {}

  // Appends to `body` what `input` holds of it and returns how many bytes of `input` belong to the coding: all of them
  // unless state() is no longer kNeedsMore. `body` is only ever appended to.
  std::size_t feed(std::string_view input, std::string& body);
  ChunkedState state() const { return state_; }

 private:
  enum class Step : std::uint8_t {
    kSize,
    kExtensionName,
    kExtensionValueBegin,
    kExtensionValue,
    kExtensionQuoted,
    kExtensionQuotedPair,
    kExtensionQuotedEnd,
    kSizeLf,
    kData,
    kDataCr,
    kDataLf,
    kTrailerName,
    kTrailerValue,
    kTrailerLf,
  };

  void step(char c);
  void step_size(char c);
  void step_extension(char c);
  void step_trailer(char c);
  void end_size_line();

  std::uint64_t max_body_;
  std::uint64_t decoded_ = 0;
  std::uint64_t left_in_chunk_ = 0;
  std::uint32_t size_digits_ = 0;
  std::uint32_t dropped_ = 0;  // bytes of extensions and trailers
  std::uint32_t name_ = 0;     // bytes of the name of the extension or trailer field being read
  Step step_ = Step::kSize;
  ChunkedState state_ = ChunkedState::kNeedsMore;
};

}  // namespace hearth::net
