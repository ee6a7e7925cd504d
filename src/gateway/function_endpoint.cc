#include "gateway/function_endpoint.h"

#include "base/check.h"
#include "gateway/dns_responder.h"
#include "net/http_server.h"

namespace hearth::gateway {
namespace {

// Credentials younger than this much before their end are given to further environments.
constexpr std::chrono::hours kFreshEnough{6};
constexpr std::size_t kMaxSessions = 10'000;

net::HttpLimits endpoint_limits() {
  net::HttpLimits limits;
  // Of one environment: its code must not be able to fill the server's memory.
  limits.max_connections = 256;
  limits.max_bodies_in_flight = ByteCount::mib(96);
  // A frozen environment is silent for as long as it stays frozen; its kept connections must not break meanwhile.
  limits.idle_deadline = std::chrono::milliseconds(0);
  return limits;
}

}  // namespace

namespace {

// Serves one environment at one scheme. Its server keeps it alive while requests are under way, also when the
// environment, and with it the door, ends in the middle of a call.
class RoleHandler final : public net::HttpHandler {
 public:
  RoleHandler(Gateway& gateway, net::FairTurns::Lane lane, services::Caller role, std::string region,
              std::string_view scheme)
      : gateway_(gateway),
        lane_(std::move(lane)),
        role_(std::move(role)),
        region_(std::move(region)),
        scheme_(scheme) {}

  ByteCount body_limit(const net::HttpHead& head, const net::HttpLimits& limits) const override {
    return gateway_.body_limit_at(head, limits, door());
  }
  net::HttpReply too_large(const net::HttpHead& head) const override { return gateway_.too_large_at(head, door()); }
  net::Task<> await_turn() override { co_await lane_.enter(); }
  net::Task<net::HttpReply> handle(net::HttpRequest request) override {
    co_await lane_.enter();
    auto serving = gateway_.serve(std::move(request), door());
    co_return co_await std::move(serving);
  }

 private:
  Door door() const { return {.scheme = scheme_, .role = &role_, .region = region_}; }

  Gateway& gateway_;
  const net::FairTurns::Lane lane_;
  services::Caller role_;
  std::string region_;
  std::string_view scheme_;
};

class EndpointDoor final : public environment::OpenDoor {
 public:
  EndpointDoor(net::Loop& loop, const net::FairTurns::Lane& lane, Gateway& gateway, net::TlsContext& tls,
               const observe::Logger& log, const services::Caller& role, const std::string& region, UniqueFd http,
               UniqueFd https, UniqueFd dns_udp, UniqueFd dns_tcp)
      : plain_(loop, std::make_shared<RoleHandler>(gateway, lane, role, region, "http"), endpoint_limits(), log),
        secure_(loop, std::make_shared<RoleHandler>(gateway, lane, role, region, "https"), endpoint_limits(), log),
        names_(loop, std::move(dns_udp), std::move(dns_tcp)) {
    if (http) plain_.serve(std::move(http));
    if (https) secure_.serve(std::move(https), &tls);
  }

 private:
  net::HttpServer plain_;
  net::HttpServer secure_;
  DnsResponder names_;
};

}  // namespace

FunctionEndpoint::FunctionEndpoint(net::Loop& loop, net::FairTurns& turns, Gateway& gateway,
                                   CertificateAuthority& authority, TrustBundle& trust,
                                   services::RoleSessionIssuer& issuer, const Clock& clock, const observe::Logger& log)
    : loop_(loop),
      turns_(turns),
      gateway_(gateway),
      trust_(trust),
      issuer_(issuer),
      clock_(clock),
      log_(log),
      tls_(authority) {}

FunctionEndpoint::~FunctionEndpoint() = default;

const services::RoleSessionIssuer::Session& FunctionEndpoint::session_for(
    const environment::EndpointIdentity& identity) {
  const std::pair key(identity.role_arn, identity.session_name);
  const auto found = sessions_.find(key);
  const bool usable = found != sessions_.end() && (!found->second.credential.expires ||
                                                   *found->second.credential.expires > clock_.now() + kFreshEnough);
  if (usable) return found->second;
  if (found == sessions_.end() && sessions_.size() >= kMaxSessions) sessions_.clear();  // issued anew when asked for
  return sessions_.insert_or_assign(key, issuer_.issue_role_session(identity.role_arn, identity.session_name))
      .first->second;
}

std::unique_ptr<environment::OpenDoor> FunctionEndpoint::open(environment::EndpointIdentity identity, UniqueFd http,
                                                              UniqueFd https, UniqueFd dns_udp, UniqueFd dns_tcp) {
  HEARTH_CHECK(loop_.on_thread());
  const services::RoleSessionIssuer::Session& session = session_for(identity);
  services::Caller role{.account = session.credential.account,
                        .arn = session.credential.arn,
                        .user_id = session.credential.user_id,
                        .access_key = session.access_key_id,
                        .is_function = true};
  return std::make_unique<EndpointDoor>(loop_, turns_.make_lane(), gateway_, tls_, log_, role, identity.region,
                                        std::move(http), std::move(https), std::move(dns_udp), std::move(dns_tcp));
}

environment::RoleCredentials FunctionEndpoint::role_credentials(const environment::EndpointIdentity& identity) {
  HEARTH_CHECK(loop_.on_thread());
  const services::RoleSessionIssuer::Session& session = session_for(identity);
  return {.access_key_id = session.access_key_id,
          .secret_access_key = session.credential.secret_access_key,
          .session_token = session.credential.session_token};
}

std::string FunctionEndpoint::trust_bundle_path() { return trust_.path(); }

}  // namespace hearth::gateway
