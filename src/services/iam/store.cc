#include "services/iam/store.h"

#include <boost/json.hpp>
#include <utility>

#include "storage/key.h"

namespace hearth::services::iam {
namespace {

namespace json = boost::json;

constexpr std::string_view kRoleSpace = "iam.role";
constexpr std::string_view kUserSpace = "iam.user";
constexpr std::string_view kPolicySpace = "iam.policy";
constexpr std::string_view kRootSpace = "iam.root";
// IAM belongs to an account, not to a region.
constexpr std::string_view kRegion = "global";
constexpr std::size_t kScanPage = 1'000;

std::int64_t to_ms(TimePoint at) { return at.time_since_epoch().count(); }

json::object encode_principal(const Principal& principal) {
  return {{"path", principal.path},
          {"id", principal.id},
          {"arn", principal.arn},
          {"created", to_ms(principal.created)},
          {"tags", json::value_from(principal.tags)},
          {"inline", json::value_from(principal.inline_policies)},
          {"attached", json::value_from(principal.attached)},
          {"boundary", principal.permissions_boundary}};
}

json::array encode_keys(const std::vector<AccessKey>& keys) {
  json::array rows;
  for (const AccessKey& key : keys) {
    rows.push_back({{"id", key.id}, {"secret", key.secret}, {"status", key.status}, {"created", to_ms(key.created)}});
  }
  return rows;
}

// Reads members of a row that we wrote. One that is missing or of another type makes the row unsound.
class Row {
 public:
  // `sound` outlives the row, and becomes false with the first member that is not as it was written.
  Row(const json::object& object, bool& sound) : object_(object), sound_(sound) {}

  std::string text(std::string_view name) const {
    const json::value* value = object_.if_contains(name);
    if (!require(value && value->is_string())) return {};
    return std::string(value->as_string());
  }
  std::int64_t number(std::string_view name) const {
    const json::value* value = object_.if_contains(name);
    return require(value && value->is_int64()) ? value->as_int64() : 0;
  }
  TimePoint time(std::string_view name) const { return TimePoint(std::chrono::milliseconds(number(name))); }
  std::map<std::string, std::string> map(std::string_view name) const {
    std::map<std::string, std::string> out;
    const json::value* value = object_.if_contains(name);
    if (!require(value && value->is_object())) return out;
    for (const auto& [key, item] : value->as_object()) {
      if (require(item.is_string())) out.emplace(key, item.as_string());
    }
    return out;
  }
  const json::array& array(std::string_view name) const {
    static const json::array kEmpty;
    const json::value* value = object_.if_contains(name);
    return require(value && value->is_array()) ? value->as_array() : kEmpty;
  }
  // The rows of an array.
  std::vector<Row> rows(std::string_view name) const {
    std::vector<Row> all;
    for (const json::value& item : array(name)) {
      if (require(item.is_object())) all.emplace_back(item.as_object(), sound_);
    }
    return all;
  }
  bool require(bool holds) const {
    sound_ = sound_ && holds;
    return holds;
  }

