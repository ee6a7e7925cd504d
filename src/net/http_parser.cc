#include "net/http_parser.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string>

#include "base/header.h"

namespace hearth::net {
namespace {

constexpr std::size_t kMaxMethod = 32;

enum : std::uint8_t { kTokenByte = 1, kTargetByte = 2, kAuthorityByte = 4 };

constexpr std::array<std::uint8_t, 256> make_byte_classes() {
  std::array<std::uint8_t, 256> classes{};
  for (unsigned c = 0x21; c < 0x7F; ++c) {
    if (c != '#') classes[c] |= kTargetByte;
  }
  constexpr std::string_view letters_and_digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  for (const char c : letters_and_digits) classes[static_cast<unsigned char>(c)] |= kTokenByte | kAuthorityByte;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) classes[static_cast<unsigned char>(c)] |= kTokenByte;
  for (const char c : std::string_view("-._~!$&'()*+;=:[]%")) classes[static_cast<unsigned char>(c)] |= kAuthorityByte;
  return classes;
}
constexpr auto kByteClasses = make_byte_classes();

bool all_of_class(std::string_view text, std::uint8_t byte_class) {
  return std::all_of(text.begin(), text.end(),
                     [byte_class](char c) { return (kByteClasses[static_cast<unsigned char>(c)] & byte_class) != 0; });
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::unexpected<Error> malformed(const char* why) { return fail(HeadErrorKind::kMalformed, why); }

// Eight bytes at once: whether one of them is below 0x20 or is 0x7F. May say yes for a neighbour; then bytes decide.
bool may_hold_control(std::uint64_t word) {
  constexpr std::uint64_t ones = 0x0101010101010101U;
  constexpr std::uint64_t tops = 0x8080808080808080U;
  const std::uint64_t below_blank = (word - ones * 0x20U) & ~word & tops;
  const std::uint64_t del = word ^ (ones * 0x7FU);
  const std::uint64_t is_del = (del - ones) & ~del & tops;
  return (below_blank | is_del) != 0;
}

// scheme "://" authority [path][?query] into `head`'s authority and target.
Status split_absolute_form(std::string_view target, HeadView& head) {
  constexpr std::string_view kSchemes[] = {"http://", "https://"};
  for (const std::string_view scheme : kSchemes) {
    if (!equals_ignore_case(target.substr(0, scheme.size()), scheme)) continue;
    const std::string_view rest = target.substr(scheme.size());
    const std::size_t end = std::min(rest.find_first_of("/?"), rest.size());
    head.authority = rest.substr(0, end);
    head.target = end == rest.size() ? std::string_view("/") : rest.substr(end);
    if (head.authority.empty() || !all_of_class(head.authority, kAuthorityByte)) {
      return malformed("the target names no valid host");
    }
    return {};
  }
  return malformed("the target is neither a path nor an http URL");
}

Status parse_request_line(std::string_view line, HeadView& head) {
  const std::size_t method_end = line.find(' ');
  if (method_end == std::string_view::npos) return malformed("no target in the request line");
  head.method = line.substr(0, method_end);
  if (head.method.size() > kMaxMethod || !is_token(head.method)) return malformed("invalid method");
  line.remove_prefix(method_end + 1);
  const std::size_t target_end = line.find(' ');
  if (target_end == std::string_view::npos) return malformed("no version in the request line");
  const std::string_view target = line.substr(0, target_end);
  const std::string_view version = line.substr(target_end + 1);
  if (target.empty() || !all_of_class(target, kTargetByte)) return malformed("invalid byte in the target");
  if (version == "HTTP/1.1") {
    head.minor_version = 1;
  } else if (version == "HTTP/1.0") {
    head.minor_version = 0;
  } else {
    const auto digit = [](char c) { return c >= '0' && c <= '9'; };
    const bool other_version = version.size() == 8 && version.starts_with("HTTP/") && digit(version[5]) &&
                               version[6] == '.' && digit(version[7]);
    if (other_version) return fail(HeadErrorKind::kVersion, "only HTTP/1.0 and HTTP/1.1 are spoken here");
    return malformed("invalid version in the request line");
  }
  if (target.front() != '/') return split_absolute_form(target, head);
  head.target = target;
  return {};
}

// What a head says about itself, gathered field by field.
struct Framing {
  bool has_length = false;
  bool has_coding = false;
  bool has_host = false;
  bool close = false;
  bool keep_alive = false;
};

Status note_content_length(std::string_view value, HeadView& head, Framing& framing) {
  if (framing.has_length) return malformed("Content-Length twice");
  framing.has_length = true;
  const char* const end = value.data() + value.size();
  const bool digits_only = !value.empty() && value.front() >= '0' && value.front() <= '9';
  if (!digits_only) return malformed("invalid Content-Length");
  const auto [stopped, error] = std::from_chars(value.data(), end, head.content_length);
  if (error != std::errc() || stopped != end) return malformed("invalid Content-Length");
  return {};
}

Status note_transfer_encoding(std::string_view value, Framing& framing) {
  if (framing.has_coding) return malformed("Transfer-Encoding twice");
  framing.has_coding = true;
  if (!equals_ignore_case(value, "chunked")) {
    return fail(HeadErrorKind::kCoding, "the only transfer coding understood is chunked");
  }
  return {};
}

Status note_connection(std::string_view value, Framing& framing) {
  while (!value.empty()) {
    const std::size_t comma = std::min(value.find(','), value.size());
    const std::string_view option = trim(value.substr(0, comma));
    if (!option.empty() && !is_token(option)) return malformed("invalid Connection");
    if (equals_ignore_case(option, "close")) framing.close = true;
    if (equals_ignore_case(option, "keep-alive")) framing.keep_alive = true;
    value.remove_prefix(std::min(comma + 1, value.size()));
  }
  return {};
}

Status note_field(const FieldView& field, HeadView& head, Framing& framing) {
  const auto [name, value] = field;
  switch (name.size()) {  // most fields are told apart by length alone
    case 4:
      if (!equals_ignore_case(name, "Host")) return {};
      if (framing.has_host) return malformed("Host twice");
      framing.has_host = true;
      if (!all_of_class(value, kAuthorityByte)) return malformed("invalid Host");
      return {};
    case 6:
      if (!equals_ignore_case(name, "Expect") || head.minor_version == 0) return {};
      if (!equals_ignore_case(value, "100-continue")) {
        return fail(HeadErrorKind::kExpectation, "the only expectation understood is 100-continue");
      }
      head.expects_continue = true;
      return {};
    case 10:
      return equals_ignore_case(name, "Connection") ? note_connection(value, framing) : Status();
    case 14:
      return equals_ignore_case(name, "Content-Length") ? note_content_length(value, head, framing) : Status();
    case 17:
      return equals_ignore_case(name, "Transfer-Encoding") ? note_transfer_encoding(value, framing) : Status();
    default:
      return {};
  }
}

Status parse_field(std::string_view line, HeadView& head, Framing& framing) {
  if (line.front() == ' ' || line.front() == '\t') return malformed("folded header line");
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return malformed("header line without a colon");
  const std::string_view name = line.substr(0, colon);
  if (!is_token(name)) return malformed("invalid header name");
  const std::string_view value = line.substr(colon + 1);
  if (!is_field_value(value)) return malformed("control byte in a header value");
  if (head.field_count == HeadView::kMaxFields) return fail(HeadErrorKind::kTooManyFields, "too many header lines");
  const FieldView field{name, trim(value)};
  const auto offset = [&head](std::string_view part) {
    return static_cast<std::uint32_t>(part.data() - head.text.data());
  };
  head.slices[head.field_count++] = {.name_begin = offset(field.name),
                                     .name_size = static_cast<std::uint32_t>(field.name.size()),
                                     .value_begin = offset(field.value),
                                     .value_size = static_cast<std::uint32_t>(field.value.size())};
  return note_field(field, head, framing);
}

Status conclude(const Framing& framing, HeadView& head) {
  if (framing.has_coding && framing.has_length) return malformed("both Content-Length and Transfer-Encoding");
  if (framing.has_coding && head.minor_version == 0) return malformed("Transfer-Encoding on HTTP/1.0");
  if (!framing.has_host && head.minor_version == 1) return malformed("no Host");
  head.body = framing.has_coding ? BodyKind::kChunked : head.content_length > 0 ? BodyKind::kSized : BodyKind::kNone;
  head.keep_alive = !framing.close && (head.minor_version == 1 || framing.keep_alive);
  return {};
}

}  // namespace

bool is_token(std::string_view text) { return !text.empty() && all_of_class(text, kTokenByte); }

bool is_field_value(std::string_view text) {
  const auto allowed = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte >= 0x20 && byte != 0x7F) || c == '\t';
  };
  while (text.size() >= sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data(), sizeof(word));
    const std::string_view bytes = text.substr(0, sizeof(word));
    if (may_hold_control(word) && !std::all_of(bytes.begin(), bytes.end(), allowed)) return false;
    text.remove_prefix(sizeof(word));
  }
  return std::all_of(text.begin(), text.end(), allowed);
}

