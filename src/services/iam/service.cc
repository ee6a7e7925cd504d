#include "services/iam/service.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "base/header.h"
#include "services/iam/errors.h"
#include "services/iam/managed_policies.h"

namespace hearth::services::iam {
namespace {

constexpr std::size_t kMaxPolicyVersions = 5;
constexpr std::size_t kMaxAccessKeys = 2;
constexpr std::size_t kMaxAttached = 10;
constexpr std::size_t kSecretBytes = 30;  // 40 characters of base64

// The item called `name` in any case, or the end.
template <class Map>
auto find_any_case(Map& items, const std::string& name) {
  if (auto exact = items.find(name); exact != items.end()) return exact;
  return std::ranges::find_if(items, [&](const auto& item) { return equals_ignore_case(item.first, name); });
}

Policy as_policy(const ManagedPolicy& managed) {
  Policy policy;
  policy.name = managed.name;
  policy.path = managed.path;
  policy.arn = arn_of(managed);
  // AWS's ids of its own policies are random; ours follow from the ARN, so that they never change.
  policy.id = "ANPA" + hex_encode(sha256(policy.arn)).substr(0, 17);
  std::ranges::transform(policy.id, policy.id.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  policy.created = TimePoint(std::chrono::milliseconds(managed.created_ms));
  policy.updated = TimePoint(std::chrono::milliseconds(managed.updated_ms));
  policy.default_version = managed.version;
  policy.versions.push_back({std::string(managed.version), std::string(managed.document), policy.updated});
  return policy;
}

std::string not_found(std::string_view what, const std::string& name) {
  return fmt::format("The {} with name {} cannot be found.", what, name);
}

AccessKey make_key(TimePoint now) {
  return {make_id("AKIA"), base64_encode(random_bytes(kSecretBytes)), "Active", now};
}

const char* word(PrincipalKind kind) { return kind == PrincipalKind::kRole ? "role" : "user"; }

}  // namespace

std::string make_id(std::string_view prefix) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  constexpr std::size_t kLength = 16;
  std::string id(prefix);
  for (const char byte : random_bytes(kLength))
    id.push_back(kAlphabet[static_cast<unsigned char>(byte) % kAlphabet.size()]);
  return id;
}

Service::Service(storage::Store& store, const Clock& clock) : store_(store), clock_(clock) {}

Status Service::load() {
  TRY(accounts_, store_.load());
  index_keys();
  return {};
}

void Service::index_keys() {
  key_owners_.clear();
  for (const auto& [id, account] : accounts_) {
    for (const AccessKey& key : account.root_keys) key_owners_[key.id] = {id, ""};
    for (const auto& [name, user] : account.users) {
      for (const AccessKey& key : user.keys) key_owners_[key.id] = {id, name};
    }
  }
}

std::optional<Credential> Service::find_credential(std::string_view access_key_id, std::string_view) const {
  const auto owner = key_owners_.find(access_key_id);
  if (owner == key_owners_.end()) return std::nullopt;
  const Account& account = accounts_.at(owner->second.account);
  const bool is_root = owner->second.user.empty();
  const std::vector<AccessKey>& keys = is_root ? account.root_keys : account.users.at(owner->second.user).keys;
  const auto key = std::ranges::find(keys, access_key_id, &AccessKey::id);
  if (key == keys.end() || key->status != "Active") return std::nullopt;
  Credential credential;
  credential.secret_access_key = key->secret;
  credential.account = owner->second.account;
  if (is_root) {
    credential.arn = "arn:aws:iam::" + credential.account + ":root";
    credential.user_id = credential.account;
  } else {
    const User& user = account.users.at(owner->second.user);
    credential.arn = user.arn;
    credential.user_id = user.id;
  }
  return credential;
}

Result<Role> Service::create_role(const std::string& account, Role role) {
  TRY_STATUS(check_policy_document(role.trust_policy, DocumentKind::kTrust));
  auto& roles = accounts_[account].roles;
  if (find_any_case(roles, role.name) != roles.end()) {
    return fail(ErrorKind::kEntityExists, fmt::format("Role with name {} already exists.", role.name));
  }
  TRY_STATUS(check_boundary(account, role.permissions_boundary));
  role.id = make_id("AROA");
  role.arn = fmt::format("arn:aws:iam::{}:role{}{}", account, role.path, role.name);
  role.created = clock_.now();
  TRY_STATUS(store_.put(account, role));
  roles[role.name] = role;
  return role;
}

Result<Role> Service::get_role(const std::string& account, const std::string& name) const {
  if (const auto owner = accounts_.find(account); owner != accounts_.end()) {
    if (const auto role = find_any_case(owner->second.roles, name); role != owner->second.roles.end())
      return role->second;
  }
  return fail(ErrorKind::kNoSuchEntity, not_found("role", name));
}

std::optional<Role> Service::find_role_by_arn(std::string_view arn) const {
  for (const auto& [id, account] : accounts_) {
    for (const auto& [name, role] : account.roles) {
      if (role.arn == arn) return role;
    }
  }
  return std::nullopt;
}

const std::map<std::string, Role>& Service::roles(const std::string& account) const {
  static const std::map<std::string, Role> kNone;
  const auto owner = accounts_.find(account);
  return owner == accounts_.end() ? kNone : owner->second.roles;
}

Status Service::update_role(const std::string& account, const std::string& name,
                            const std::function<void(Role&)>& change) {
  TRY(Role role, get_role(account, name));
  change(role);
  TRY_STATUS(check_policy_document(role.trust_policy, DocumentKind::kTrust));
  TRY_STATUS(store_.put(account, role));
  accounts_[account].roles[role.name] = std::move(role);
  return {};
}

Status Service::delete_role(const std::string& account, const std::string& name) {
  TRY(const Role role, get_role(account, name));
  if (!role.inline_policies.empty())
    return fail(ErrorKind::kDeleteConflict, "Cannot delete entity, must delete policies first.");
  if (!role.attached.empty())
    return fail(ErrorKind::kDeleteConflict, "Cannot delete entity, must detach all policies first.");
  TRY_STATUS(store_.erase_role(account, role.name));
  accounts_[account].roles.erase(role.name);
  return {};
}

Result<User> Service::create_user(const std::string& account, User user) {
  auto& users = accounts_[account].users;
  if (find_any_case(users, user.name) != users.end()) {
    return fail(ErrorKind::kEntityExists, fmt::format("User with name {} already exists.", user.name));
  }
  TRY_STATUS(check_boundary(account, user.permissions_boundary));
  user.id = make_id("AIDA");
  user.arn = fmt::format("arn:aws:iam::{}:user{}{}", account, user.path, user.name);
  user.created = clock_.now();
  TRY_STATUS(store_.put(account, user));
  users[user.name] = user;
  return user;
}

Result<User> Service::get_user(const std::string& account, const std::string& name) const {
  if (const auto owner = accounts_.find(account); owner != accounts_.end()) {
    if (const auto user = find_any_case(owner->second.users, name); user != owner->second.users.end())
      return user->second;
  }
  return fail(ErrorKind::kNoSuchEntity, not_found("user", name));
}

const std::map<std::string, User>& Service::users(const std::string& account) const {
  static const std::map<std::string, User> kNone;
  const auto owner = accounts_.find(account);
  return owner == accounts_.end() ? kNone : owner->second.users;
}

Status Service::update_user(const std::string& account, const std::string& name,
                            const std::function<void(User&)>& change) {
  TRY(User user, get_user(account, name));
  change(user);
  TRY_STATUS(store_.put(account, user));
  accounts_[account].users[user.name] = std::move(user);
  index_keys();
  return {};
}

Status Service::delete_user(const std::string& account, const std::string& name) {
  TRY(const User user, get_user(account, name));
  if (!user.keys.empty())
    return fail(ErrorKind::kDeleteConflict, "Cannot delete entity, must delete access keys first.");
  if (!user.inline_policies.empty())
    return fail(ErrorKind::kDeleteConflict, "Cannot delete entity, must delete policies first.");
  if (!user.attached.empty())
    return fail(ErrorKind::kDeleteConflict, "Cannot delete entity, must detach all policies first.");
  TRY_STATUS(store_.erase_user(account, user.name));
  accounts_[account].users.erase(user.name);
  return {};
}

Result<AccessKey> Service::create_access_key(const std::string& account, const std::string& user) {
  TRY(const User owner, get_user(account, user));
  if (owner.keys.size() >= kMaxAccessKeys) {
    return fail(ErrorKind::kLimitExceeded,
                fmt::format("Cannot exceed quota for AccessKeysPerUser: {}", kMaxAccessKeys));
  }
  AccessKey key = make_key(clock_.now());
  TRY_STATUS(update_user(account, user, [&](User& changed) { changed.keys.push_back(key); }));
  return key;
}

Status Service::delete_access_key(const std::string& account, const std::string& user, const std::string& id) {
  TRY(const User owner, get_user(account, user));
  if (std::ranges::find(owner.keys, id, &AccessKey::id) == owner.keys.end()) {
    return fail(ErrorKind::kNoSuchEntity, fmt::format("The Access Key with id {} cannot be found.", id));
  }
  return update_user(account, user, [&](User& changed) {
    std::erase_if(changed.keys, [&](const AccessKey& key) { return key.id == id; });
  });
}

Status Service::set_access_key_status(const std::string& account, const std::string& user, const std::string& id,
                                      const std::string& status) {
  TRY(const User owner, get_user(account, user));
  if (std::ranges::find(owner.keys, id, &AccessKey::id) == owner.keys.end()) {
    return fail(ErrorKind::kNoSuchEntity, fmt::format("The Access Key with id {} cannot be found.", id));
  }
  return update_user(account, user,
                     [&](User& changed) { std::ranges::find(changed.keys, id, &AccessKey::id)->status = status; });
}

Result<AccessKey> Service::create_root_key(const std::string& account) {
  AccessKey key = make_key(clock_.now());
  std::vector<AccessKey> keys = accounts_[account].root_keys;
  keys.push_back(key);
  TRY_STATUS(store_.put_root_keys(account, keys));
  accounts_[account].root_keys = std::move(keys);
  index_keys();
  return key;
}

Result<const Principal*> Service::get_principal(PrincipalKind kind, const std::string& account,
                                                const std::string& name) const {
  if (const auto owner = accounts_.find(account); owner != accounts_.end()) {
    if (kind == PrincipalKind::kRole) {
      if (const auto role = find_any_case(owner->second.roles, name); role != owner->second.roles.end())
        return &role->second;
    } else {
      if (const auto user = find_any_case(owner->second.users, name); user != owner->second.users.end())
        return &user->second;
    }
  }
  return fail(ErrorKind::kNoSuchEntity, not_found(word(kind), name));
}

template <class Change>
Status Service::change_principal(PrincipalKind kind, const std::string& account, const std::string& name,
                                 Change change) {
  return kind == PrincipalKind::kRole ? update_role(account, name, [&](Role& role) { change(role); })
                                      : update_user(account, name, [&](User& user) { change(user); });
}

Status Service::put_inline_policy(PrincipalKind kind, const std::string& account, const std::string& name,
                                  const std::string& policy, const std::string& document) {
  TRY_STATUS(check_policy_document(document, DocumentKind::kIdentity));
  return change_principal(kind, account, name, [&](Principal& changed) { changed.inline_policies[policy] = document; });
}

Result<std::string> Service::get_inline_policy(PrincipalKind kind, const std::string& account, const std::string& name,
                                               const std::string& policy) const {
  TRY(const Principal* const principal, get_principal(kind, account, name));
  const auto found = principal->inline_policies.find(policy);
  if (found == principal->inline_policies.end()) {
    return fail(ErrorKind::kNoSuchEntity,
                fmt::format("The {} policy with name {} cannot be found.", word(kind), policy));
  }
  return found->second;
}

Status Service::delete_inline_policy(PrincipalKind kind, const std::string& account, const std::string& name,
                                     const std::string& policy) {
  TRY_STATUS(get_inline_policy(kind, account, name, policy));
  return change_principal(kind, account, name, [&](Principal& changed) { changed.inline_policies.erase(policy); });
}

Status Service::attach_policy(PrincipalKind kind, const std::string& account, const std::string& name,
                              const std::string& arn) {
  TRY(const Principal* const principal, get_principal(kind, account, name));
  const auto owner = accounts_.find(account);
  if (!find_managed_policy(arn) && !owner->second.policies.contains(arn)) {
    return fail(ErrorKind::kNoSuchEntity, fmt::format("Policy {} does not exist or is not attachable.", arn));
  }
  if (principal->attached.size() >= kMaxAttached && !principal->attached.contains(arn)) {
    return fail(ErrorKind::kLimitExceeded, fmt::format("Cannot exceed quota for PoliciesPer{}: {}",
                                                       kind == PrincipalKind::kRole ? "Role" : "User", kMaxAttached));
  }
  return change_principal(kind, account, name, [&](Principal& changed) { changed.attached.insert(arn); });
}

Status Service::check_boundary(const std::string& account, const std::string& arn) const {
  if (arn.empty() || get_policy(account, arn)) return {};
  return fail(ErrorKind::kNoSuchEntity, fmt::format("Scope ARN: {} does not exist or is not attachable.", arn));
}

Status Service::set_boundary(PrincipalKind kind, const std::string& account, const std::string& name,
                             const std::string& arn) {
  TRY(const Principal* const principal, get_principal(kind, account, name));
  if (arn.empty() && principal->permissions_boundary.empty()) {
    return fail(ErrorKind::kNoSuchEntity,
                fmt::format("The {} {} does not have a permissions boundary.", word(kind), principal->name));
  }
  TRY_STATUS(check_boundary(account, arn));
  return change_principal(kind, account, name, [&](Principal& changed) { changed.permissions_boundary = arn; });
}

Status Service::detach_policy(PrincipalKind kind, const std::string& account, const std::string& name,
                              const std::string& arn) {
  TRY(const Principal* const principal, get_principal(kind, account, name));
  if (!principal->attached.contains(arn)) {
    return fail(ErrorKind::kNoSuchEntity, fmt::format("Policy {} was not found.", arn));
  }
  return change_principal(kind, account, name, [&](Principal& changed) { changed.attached.erase(arn); });
}

Result<Policy> Service::create_policy(const std::string& account, Policy policy, const std::string& document) {
  TRY_STATUS(check_policy_document(document, DocumentKind::kIdentity));
  policy.arn = fmt::format("arn:aws:iam::{}:policy{}{}", account, policy.path, policy.name);
  auto& policies = accounts_[account].policies;
  const bool taken = std::ranges::any_of(
      policies, [&](const auto& item) { return equals_ignore_case(item.second.name, policy.name); });
  if (taken) {
    return fail(ErrorKind::kEntityExists,
                fmt::format("A policy called {} already exists. Duplicate names are not allowed.", policy.name));
  }
  policy.id = make_id("ANPA");
  policy.created = policy.updated = clock_.now();
  policy.versions = {{"v1", document, policy.created}};
  TRY_STATUS(store_.put(account, policy));
  policies[policy.arn] = policy;
  return policy;
}

Result<Policy> Service::get_policy(const std::string& account, const std::string& arn) const {
  if (const ManagedPolicy* managed = find_managed_policy(arn)) return as_policy(*managed);
  if (const auto owner = accounts_.find(account); owner != accounts_.end()) {
    if (const auto policy = owner->second.policies.find(arn); policy != owner->second.policies.end())
      return policy->second;
  }
  return fail(ErrorKind::kNoSuchEntity, fmt::format("Policy {} was not found.", arn));
}

const std::map<std::string, Policy>& Service::policies(const std::string& account) const {
  static const std::map<std::string, Policy> kNone;
  const auto owner = accounts_.find(account);
  return owner == accounts_.end() ? kNone : owner->second.policies;
}

Status Service::update_policy(const std::string& account, const std::string& arn,
                              const std::function<void(Policy&)>& change) {
  if (find_managed_policy(arn)) {
    return fail(ErrorKind::kInvalidInput, fmt::format("Policy {} is managed by AWS and cannot be changed.", arn));
  }
  TRY(Policy policy, get_policy(account, arn));
  change(policy);
  TRY_STATUS(store_.put(account, policy));
  accounts_[account].policies[arn] = std::move(policy);
  return {};
}

Result<PolicyVersion> Service::create_policy_version(const std::string& account, const std::string& arn,
                                                     const std::string& document, VersionRole role) {
  TRY_STATUS(check_policy_document(document, DocumentKind::kIdentity));
  TRY(const Policy policy, get_policy(account, arn));
  if (policy.versions.size() >= kMaxPolicyVersions) {
    return fail(ErrorKind::kLimitExceeded,
                "A managed policy can have up to 5 versions. Before you create a new version, you must delete an "
                "existing version.");
  }
  PolicyVersion version{fmt::format("v{}", policy.next_version), document, clock_.now()};
  TRY_STATUS(update_policy(account, arn, [&](Policy& changed) {
    changed.versions.push_back(version);
    changed.next_version += 1;
    changed.updated = version.created;
    if (role == VersionRole::kDefault) changed.default_version = version.id;
  }));
  return version;
}

Status Service::set_default_policy_version(const std::string& account, const std::string& arn,
                                           const std::string& version) {
  TRY(const Policy policy, get_policy(account, arn));
  if (std::ranges::find(policy.versions, version, &PolicyVersion::id) == policy.versions.end()) {
    return fail(ErrorKind::kNoSuchEntity,
                fmt::format("Policy {} version {} does not exist or is not attachable.", arn, version));
  }
  return update_policy(account, arn, [&](Policy& changed) { changed.default_version = version; });
}

Status Service::delete_policy_version(const std::string& account, const std::string& arn, const std::string& version) {
  TRY(const Policy policy, get_policy(account, arn));
  if (std::ranges::find(policy.versions, version, &PolicyVersion::id) == policy.versions.end()) {
    return fail(ErrorKind::kNoSuchEntity,
                fmt::format("Policy {} version {} does not exist or is not attachable.", arn, version));
  }
  if (policy.default_version == version)
    return fail(ErrorKind::kDeleteConflict, "Cannot delete the default version of a policy.");
  return update_policy(account, arn, [&](Policy& changed) {
    std::erase_if(changed.versions, [&](const PolicyVersion& item) { return item.id == version; });
  });
}

Status Service::delete_policy(const std::string& account, const std::string& arn) {
  if (find_managed_policy(arn))
    return fail(ErrorKind::kInvalidInput, fmt::format("Policy {} is managed by AWS and cannot be deleted.", arn));
  TRY(const Policy policy, get_policy(account, arn));
  const auto bounds = [&](const auto& item) { return item.second.permissions_boundary == arn; };
  const bool is_boundary = std::ranges::any_of(roles(account), bounds) || std::ranges::any_of(users(account), bounds);
  if (is_boundary || attachment_count(account, arn) > 0) {
    return fail(ErrorKind::kDeleteConflict, "Cannot delete a policy attached to entities.");
  }
  if (policy.versions.size() > 1) {
    return fail(ErrorKind::kDeleteConflict,
                "This policy has more than one version. Before you delete a policy, you must delete the policy's "
                "versions. The default version is deleted with the policy.");
  }
  TRY_STATUS(store_.erase_policy(account, arn));
  accounts_[account].policies.erase(arn);
  return {};
}

std::int32_t Service::attachment_count(const std::string& account, const std::string& arn) const {
  const auto owner = accounts_.find(account);
  if (owner == accounts_.end()) return 0;
  const auto carries = [&](const auto& item) { return item.second.attached.contains(arn); };
  return static_cast<std::int32_t>(std::ranges::count_if(owner->second.roles, carries) +
                                   std::ranges::count_if(owner->second.users, carries));
}

std::map<std::string, std::int32_t> Service::attachment_counts(const std::string& account) const {
  std::map<std::string, std::int32_t> counts;
  for (const auto& [name, role] : roles(account)) {
    for (const std::string& arn : role.attached) ++counts[arn];
  }
  for (const auto& [name, user] : users(account)) {
    for (const std::string& arn : user.attached) ++counts[arn];
  }
  return counts;
}

Status Service::clear() {
  TRY_STATUS(store_.clear());
  for (auto& [id, account] : accounts_) {
    account.roles.clear();
    account.users.clear();
    account.policies.clear();
  }
  index_keys();
  return {};
}

}  // namespace hearth::services::iam