 private:
  const json::object& object_;
  bool& sound_;
};

void decode_principal(const Row& row, std::string name, Principal& out) {
  out.name = std::move(name);
  out.path = row.text("path");
  out.id = row.text("id");
  out.arn = row.text("arn");
  out.created = row.time("created");
  out.tags = row.map("tags");
  out.inline_policies = row.map("inline");
  out.permissions_boundary = row.text("boundary");
  for (const json::value& item : row.array("attached")) {
    if (row.require(item.is_string())) out.attached.emplace(item.as_string());
  }
}

std::vector<AccessKey> decode_keys(const std::vector<Row>& rows) {
  std::vector<AccessKey> keys;
  for (const Row& row : rows) {
    keys.push_back({row.text("id"), row.text("secret"), row.text("status"), row.time("created")});
  }
  return keys;
}

void decode_role(const Row& row, std::string name, Account& account) {
  Role role;
  decode_principal(row, name, role);
  role.trust_policy = row.text("trust");
  role.description = row.text("description");
  role.max_session_s = static_cast<std::int32_t>(row.number("max_session_s"));
  account.roles.emplace(std::move(name), std::move(role));
}

void decode_user(const Row& row, std::string name, Account& account) {
  User user;
  decode_principal(row, name, user);
  user.keys = decode_keys(row.rows("keys"));
  account.users.emplace(std::move(name), std::move(user));
}

void decode_policy(const Row& row, std::string arn, Account& account) {
  Policy policy;
  policy.arn = arn;
  policy.name = row.text("name");
  policy.path = row.text("path");
  policy.id = row.text("id");
  policy.description = row.text("description");
  policy.created = row.time("created");
  policy.updated = row.time("updated");
  policy.tags = row.map("tags");
  policy.default_version = row.text("default");
  policy.next_version = static_cast<std::uint32_t>(row.number("next"));
  for (const Row& version : row.rows("versions")) {
    policy.versions.push_back({version.text("id"), version.text("document"), version.time("created")});
  }
  account.policies.emplace(std::move(arn), std::move(policy));
}

void decode_root(const Row& row, std::string, Account& account) { account.root_keys = decode_keys(row.rows("keys")); }

}  // namespace

Result<std::map<std::string, Account>> IamStore::load() const {
  struct Space {
    std::string_view name;
    void (*decode)(const Row& row, std::string key, Account& account);
  };
  std::map<std::string, Account> accounts;
  for (const Space& space : {Space{kRoleSpace, decode_role}, Space{kUserSpace, decode_user},
                             Space{kPolicySpace, decode_policy}, Space{kRootSpace, decode_root}}) {
    std::string after;
    for (;;) {
      TRY(const auto entries, store_.scan(storage::space_prefix(space.name), after, kScanPage));
      for (const storage::Entry& entry : entries) {
        boost::system::error_code error;
        const json::value value = json::parse(entry.value, error);
        const auto parts = storage::key_parts(entry.key);
        if (error || !value.is_object() || parts.size() != 1) {
          return fail(storage::ErrorKind::kCorrupt,
                      "a stored row of " + std::string(space.name) + " does not read back");
        }
        bool sound = true;
        space.decode(Row(value.as_object(), sound), parts[0], accounts[storage::key_owner(entry.key).account]);
        if (!sound) {
          return fail(storage::ErrorKind::kCorrupt,
                      "a stored row of " + std::string(space.name) + " lacks what was written: " + parts[0]);
        }
      }
      if (entries.size() < kScanPage) break;
      after = entries.back().key;
    }
  }
  return accounts;
}

Status IamStore::write(std::string_view space, std::string_view account, std::string_view name, std::string row) {
  ++changes_;
  storage::Batch batch;
  batch.put(storage::make_key(space, account, kRegion, {name}), std::move(row));
  TRY_STATUS(store_.commit(std::move(batch)));
  return {};
}

Status IamStore::erase(std::string_view space, std::string_view account, std::string_view name) {
  ++changes_;
  storage::Batch batch;
  batch.erase(storage::make_key(space, account, kRegion, {name}));
  TRY_STATUS(store_.commit(std::move(batch)));
  return {};
}

Status IamStore::put(std::string_view account, const Role& role) {
  json::object row = encode_principal(role);
  row["trust"] = role.trust_policy;
  row["description"] = role.description;
  row["max_session_s"] = role.max_session_s;
  return write(kRoleSpace, account, role.name, json::serialize(row));
}

Status IamStore::put(std::string_view account, const User& user) {
  json::object row = encode_principal(user);
  row["keys"] = encode_keys(user.keys);
  return write(kUserSpace, account, user.name, json::serialize(row));
}

Status IamStore::put(std::string_view account, const Policy& policy) {
  json::array versions;
  for (const PolicyVersion& version : policy.versions) {
    versions.push_back({{"id", version.id}, {"document", version.document}, {"created", to_ms(version.created)}});
  }
  const json::object row{{"name", policy.name},
                         {"path", policy.path},
                         {"id", policy.id},
                         {"description", policy.description},
                         {"created", to_ms(policy.created)},
                         {"updated", to_ms(policy.updated)},
                         {"tags", json::value_from(policy.tags)},
                         {"versions", std::move(versions)},
                         {"default", policy.default_version},
                         {"next", policy.next_version}};
  return write(kPolicySpace, account, policy.arn, json::serialize(row));
}

Status IamStore::put_root_keys(std::string_view account, const std::vector<AccessKey>& keys) {
  return write(kRootSpace, account, "keys", json::serialize(json::object{{"keys", encode_keys(keys)}}));
}

Status IamStore::erase_role(std::string_view account, std::string_view name) {
  return erase(kRoleSpace, account, name);
}
Status IamStore::erase_user(std::string_view account, std::string_view name) {
  return erase(kUserSpace, account, name);
}
Status IamStore::erase_policy(std::string_view account, std::string_view arn) {
  return erase(kPolicySpace, account, arn);
}

Status IamStore::clear() {
  ++changes_;
  for (const std::string_view space : {kRoleSpace, kUserSpace, kPolicySpace}) {
    TRY_STATUS(store_.erase_prefix(storage::space_prefix(space)));
  }
  return {};
}

}  // namespace hearth::services::iam