Result<std::optional<std::size_t>> HeadScanner::scan(std::string_view text) {
  if (!text.empty() && (kByteClasses[static_cast<unsigned char>(text.front())] & kTokenByte) == 0) {
    return malformed("this is not an HTTP request");
  }
  while (scanned_ < text.size()) {
    const void* const found = std::memchr(text.data() + scanned_, '\n', text.size() - scanned_);
    if (found == nullptr) {
      scanned_ = text.size();
      break;
    }
    const auto line_feed = static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
    if (line_feed == 0 || text[line_feed - 1] != '\r') return malformed("line without CR LF");
    scanned_ = line_feed + 1;
    if (line_feed - 1 == line_begin_) return scanned_;
    line_begin_ = scanned_;
  }
  return std::nullopt;
}

Status parse_head(std::string_view text, HeadView& head) {
  if (text.size() > UINT32_MAX) return malformed("too long");
  head.text = text;
  head.authority = {};
  head.content_length = 0;
  head.expects_continue = false;
  head.field_count = 0;
  Framing framing;
  bool first = true;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos || end == 0 || text[end - 1] != '\r') return malformed("line without CR LF");
    const std::string_view line = text.substr(0, end - 1);
    text.remove_prefix(end + 1);
    if (first) {
      TRY_STATUS(parse_request_line(line, head));
      first = false;
    } else if (line.empty()) {
      if (!text.empty()) return malformed("bytes after the head");
      return conclude(framing, head);
    } else {
      TRY_STATUS(parse_field(line, head, framing));
    }
  }
  return malformed("the head ends early");
}

}  // namespace hearth::net
