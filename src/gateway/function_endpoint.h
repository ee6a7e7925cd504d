#pragma once
// FunctionEndpoint: the AWS endpoint inside each environment's network namespace.
//
// HTTP on one socket, HTTPS on another (with a certificate minted for whatever AWS name the client asks for), DNS on
// two more. Who calls is known from the socket: the function's execution role, whatever key is presented, unless it
// presents valid credentials that Hearth issued (authenticate.h). Everything else is the gateway's one chain, which
// each call enters when the environment's lane has room (net/fair_turns.h): however many calls code makes at once, its
// neighbours wait for one of them at a time.
//
// Path: environment -> environment::Doors (main joins this with runtime_api) -> here -> gateway.h
// Tests: function_endpoint_test.cc

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "environment/doors.h"
#include "gateway/certificate_authority.h"
#include "gateway/gateway.h"
#include "gateway/trust_bundle.h"
#include "net/fair_turns.h"
#include "net/http.h"
#include "net/loop.h"
#include "net/tls.h"
#include "observe/log.h"
#include "services/credential_source.h"

namespace hearth::gateway {

// Thread: the loop's. Lifetime: all references outlive it, and it outlives every door it opened.
class FunctionEndpoint {
 public:
  // Calls of one environment run in its lane of `turns`.
  FunctionEndpoint(net::Loop& loop, net::FairTurns& turns, Gateway& gateway, CertificateAuthority& authority,
                   TrustBundle& trust, services::RoleSessionIssuer& issuer, const Clock& clock,
                   const observe::Logger& log);
  ~FunctionEndpoint();
  FunctionEndpoint(const FunctionEndpoint&) = delete;
  FunctionEndpoint& operator=(const FunctionEndpoint&) = delete;

  // As environment::Doors says.
  std::unique_ptr<environment::OpenDoor> open(environment::EndpointIdentity identity, UniqueFd http, UniqueFd https,
                                              UniqueFd dns_udp, UniqueFd dns_tcp);
  environment::RoleCredentials role_credentials(const environment::EndpointIdentity& identity);
  std::string trust_bundle_path();
  // Forgets the credentials handed out, which a reset made void.
  void forget_sessions() { sessions_.clear(); }

 private:
  const services::RoleSessionIssuer::Session& session_for(const environment::EndpointIdentity& identity);

  net::Loop& loop_;
  net::FairTurns& turns_;
  Gateway& gateway_;
  TrustBundle& trust_;
  services::RoleSessionIssuer& issuer_;
  const Clock& clock_;
  const observe::Logger& log_;
  net::TlsContext tls_;
  // By role ARN and session name: environments of one function that start together share credentials.
  std::map<std::pair<std::string, std::string>, services::RoleSessionIssuer::Session> sessions_;
};

}  // namespace hearth::gateway
