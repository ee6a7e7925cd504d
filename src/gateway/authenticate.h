#pragma once
// Authenticator: who is calling.
//
// | key presented                       | public door, open         | public door, enforced | a function's endpoint |
// |-------------------------------------|---------------------------|-----------------------|-----------------------|
// | none                                | account 000000000000      | refused               | the execution role    |
// | one that Hearth issued              | verified: its owner       | verified: its owner   | verified: its owner   |
// | any other                           | the account it spells,    | refused               | the execution role    |
// |                                     | else 000000000000         |                       |                       |
//
// Verified means everything: scope, clock, session token, expiry, signature. A key that Hearth issued and that fails is
// refused everywhere, lest a caller believe to be somebody else; but a function's own credentials, grown old with its
// environment, still make it its role.
//
// Path: gateway.cc -> here -> wire/sigv4.h, services/credential_source.h        Tests: authenticate_test.cc

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "gateway/guard.h"
#include "gateway/service_table.h"
#include "net/loop.h"
#include "net/task.h"
#include "net/thread_pool.h"
#include "services/credential_source.h"
#include "services/request_context.h"
#include "wire/sigv4.h"

namespace hearth::gateway {

// The account of callers who name none.
inline constexpr std::string_view kDefaultAccount = "000000000000";

struct AuthRequest {
  wire::SignedRequest request;
  std::optional<wire::SignatureClaim> claim;
  const ServiceEntry& service;
  const services::Caller* role;  // of the function whose endpoint this is; nullptr: the public door
};

// Thread: the loop's. Lifetime: all constructor arguments outlive it.
class Authenticator {
 public:
  Authenticator(AuthMode mode, std::vector<const services::CredentialSource*> sources, net::Loop& loop,
                net::ThreadPool& pool, const Clock& clock);

  // What `auth` points into, and `body`, outlive the task. Waits only to hash a large body on the pool.
  // Errors: the AWS refusal, worded for the service's protocol.
  net::Task<wire::Outcome<services::Caller>> authenticate(AuthRequest auth, std::string& body);

  AuthMode mode() const { return mode_; }

 private:
  std::optional<services::Credential> find(const wire::SignatureClaim& claim) const;
  net::Task<std::string> hash(std::string& body);

  AuthMode mode_;
  std::vector<const services::CredentialSource*> sources_;
  net::Loop& loop_;
  net::ThreadPool& pool_;
  const Clock& clock_;
  wire::SigV4 sigv4_;
};

}  // namespace hearth::gateway
