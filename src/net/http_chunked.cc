#include "net/http_chunked.h"

#include <algorithm>

#include "net/http_parser.h"

namespace hearth::net {
namespace {

constexpr std::uint32_t kMaxDropped = 16'384;
constexpr std::uint32_t kMaxSizeDigits = 15;

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_text_byte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte >= 0x20 && byte != 0x7F) || c == '\t';
}

}  // namespace

std::size_t ChunkedDecoder::feed(std::string_view input, std::string& body) {
  std::size_t used = 0;
  while (used < input.size() && state_ == ChunkedState::kNeedsMore) {
    if (step_ == Step::kData) {
      const std::size_t count = std::min<std::uint64_t>(left_in_chunk_, input.size() - used);
      body.append(input.substr(used, count));
      used += count;
      left_in_chunk_ -= count;
      if (left_in_chunk_ == 0) step_ = Step::kDataCr;
    } else {
      step(input[used++]);
    }
  }
  return used;
}

void ChunkedDecoder::step(char c) {
  switch (step_) {
    case Step::kSize:
      return step_size(c);
    case Step::kExtensionName:
    case Step::kExtensionValueBegin:
    case Step::kExtensionValue:
    case Step::kExtensionQuoted:
    case Step::kExtensionQuotedPair:
    case Step::kExtensionQuotedEnd:
      return step_extension(c);
    case Step::kSizeLf:
      if (c != '\n') {
        state_ = ChunkedState::kMalformed;
      } else {
        end_size_line();
      }
      return;
    case Step::kData:
      return;  // feed() takes these
    case Step::kDataCr:
    case Step::kDataLf:
      if (c != (step_ == Step::kDataCr ? '\r' : '\n')) {
        state_ = ChunkedState::kMalformed;
      } else {
        step_ = step_ == Step::kDataCr ? Step::kDataLf : Step::kSize;
      }
      return;
    case Step::kTrailerName:
    case Step::kTrailerValue:
    case Step::kTrailerLf:
      return step_trailer(c);
  }
}

void ChunkedDecoder::step_size(char c) {
  const int digit = hex_value(c);
  if (digit >= 0) {
    if (++size_digits_ > kMaxSizeDigits) {
      state_ = ChunkedState::kMalformed;
      return;
    }
    left_in_chunk_ = left_in_chunk_ * 16 + static_cast<std::uint64_t>(digit);
    return;
  }
  if (size_digits_ == 0) {
    state_ = ChunkedState::kMalformed;
  } else if (c == '\r') {
    step_ = Step::kSizeLf;
  } else if (c == ';') {
    step_ = Step::kExtensionName;
  } else {
    state_ = ChunkedState::kMalformed;
  }
}

// chunk-ext = *( ";" token [ "=" ( token / quoted-string ) ] ), without blanks.
void ChunkedDecoder::step_extension(char c) {
  const bool token_byte = is_token({&c, 1});
  bool fits = ++dropped_ <= kMaxDropped;
  switch (step_) {
    case Step::kExtensionValueBegin:
      step_ = c == '"' ? Step::kExtensionQuoted : Step::kExtensionValue;
      fits = fits && (c == '"' || token_byte);
      break;
    case Step::kExtensionQuoted:
      if (c == '"') step_ = Step::kExtensionQuotedEnd;
      if (c == '\\') step_ = Step::kExtensionQuotedPair;
      fits = fits && is_text_byte(c);
      break;
    case Step::kExtensionQuotedPair:
      step_ = Step::kExtensionQuoted;
      fits = fits && is_text_byte(c);
      break;
    default: {
      const bool in_name = step_ == Step::kExtensionName;
      if (token_byte && step_ != Step::kExtensionQuotedEnd) {
        if (in_name) ++name_;
        break;
      }
      fits = fits && !(in_name && name_ == 0);
      if (c == ';') {
        step_ = Step::kExtensionName;
      } else if (c == '\r') {
        step_ = Step::kSizeLf;
      } else if (c == '=' && in_name) {
        step_ = Step::kExtensionValueBegin;
      } else {
        fits = false;
      }
      name_ = 0;
    }
  }
  if (!fits) state_ = ChunkedState::kMalformed;
}

void ChunkedDecoder::end_size_line() {
  size_digits_ = 0;
  if (left_in_chunk_ == 0) {
    step_ = Step::kTrailerName;
    return;
  }
  if (left_in_chunk_ > max_body_ - decoded_) {
    state_ = ChunkedState::kTooLarge;
    return;
  }
  decoded_ += left_in_chunk_;
  step_ = Step::kData;
}

void ChunkedDecoder::step_trailer(char c) {
  if (step_ == Step::kTrailerLf) {
    if (c != '\n') {
      state_ = ChunkedState::kMalformed;
    } else if (name_ == 0) {
      state_ = ChunkedState::kComplete;  // the empty line
    }
    name_ = 0;
    step_ = Step::kTrailerName;
    return;
  }
  if (c == '\r' && (step_ == Step::kTrailerValue || name_ == 0)) {
    step_ = Step::kTrailerLf;
    return;
  }
  const bool fits = ++dropped_ <= kMaxDropped;
  if (step_ == Step::kTrailerName && c == ':' && name_ > 0) {
    step_ = Step::kTrailerValue;
  } else if (step_ == Step::kTrailerName && is_token({&c, 1})) {
    ++name_;
  } else if (step_ != Step::kTrailerValue || !is_text_byte(c)) {
    state_ = ChunkedState::kMalformed;
  }
  if (!fits) state_ = ChunkedState::kMalformed;
}

}  // namespace hearth::net
