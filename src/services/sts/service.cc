#include "services/sts/service.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "services/sts/errors.h"
#include "services/sts/store.h"

namespace hearth::services::sts {
namespace {

namespace json = boost::json;

// What an environment holds lasts as long as AWS's: twelve hours.
constexpr std::chrono::hours kEnvironmentSession{12};

struct RoleArn {
  std::string account;
  std::string name;  // without its path
};

std::optional<RoleArn> parse_role_arn(std::string_view arn) {
  constexpr std::string_view kPrefix = "arn:aws:iam::";
  constexpr std::string_view kRole = ":role/";
  constexpr std::size_t kAccountDigits = 12;
  if (!arn.starts_with(kPrefix)) return std::nullopt;
  arn.remove_prefix(kPrefix.size());
  if (arn.size() <= kAccountDigits + kRole.size() || !arn.substr(kAccountDigits).starts_with(kRole))
    return std::nullopt;
  const std::string_view account = arn.substr(0, kAccountDigits);
  if (account.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  const std::string_view name = arn.substr(arn.rfind('/') + 1);
  if (name.empty()) return std::nullopt;
  return RoleArn{std::string(account), std::string(name)};
}

bool names_principal(const json::value& principal, const Caller& caller) {
  const auto is_caller = [&](const json::value& item) {
    if (!item.is_string()) return false;
    const std::string_view text = item.as_string();
    return text == "*" || text == caller.account || text == caller.arn ||
           text == "arn:aws:iam::" + caller.account + ":root";
  };
  if (principal.is_string()) return principal.as_string() == "*";
  if (!principal.is_object()) return false;
  const json::value* aws = principal.as_object().if_contains("AWS");
  if (!aws) return false;
  if (!aws->is_array()) return is_caller(*aws);
  for (const json::value& item : aws->as_array()) {
    if (is_caller(item)) return true;
  }
  return false;
}

// Whether a trust policy has a statement that lets the caller assume the role, and none that denies it.
bool trusts(const std::string& trust_policy, const Caller& caller) {
  boost::system::error_code error;
  const json::value value = json::parse(trust_policy, error);
  if (error || !value.is_object()) return false;
  const json::value* statements = value.as_object().if_contains("Statement");
  if (!statements) return false;
  std::vector<json::object> all;
  if (statements->is_object()) all.push_back(statements->as_object());
  if (statements->is_array()) {
    for (const json::value& item : statements->as_array()) {
      if (item.is_object()) all.push_back(item.as_object());
    }
  }
  bool allowed = false;
  for (const json::object& statement : all) {
    const json::value* principal = statement.if_contains("Principal");
    const json::value* effect = statement.if_contains("Effect");
    if (!principal || !effect || !effect->is_string() || !names_principal(*principal, caller)) continue;
    if (effect->as_string() == "Deny") return false;
    // Conditions are not evaluated: a statement that has one grants nothing.
    if (!statement.contains("Condition")) allowed = true;
  }
  return allowed;
}

// The id of a role that IAM does not know: always the same for the same ARN.
std::string id_of_unknown_role(const std::string& arn) {
  std::string digits = hex_encode(sha256(arn)).substr(0, 16);
  for (char& c : digits) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return "AROA" + digits;
}

}  // namespace

Service::Service(storage::Store& store, const iam::Service& iam, const Clock& clock, RolePolicy policy)
    : store_(store), iam_(iam), clock_(clock), policy_(policy) {}

Status Service::load() {
  TRY(sealing_key_, load_sealing_key(store_));
  return {};
}

sts::Session Service::make_session(const std::string& role_arn, const std::string& session_name,
                                   std::chrono::seconds duration) const {
  const auto parsed = parse_role_arn(role_arn);
  const auto role = iam_.find_role_by_arn(role_arn);
  sts::Session session;
  session.account = parsed ? parsed->account : "";
  session.arn =
      fmt::format("arn:aws:sts::{}:assumed-role/{}/{}", session.account, parsed ? parsed->name : "", session_name);
  session.user_id = (role ? role->id : id_of_unknown_role(role_arn)) + ":" + session_name;
  session.expires = clock_.now() + duration;
  return session;
}

Result<AssumedRole> Service::assume_role(const Caller& caller, const std::string& role_arn,
                                         const std::string& session_name, std::chrono::seconds duration) const {
  if (!parse_role_arn(role_arn)) return fail(ErrorKind::kInvalid, fmt::format("{} is invalid", role_arn));
  const auto role = iam_.find_role_by_arn(role_arn);
  if (policy_ == RolePolicy::kTrusting && (!role || !trusts(role->trust_policy, caller))) {
    return fail(
        ErrorKind::kAccessDenied,
        fmt::format("User: {} is not authorized to perform: sts:AssumeRole on resource: {}", caller.arn, role_arn));
  }
  if (role && duration > std::chrono::seconds(role->max_session_s)) {
    return fail(ErrorKind::kInvalid, "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.");
  }
  AssumedRole assumed;
  assumed.session = make_session(role_arn, session_name, duration);
  assumed.credentials = seal(sealing_key_, assumed.session);
  return assumed;
}

AssumedRole Service::session_for_caller(const Caller& caller, std::chrono::seconds duration) const {
  AssumedRole made;
  made.session = {caller.account, caller.arn, caller.user_id, clock_.now() + duration};
  made.credentials = seal(sealing_key_, made.session);
  return made;
}

std::optional<Credential> Service::find_credential(std::string_view access_key_id,
                                                   std::string_view session_token) const {
  if (!access_key_id.starts_with("ASIA")) return std::nullopt;
  auto session = unseal(sealing_key_, access_key_id, session_token);
  if (!session) return std::nullopt;
  Credential credential;
  credential.secret_access_key = secret_of(sealing_key_, access_key_id);
  credential.session_token = session_token;
  credential.expires = session->expires;
  credential.account = std::move(session->account);
  credential.arn = std::move(session->arn);
  credential.user_id = std::move(session->user_id);
  return credential;
}

RoleSessionIssuer::Session Service::issue_role_session(const std::string& role_arn, const std::string& session_name) {
  const sts::Session session = make_session(role_arn, session_name, kEnvironmentSession);
  const TemporaryCredentials made = seal(sealing_key_, session);
  RoleSessionIssuer::Session issued;
  issued.access_key_id = made.access_key_id;
  issued.credential.secret_access_key = made.secret_access_key;
  issued.credential.session_token = made.session_token;
  issued.credential.expires = session.expires;
  issued.credential.account = session.account;
  issued.credential.arn = session.arn;
  issued.credential.user_id = session.user_id;
  return issued;
}

}  // namespace hearth::services::sts
