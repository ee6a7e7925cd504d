#pragma once
// CredentialSource: who an access key belongs to. Services that issue keys implement it; the gateway asks.
//
// IAM answers for long-term keys, STS for session keys; main gives the gateway the list of sources. A key that no
// source knows is foreign: refused when auth is enforced, taken at its word when auth is open.

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "services/request_context.h"

namespace hearth::services {

struct Credential {
  std::string secret_access_key;
  std::string session_token;         // empty: long-term key; else the request must carry exactly this token
  std::optional<TimePoint> expires;  // session keys only

  std::string account;  // 12 digits
  std::string arn;      // the caller's ARN, as GetCallerIdentity answers it
  std::string user_id;  // the caller's UserId: "AIDA...", "AROA...:session", or the account for root
  std::shared_ptr<const SessionLimits> limits = nullptr;  // of a session; nullptr: none
};

// Thread: the loop's.
class CredentialSource {
 public:
  virtual ~CredentialSource() = default;
  // The credential behind an access key id, also when it has expired (the gateway words that refusal). Nothing if the
  // key was not issued here, or was deleted or made inactive. `session_token` is what the request carried, or empty;
  // sources that keep no state of their sessions may recover everything from it.
  virtual std::optional<Credential> find_credential(std::string_view access_key_id,
                                                    std::string_view session_token) const = 0;
};

// Makes session credentials for a role without asking its trust policy: what an environment gets in its variables.
class RoleSessionIssuer {
 public:
  virtual ~RoleSessionIssuer() = default;
  struct Session {
    std::string access_key_id;
    Credential credential;
  };
  // Never fails: the role need not exist in IAM. Sessions made here are found by find_credential() afterwards.
  virtual Session issue_role_session(const std::string& role_arn, const std::string& session_name) = 0;
};

}  // namespace hearth::services
