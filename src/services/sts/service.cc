#include "services/sts/service.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "base/bytes.h"
#include "policy/document.h"
#include "services/sts/errors.h"
#include "services/sts/store.h"

namespace hearth::services::sts {
namespace {

// What an environment holds lasts as long as AWS's: twelve hours.
constexpr std::chrono::hours kEnvironmentSession{12};

// Characters of session policies and of ARNs of managed ones: a policy of AWS's longest, and ten ARNs.
constexpr std::size_t kMostPacked = 4'096;

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

// The id of a role that IAM does not know: always the same for the same ARN.
std::string id_of_unknown_role(const std::string& arn) {
  std::string digits = hex_encode(sha256(arn)).substr(0, 16);
  for (char& c : digits) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return "AROA" + digits;
}

}  // namespace

Service::Service(storage::Store& store, const iam::Service& iam, const Clock& clock)
    : store_(store), iam_(iam), clock_(clock) {}

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

Result<AssumedRole> Service::assume_role(const std::string& role_arn, const std::string& session_name,
                                         std::chrono::seconds duration, SessionLimits limits) const {
  const auto parsed = parse_role_arn(role_arn);
  if (!parsed) return fail(ErrorKind::kInvalid, fmt::format("{} is invalid", role_arn));
  const auto role = iam_.find_role_by_arn(role_arn);
  if (role && duration > std::chrono::seconds(role->max_session_s)) {
    return fail(ErrorKind::kInvalid, "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.");
  }
  for (const std::string& document : limits.documents) {
    if (const auto read = policy::parse_document(document, policy::DocumentKind::kIdentity); !read) {
      return fail(ErrorKind::kMalformedPolicy, read.error().message());
    }
  }
  std::size_t characters = 0;
  for (const std::string& text : limits.documents) characters += text.size();
  for (const std::string& arn : limits.policy_arns) characters += arn.size();
  AssumedRole assumed;
  assumed.session = make_session(role_arn, session_name, duration);
  if (characters > 0) {
    assumed.packed_percent = static_cast<std::int32_t>((characters * 100 + kMostPacked - 1) / kMostPacked);
    if (characters > kMostPacked) {
      return fail(ErrorKind::kPackedPolicyTooLarge,
                  fmt::format("The specified session policies and ARNs are {}% of what a session can hold",
                              assumed.packed_percent));
    }
    assumed.session.limits = std::make_shared<const SessionLimits>(std::move(limits));
  }
  assumed.credentials = seal(sealing_key_, assumed.session);
  return assumed;
}

AssumedRole Service::session_for_caller(const Caller& caller, std::chrono::seconds duration) const {
  AssumedRole made;
  made.session = {caller.account, caller.arn, caller.user_id, clock_.now() + duration, caller.limits};
  made.credentials = seal(sealing_key_, made.session);
  return made;
}

Result<std::string> Service::account_of_key(const std::string& access_key_id) const {
  const auto found = iam_.find_credential(access_key_id, {});
  if (!found) return fail(ErrorKind::kInvalid, "Invalid Access Key");
  return found->account;
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
  credential.limits = std::move(session->limits);
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
