// Any bytes as a DNS packet: parsing ends, and every reply is well-formed and small.
#include <cstdint>
#include <string>
#include <string_view>

#include "gateway/dns_message.h"

namespace {

void require(bool condition) {
  if (!condition) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view packet(reinterpret_cast<const char*>(data), size);
  const hearth::gateway::DnsParsed parsed = hearth::gateway::parse_dns_query(packet);
  std::string reply = parsed.refusal;
  if (parsed.question) {
    require(parsed.question->name.size() <= 255);
    reply = hearth::gateway::encode_dns_answer(*parsed.question, hearth::gateway::answer_in_sandbox(*parsed.question));
    require(reply.size() <= 512);
    require(reply.substr(12, parsed.question->raw.size()) == parsed.question->raw);
  }
  if (reply.empty()) return 0;
  require(reply.size() >= 12);
  require((reply[2] & 0x80) != 0);                     // a response
  require(reply.substr(0, 2) == packet.substr(0, 2));  // to this query
  require(!hearth::gateway::parse_dns_query(reply).question);
  return 0;
}
