#pragma once
// The head of an HTTP/1.x request, read strictly, as views into the bytes it came in.
//
// Strict means: whatever two servers could read differently is refused, so that nothing can be smuggled past us. Lines
// end in CR LF; one space separates the parts of the request line; no space before a colon; no folded lines; no control
// bytes; Content-Length, Transfer-Encoding and Host at most once, the first two never together; the one transfer coding
// is `chunked`, on HTTP/1.1 only. Differential test against Boost.Beast: http_parser_test.cc; fuzz: tests/fuzz.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"

namespace hearth::net {

enum class HeadErrorKind {
  kMalformed,      // 400
  kTooManyFields,  // 431
  kVersion,        // 505: HTTP, but not 1.0 or 1.1
  kCoding,         // 501: a transfer coding other than chunked
  kExpectation,    // 417: an expectation other than 100-continue
};

struct FieldView {
  std::string_view name;
  std::string_view value;  // without surrounding blanks
};

enum class BodyKind : std::uint8_t { kNone, kSized, kChunked };

// Large, but nothing in it needs to be set before parsing: made on the stack of a plain function. Its views live as
// long as the parsed text.
struct HeadView {
  static constexpr std::size_t kMaxFields = 256;

  FieldView field(std::size_t index) const {
    const Slice& slice = slices[index];
    return {text.substr(slice.name_begin, slice.name_size), text.substr(slice.value_begin, slice.value_size)};
  }

  std::string_view method;
  std::string_view target;     // origin-form: begins with '/', or with '?' where an absolute-form had no path
  std::string_view authority;  // of an absolute-form target; it overrides the Host field. Otherwise empty
  int minor_version = 1;
  BodyKind body = BodyKind::kNone;
  bool keep_alive = true;
  bool expects_continue = false;
  std::uint64_t content_length = 0;
  std::size_t field_count = 0;

  // Where a field stands in `text`.
  struct Slice {
    std::uint32_t name_begin;
    std::uint32_t name_size;
    std::uint32_t value_begin;
    std::uint32_t value_size;
  };
  std::string_view text;
  std::array<Slice, kMaxFields> slices;
};

// Finds the end of a head in a growing buffer, looking at every byte once.
class HeadScanner {
 public:
  // `text`: all bytes since the head's first; each call with the same beginning. Returns the size of the head with its
  // empty line once it is there. Errors: kMalformed for what can be told early (a bare LF, no method).
  Result<std::optional<std::size_t>> scan(std::string_view text);
  void reset() { *this = HeadScanner(); }

 private:
  std::size_t line_begin_ = 0;
  std::size_t scanned_ = 0;
};

// Parses `text`, a whole head as HeadScanner delimits it and shorter than 4 GiB, into `head`. On an error `head` is
// unspecified.
Status parse_head(std::string_view text, HeadView& head);

// A header name or method: one or more token characters of RFC 9110.
bool is_token(std::string_view text);
// Bytes a field value may hold: no control bytes except the tab.
bool is_field_value(std::string_view text);

}  // namespace hearth::net
