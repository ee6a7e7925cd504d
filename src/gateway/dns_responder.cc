#include "gateway/dns_responder.h"

#include <memory>
#include <string>
#include <utility>

#include "gateway/dns_message.h"

namespace hearth::gateway {
namespace {

// Resolvers send at most this over UDP; a longer packet is no question.
constexpr net::PacketLimits kLimits{
    .max_packet = 1232, .max_in_flight = 64, .max_connections = 16, .idle_deadline = std::chrono::milliseconds(10'000)};

class Answers final : public net::PacketHandler {
 public:
  net::Task<std::string> answer(std::string packet) override {
    DnsParsed parsed = parse_dns_query(packet);
    if (!parsed.question) co_return std::move(parsed.refusal);
    co_return encode_dns_answer(*parsed.question, answer_in_sandbox(*parsed.question));
  }
};

}  // namespace

DnsResponder::DnsResponder(net::Loop& loop, UniqueFd udp, UniqueFd tcp) {
  const auto answers = std::make_shared<Answers>();
  if (udp) datagrams_.emplace(loop, std::move(udp), answers, kLimits);
  if (tcp) streams_.emplace(loop, std::move(tcp), answers, kLimits);
}

}  // namespace hearth::gateway
