#pragma once
// Session tokens: temporary credentials that carry their own proof, so that no session is ever stored.
//
// A token is base64 of: version byte, MAC (32 bytes), JSON of the session. The MAC, keyed with the sealing key, covers
// the access key id and the JSON; the secret access key is derived from the sealing key and the access key id. Whoever
// holds all three proves it by signing; nobody can make or change a token without the sealing key.

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "services/request_context.h"

namespace hearth::services::sts {

struct Session {
  std::string account;
  std::string arn;      // "arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION"
  std::string user_id;  // "AROA...:SESSION"
  TimePoint expires;
  std::shared_ptr<const SessionLimits> limits = nullptr;  // nullptr: none
};

struct TemporaryCredentials {
  std::string access_key_id;  // "ASIA..."
  std::string secret_access_key;
  std::string session_token;
};

// `sealing_key`: 32 bytes.
TemporaryCredentials seal(const std::string& sealing_key, const Session& session);
// The session of a token made for this access key id; nothing if it was not made with this key. Says nothing of expiry.
std::optional<Session> unseal(const std::string& sealing_key, std::string_view access_key_id,
                              std::string_view session_token);
// The secret that belongs to an access key id.
std::string secret_of(const std::string& sealing_key, std::string_view access_key_id);

}  // namespace hearth::services::sts
