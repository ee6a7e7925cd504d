#include "policy/glob.h"

namespace hearth::policy {
namespace {

constexpr char16_t kStar = 0x100;
constexpr char16_t kStarInSegment = 0x101;
constexpr char16_t kOne = 0x102;
constexpr unsigned kContinuationMask = 0xC0;
constexpr unsigned kContinuation = 0x80;

char16_t code_of(char c) { return static_cast<unsigned char>(c); }

// The position after the character that starts at `position`.
std::size_t after_character(std::string_view text, std::size_t position) {
  ++position;
  while (position < text.size() && (static_cast<unsigned char>(text[position]) & kContinuationMask) == kContinuation) {
    ++position;
  }
  return position;
}

// Where to take up again with a wildcard that takes one character more.
struct Retry {
  std::size_t pattern = std::u16string::npos;
  std::size_t text = 0;
  bool possible() const { return pattern != std::u16string::npos; }
};

}  // namespace

void Glob::append_literal(std::string_view text) {
  for (const char c : text) codes_.push_back(code_of(c));
}

void Glob::append_pattern(std::string_view text, Wildcards kind, char after) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (kind == Wildcards::kNone || (c != '*' && c != '?')) {
      codes_.push_back(code_of(c));
    } else if (c == '?') {
      codes_.push_back(kOne);
    } else {
      const char next = i + 1 < text.size() ? text[i + 1] : after;
      const bool ends_segment = next == '\0' || next == ':' || next == '*';
      codes_.push_back(kind == Wildcards::kArn && !ends_segment ? kStarInSegment : kStar);
    }
  }
}

bool Glob::matches(std::string_view text, Steps& steps) const {
  std::size_t p = 0;
  std::size_t t = 0;
  Retry wide;
  Retry narrow;  // inside its segment; after `wide`
  while (true) {
    if (!steps.take()) return false;
    if (p == codes_.size() && t == text.size()) return true;
    if (p < codes_.size()) {
      const char16_t code = codes_[p];
      if (code == kStar) {
        if (++p == codes_.size()) return true;
        wide = {p, t};
        narrow = {};
        continue;
      }
      if (code == kStarInSegment) {
        narrow = {++p, t};
        continue;
      }
      if (t < text.size() && (code == kOne || code == code_of(text[t]))) {
        ++p;
        t = code == kOne ? after_character(text, t) : t + 1;
        continue;
      }
    }
    if (narrow.possible() && narrow.text < text.size() && text[narrow.text] != ':') {
      t = ++narrow.text;
      p = narrow.pattern;
    } else if (wide.possible() && wide.text < text.size()) {
      narrow = {};
      t = ++wide.text;
      p = wide.pattern;
    } else {
      return false;
    }
  }
}

}  // namespace hearth::policy
