#pragma once
// Service: what STS means: who is calling, and temporary credentials for roles.
//
// Path: services/sts/identity_handlers.cc -> here -> session_token.h        Tests: service_test.cc

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "services/credential_source.h"
#include "services/iam/service.h"
#include "services/request_context.h"
#include "services/sts/session_token.h"
#include "storage/store.h"

namespace hearth::services::sts {

struct AssumedRole {
  TemporaryCredentials credentials;
  Session session;
  std::int32_t packed_percent = 0;  // of what its policies may take
};

// Thread: the loop's. `store`, `iam` and `clock` outlive the service.
class Service final : public CredentialSource, public RoleSessionIssuer {
 public:
  Service(storage::Store& store, const iam::Service& iam, const Clock& clock);
  // Reads or makes the sealing key. Call before anything else, and again after a reset.
  Status load();

  // Whether the role trusts the caller is the gateway's question. Errors: kInvalid, kMalformedPolicy (of the limits),
  // kPackedPolicyTooLarge.
  Result<AssumedRole> assume_role(const std::string& role_arn, const std::string& session_name,
                                  std::chrono::seconds duration, SessionLimits limits = {}) const;
  AssumedRole session_for_caller(const Caller& caller, std::chrono::seconds duration) const;

  // The account of a long-term key. Errors: kInvalid.
  Result<std::string> account_of_key(const std::string& access_key_id) const;

  std::optional<Credential> find_credential(std::string_view access_key_id,
                                            std::string_view session_token) const override;
  RoleSessionIssuer::Session issue_role_session(const std::string& role_arn, const std::string& session_name) override;

 private:
  sts::Session make_session(const std::string& role_arn, const std::string& session_name,
                            std::chrono::seconds duration) const;

  storage::Store& store_;
  const iam::Service& iam_;
  const Clock& clock_;
  std::string sealing_key_;
};

}  // namespace hearth::services::sts
