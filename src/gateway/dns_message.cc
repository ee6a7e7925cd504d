#include "gateway/dns_message.h"

#include "gateway/aws_host.h"

namespace hearth::gateway {
namespace {

constexpr std::size_t kHeaderBytes = 12;
constexpr std::size_t kMaxName = 255;
constexpr std::size_t kMaxLabel = 63;
constexpr std::uint16_t kClassIn = 1;
constexpr std::uint32_t kTtlSeconds = 60;
constexpr Ipv4 kLoopback4{127, 0, 0, 1};
constexpr Ipv6 kLoopback6{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};

std::uint16_t read16(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint16_t>((static_cast<unsigned char>(bytes[at]) << 8U) |
                                    static_cast<unsigned char>(bytes[at + 1]));
}

void write16(std::string& out, unsigned value) {
  out.push_back(static_cast<char>((value >> 8U) & 0xFFU));
  out.push_back(static_cast<char>(value & 0xFFU));
}

void write32(std::string& out, std::uint32_t value) {
  write16(out, value >> 16U);
  write16(out, value & 0xFFFFU);
}

void write_name(std::string& out, std::string_view name) {
  while (!name.empty()) {
    const std::string_view label = name.substr(0, name.find('.'));
    out.push_back(static_cast<char>(label.size()));
    out += label;
    name.remove_prefix(std::min(name.size(), label.size() + 1));
  }
  out.push_back('\0');
}

// id, flags: response, opcode and RD as asked, authoritative, recursion available.
void write_header(std::string& out, std::uint16_t id, unsigned asked_flags, DnsCode code, unsigned questions,
                  unsigned answers) {
  write16(out, id);
  write16(out, 0x8480U | (asked_flags & 0x7900U) | static_cast<unsigned>(code));
  write16(out, questions);
  write16(out, answers);
  write16(out, 0);
  write16(out, 0);
}

DnsParsed refuse(std::string_view packet, DnsCode code) {
  DnsParsed parsed;
  write_header(parsed.refusal, read16(packet, 0), read16(packet, 2), code, 0, 0);
  return parsed;
}

}  // namespace

DnsParsed parse_dns_query(std::string_view packet) {
  if (packet.size() < kHeaderBytes) return {};
  const unsigned flags = read16(packet, 2);
  if ((flags & 0x8000U) != 0) return {};  // a response: answering it could make two servers talk for ever
  if ((flags & 0x7800U) != 0) return refuse(packet, DnsCode::kNotImplemented);
  if (read16(packet, 4) != 1) return refuse(packet, DnsCode::kFormatError);

  DnsQuestion question;
  question.id = read16(packet, 0);
  question.recursion_desired = (flags & 0x0100U) != 0;
  std::size_t at = kHeaderBytes;
  for (;;) {
    if (at >= packet.size()) return refuse(packet, DnsCode::kFormatError);
    const std::size_t length = static_cast<unsigned char>(packet[at]);
    ++at;
    if (length == 0) break;
    const bool too_long = length > kMaxLabel || at + length > packet.size() || at + length - kHeaderBytes >= kMaxName;
    if (too_long) return refuse(packet, DnsCode::kFormatError);
    if (!question.name.empty()) question.name += '.';
    for (const char c : packet.substr(at, length)) {
      // A dot or a zero inside a label would make two different names look alike.
      if (c == '.' || c == '\0') return refuse(packet, DnsCode::kFormatError);
      question.name += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    at += length;
  }
  if (at + 4 > packet.size()) return refuse(packet, DnsCode::kFormatError);
  question.type = read16(packet, at);
  question.query_class = read16(packet, at + 2);
  question.raw = packet.substr(kHeaderBytes, at + 4 - kHeaderBytes);
  return {.question = std::move(question), .refusal = {}};
}

std::string encode_dns_answer(const DnsQuestion& question, const DnsAnswer& answer) {
  std::string out;
  const bool has_record = !std::holds_alternative<std::monostate>(answer.record);
  write_header(out, question.id, question.recursion_desired ? 0x0100U : 0, answer.code, 1, has_record ? 1 : 0);
  out += question.raw;
  if (!has_record) return out;
  write16(out, 0xC00CU);  // the question's name
  std::string data;
  DnsType type = DnsType::kA;
  if (const auto* v4 = std::get_if<Ipv4>(&answer.record)) {
    data.assign(v4->begin(), v4->end());
  } else if (const auto* v6 = std::get_if<Ipv6>(&answer.record)) {
    type = DnsType::kAaaa;
    data.assign(v6->begin(), v6->end());
  } else {
    type = DnsType::kPtr;
    write_name(data, std::get<std::string>(answer.record));
  }
  write16(out, static_cast<unsigned>(type));
  write16(out, kClassIn);
  write32(out, kTtlSeconds);
  write16(out, static_cast<unsigned>(data.size()));
  return out + data;
}

DnsAnswer answer_in_sandbox(const DnsQuestion& question) {
  if (question.query_class != kClassIn && question.query_class != static_cast<std::uint16_t>(DnsType::kAny)) {
    return {.code = DnsCode::kRefused, .record = {}};
  }
  const bool localhost = question.name == "localhost" || question.name.ends_with(".localhost");
  const bool wants_v4 = question.type == static_cast<std::uint16_t>(DnsType::kA) ||
                        question.type == static_cast<std::uint16_t>(DnsType::kAny);
  if (localhost || is_aws_name(question.name)) {
    if (wants_v4) return {.code = DnsCode::kNoError, .record = kLoopback4};
    if (localhost && question.type == static_cast<std::uint16_t>(DnsType::kAaaa)) {
      return {.code = DnsCode::kNoError, .record = kLoopback6};
    }
    return {};  // the name exists without such a record: AAAA, HTTPS, SVCB, ... are empty, not errors
  }
  if (question.name == "1.0.0.127.in-addr.arpa" && question.type == static_cast<std::uint16_t>(DnsType::kPtr)) {
    return {.code = DnsCode::kNoError, .record = std::string("localhost")};
  }
  return {.code = DnsCode::kNameError, .record = {}};
}

}  // namespace hearth::gateway
