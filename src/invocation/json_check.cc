#include "invocation/json_check.h"

#include <emmintrin.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace hearth::invocation {
namespace {

constexpr std::size_t kMaxDepth = 1000;  // what the parser of AWS's front end allows

// Walks over one document; every method leaves the position at the first byte it did not accept.
class Walker {
 public:
  explicit Walker(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  bool document() {
    std::string closers;  // of the open arrays and objects
    for (;;) {
      space();
      if (at_ == end_) return false;
      if (*at_ == '{' || *at_ == '[') {
        if (closers.size() == kMaxDepth) return false;
        const bool object = *at_++ == '{';
        closers.push_back(object ? '}' : ']');
        space();
        if (take(closers.back())) {
          closers.pop_back();
        } else {
          if (object && !key()) return false;
          continue;
        }
      } else if (!scalar()) {
        return false;
      }
      // A value has ended: close what ends with it, or go on to the next one.
      for (;;) {
        space();
        if (closers.empty()) return at_ == end_;
        if (take(closers.back())) {
          closers.pop_back();
          continue;
        }
        if (!take(',')) return false;
        space();
        if (closers.back() == '}' && !key()) return false;
        break;
      }
    }
  }

  const char* position() const { return at_; }

 private:
  bool take(char wanted) {
    if (at_ == end_ || *at_ != wanted) return false;
    ++at_;
    return true;
  }
  void space() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r')) ++at_;
  }
  bool key() {
    if (at_ == end_ || *at_ != '"' || !string()) return false;
    space();
    return take(':');
  }
  bool scalar() {
    switch (*at_) {
      case '"':
        return string();
      case 't':
        return word("true");
      case 'f':
        return word("false");
      case 'n':
        return word("null");
      default:
        return number();
    }
  }
  bool word(std::string_view wanted) {
    if (!std::string_view(at_, static_cast<std::size_t>(end_ - at_)).starts_with(wanted)) return false;
    at_ += wanted.size();
    return true;
  }
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }
  bool digits() {
    if (at_ == end_ || !is_digit(*at_)) return false;
    while (at_ != end_ && is_digit(*at_)) ++at_;
    return true;
  }
  bool number() {
    take('-');
    if (!take('0') && !digits()) return false;
    if (take('.') && !digits()) return false;
    if (take('e') || take('E')) {
      if (!take('+')) take('-');
      if (!digits()) return false;
    }
    return true;
  }

  bool string() {
    ++at_;
    for (;;) {
      skip_plain();
      if (at_ == end_) return false;
      const auto byte = static_cast<unsigned char>(*at_);
      if (byte == '"') {
        ++at_;
        return true;
      }
      if (byte == '\\') {
        if (!escape()) return false;
      } else if (byte >= 0x80) {
        if (!multibyte()) return false;
      } else if (byte < 0x20) {
        return false;
      } else {
        ++at_;
      }
    }
  }
  // Moves to the next byte that is not plain ASCII text inside a string.
  void skip_plain() {
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i backslash = _mm_set1_epi8('\\');
    const __m128i first_plain = _mm_set1_epi8(0x20);
    while (end_ - at_ >= 16) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at_));
      // Signed comparison: bytes of 0x80 and above are negative, so they stop here too.
      const __m128i special = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)),
                                           _mm_cmplt_epi8(bytes, first_plain));
      const auto mask = static_cast<std::uint32_t>(_mm_movemask_epi8(special));
      if (mask != 0) {
        at_ += __builtin_ctz(mask);
        return;
      }
      at_ += 16;
    }
    while (at_ != end_ && static_cast<signed char>(*at_) >= 0x20 && *at_ != '"' && *at_ != '\\') ++at_;
  }
  bool escape() {
    ++at_;
    if (at_ == end_) return false;
    if (std::string_view("\"\\/bfnrt").find(*at_) != std::string_view::npos) {
      ++at_;
      return true;
    }
    if (!take('u')) return false;
    for (int i = 0; i < 4; ++i, ++at_) {
      if (at_ == end_ || !(is_digit(*at_) || (*at_ >= 'a' && *at_ <= 'f') || (*at_ >= 'A' && *at_ <= 'F')))
        return false;
    }
    return true;
  }
  bool multibyte() {
    const auto byte = [this](std::ptrdiff_t i) { return static_cast<unsigned char>(at_[i]); };
    const unsigned char first = byte(0);
    const std::ptrdiff_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || end_ - at_ < length) return false;
    for (std::ptrdiff_t i = 1; i < length; ++i) {
      if ((byte(i) & 0xC0U) != 0x80U) return false;
    }
    if ((first == 0xE0 && byte(1) < 0xA0) || (first == 0xED && byte(1) > 0x9F) || (first == 0xF0 && byte(1) < 0x90) ||
        (first == 0xF4 && byte(1) > 0x8F)) {
      return false;
    }
    at_ += length;
    return true;
  }

  const char* at_;
  const char* end_;
};

}  // namespace

std::optional<std::string> json_problem(std::string_view text) {
  Walker walker(text);
  if (walker.document()) return std::nullopt;
  const std::string_view before(text.data(), static_cast<std::size_t>(walker.position() - text.data()));
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const std::size_t line_start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  const std::string where =
      " at line: " + std::to_string(line) + ", column: " + std::to_string(before.size() - line_start + 1);
  return (before.size() == text.size() ? "Unexpected end-of-input" : "Unexpected character") + where;
}

}  // namespace hearth::invocation
