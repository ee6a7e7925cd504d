#pragma once
// Service: what IAM means: roles, users and policies of each account, and whose key is whose.
//
// All of IAM is in memory, loaded at start; each change is committed before it returns. Names are compared as AWS does:
// unique per account regardless of case, and found in any case.
//
// Path: services/iam/*_handlers.cc -> here -> store.h        Tests: service_test.cc

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "services/credential_source.h"
#include "services/iam/model.h"
#include "services/iam/store.h"
#include "services/role_directory.h"

namespace hearth::services::iam {

// Either kind of principal, so that policies are written once for both.
enum class PrincipalKind : std::uint8_t { kRole, kUser };

// Whether a new version of a policy becomes the one in force.
enum class VersionRole : std::uint8_t { kKept, kDefault };

// Errors of every method: ErrorKind (messages are AWS's), storage::ErrorKind. Thread: the loop's.
class Service final : public CredentialSource {
 public:
  // `store` and `clock` outlive the service.
  Service(storage::Store& store, const Clock& clock);
  Status load();

  std::optional<Credential> find_credential(std::string_view access_key_id,
                                            std::string_view session_token) const override;

  // Roles.
  Result<Role> create_role(const std::string& account, Role role);
  Result<Role> get_role(const std::string& account, const std::string& name) const;
  // By ARN, any account. Nothing if there is none.
  std::optional<Role> find_role_by_arn(std::string_view arn) const;
  // All of an account, by name; until the next change.
  const std::map<std::string, Role>& roles(const std::string& account) const;
  Status update_role(const std::string& account, const std::string& name, const std::function<void(Role&)>& change);
  // Refused (kDeleteConflict) while policies hang on it.
  Status delete_role(const std::string& account, const std::string& name);

  // Users and their keys.
  Result<User> create_user(const std::string& account, User user);
  Result<User> get_user(const std::string& account, const std::string& name) const;
  const std::map<std::string, User>& users(const std::string& account) const;  // as roles()
  Status update_user(const std::string& account, const std::string& name, const std::function<void(User&)>& change);
  Status delete_user(const std::string& account, const std::string& name);
  Result<AccessKey> create_access_key(const std::string& account, const std::string& user);
  Status delete_access_key(const std::string& account, const std::string& user, const std::string& id);
  Status set_access_key_status(const std::string& account, const std::string& user, const std::string& id,
                               const std::string& status);
  // A key of the account's root user (`hearth init`).
  Result<AccessKey> create_root_key(const std::string& account);

  // Inline policies and attachments of a role or user. The document is checked.
  Status put_inline_policy(PrincipalKind kind, const std::string& account, const std::string& name,
                           const std::string& policy, const std::string& document);
  Status delete_inline_policy(PrincipalKind kind, const std::string& account, const std::string& name,
                              const std::string& policy);
  Result<std::string> get_inline_policy(PrincipalKind kind, const std::string& account, const std::string& name,
                                        const std::string& policy) const;
  Status attach_policy(PrincipalKind kind, const std::string& account, const std::string& name, const std::string& arn);
  // Sets the permissions boundary; an empty ARN removes it.
  Status set_boundary(PrincipalKind kind, const std::string& account, const std::string& name, const std::string& arn);
  Status detach_policy(PrincipalKind kind, const std::string& account, const std::string& name, const std::string& arn);

  // Managed policies; those of AWS are found by ARN as well (and are not changed).
  Result<Policy> create_policy(const std::string& account, Policy policy, const std::string& document);
  Result<Policy> get_policy(const std::string& account, const std::string& arn) const;
  const std::map<std::string, Policy>& policies(const std::string& account) const;  // as roles(), by ARN
  Status update_policy(const std::string& account, const std::string& arn, const std::function<void(Policy&)>& change);
  Result<PolicyVersion> create_policy_version(const std::string& account, const std::string& arn,
                                              const std::string& document, VersionRole role);
  Status set_default_policy_version(const std::string& account, const std::string& arn, const std::string& version);
  Status delete_policy_version(const std::string& account, const std::string& arn, const std::string& version);
  Status delete_policy(const std::string& account, const std::string& arn);
  // How many roles and users a policy is attached to.
  std::int32_t attachment_count(const std::string& account, const std::string& arn) const;
  // The same of every policy that is attached at all.
  std::map<std::string, std::int32_t> attachment_counts(const std::string& account) const;

  // A number that is another after every change.
  std::uint64_t changes() const { return store_.changes(); }

  // Forgets everything but root keys.
  Status clear();

 private:
  struct KeyOwner {
    std::string account;
    std::string user;  // empty: root
  };
  template <class Change>
  Status change_principal(PrincipalKind kind, const std::string& account, const std::string& name, Change change);
  Result<const Principal*> get_principal(PrincipalKind kind, const std::string& account, const std::string& name) const;
  // Errors: kNoSuchEntity. Nothing to check if `arn` is empty.
  Status check_boundary(const std::string& account, const std::string& arn) const;
  void index_keys();

  IamStore store_;
  const Clock& clock_;
  std::map<std::string, Account> accounts_;
  std::map<std::string, KeyOwner, std::less<>> key_owners_;  // by access key id
};

// A directory of the roles IAM knows, by their trust policies. `iam` outlives it.
class KnownRoles final : public RoleDirectory {
 public:
  explicit KnownRoles(const Service& iam) : iam_(iam) {}
  RoleAnswer ask(const std::string& role_arn, const std::string& service) const override;

 private:
  const Service& iam_;
};

// Whether `document` is a policy AWS takes: JSON object, Version, Statement with Effect, Action and so on.
// `kind` chooses the rules: identity policies name resources, trust policies name principals.
enum class DocumentKind : std::uint8_t { kIdentity, kTrust };
Status check_policy_document(std::string_view document, DocumentKind kind);

// "AROA" + 17 random characters of the alphabet AWS uses for ids.
std::string make_id(std::string_view prefix);

}  // namespace hearth::services::iam
