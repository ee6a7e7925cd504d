#pragma once
// DNS messages, as far as a resolver inside a sandbox needs them: read one question, write one answer (RFC 1035).
//
// The bytes come from user code and are treated as hostile: every length is checked, compression pointers in a
// question are refused, and whatever cannot be read is either answered FORMERR or not at all.
//
// Tests: dns_message_test.cc; fuzzed by tests/fuzz/dns_message_fuzz.cc

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace hearth::gateway {

enum class DnsType : std::uint16_t { kA = 1, kPtr = 12, kAaaa = 28, kSvcb = 64, kHttps = 65, kAny = 255 };
enum class DnsCode : std::uint8_t { kNoError = 0, kFormatError = 1, kNameError = 3, kNotImplemented = 4, kRefused = 5 };

struct DnsQuestion {
  std::uint16_t id = 0;
  bool recursion_desired = false;
  std::string name;  // lower case, without the final dot; "" is the root
  std::uint16_t type = 0;
  std::uint16_t query_class = 1;
  std::string raw;  // the question section as sent, to be echoed
};

using Ipv4 = std::array<std::uint8_t, 4>;
using Ipv6 = std::array<std::uint8_t, 16>;

struct DnsAnswer {
  DnsCode code = DnsCode::kNoError;
  std::variant<std::monostate, Ipv4, Ipv6, std::string> record;  // a string is a PTR target
};

// What to do with a packet: answer its question, send `refusal` back, or (both empty) drop it.
struct DnsParsed {
  std::optional<DnsQuestion> question;
  std::string refusal;
};
DnsParsed parse_dns_query(std::string_view packet);

std::string encode_dns_answer(const DnsQuestion& question, const DnsAnswer& answer);

// The names a sandbox without outbound network knows: AWS's (all at 127.0.0.1, where the endpoint listens) and
// localhost. Everything else does not exist, which clients report at once as an unknown name.
DnsAnswer answer_in_sandbox(const DnsQuestion& question);

}  // namespace hearth::gateway
