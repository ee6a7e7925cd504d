#include "services/sts/session_token.h"

#include <openssl/crypto.h>

#include <boost/json.hpp>

#include "base/bytes.h"
#include "services/iam/service.h"

namespace hearth::services::sts {
namespace {

namespace json = boost::json;

constexpr char kVersion = 1;
constexpr std::size_t kMacBytes = 32;
constexpr std::size_t kHeaderBytes = 1 + kMacBytes;
// A session is a few hundred bytes; longer tokens are not ours and are not worth decoding.
constexpr std::size_t kMaxTokenBytes = 16'384;

std::string mac_of(const std::string& sealing_key, std::string_view access_key_id, std::string_view body) {
  return hmac_sha256(sealing_key, "token\n" + std::string(access_key_id) + "\n" + std::string(body));
}

std::optional<std::string> text(const json::object& row, std::string_view name) {
  const json::value* value = row.if_contains(name);
  if (!value || !value->is_string()) return std::nullopt;
  return std::string(value->as_string());
}

bool take_texts(const json::object& row, std::string_view name, std::vector<std::string>& into) {
  const json::value* value = row.if_contains(name);
  if (!value || !value->is_array()) return false;
  for (const json::value& item : value->as_array()) {
    if (!item.is_string()) return false;
    into.emplace_back(item.as_string());
  }
  return true;
}

}  // namespace

std::string secret_of(const std::string& sealing_key, std::string_view access_key_id) {
  constexpr std::size_t kSecretBytes = 30;  // 40 characters of base64, as AWS's secrets
  return base64_encode(hmac_sha256(sealing_key, "secret\n" + std::string(access_key_id)).substr(0, kSecretBytes));
}

TemporaryCredentials seal(const std::string& sealing_key, const Session& session) {
  const std::string id = iam::make_id("ASIA");
  json::object row{{"account", session.account},
                   {"arn", session.arn},
                   {"user", session.user_id},
                   {"expires", session.expires.time_since_epoch().count()}};
  if (session.limits) {
    row["policies"] = json::array(session.limits->documents.begin(), session.limits->documents.end());
    row["policy_arns"] = json::array(session.limits->policy_arns.begin(), session.limits->policy_arns.end());
  }
  const std::string body = json::serialize(row);
  std::string token(1, kVersion);
  token += mac_of(sealing_key, id, body);
  token += body;
  return {id, secret_of(sealing_key, id), base64_encode(token)};
}

std::optional<Session> unseal(const std::string& sealing_key, std::string_view access_key_id,
                              std::string_view session_token) {
  if (session_token.size() > kMaxTokenBytes) return std::nullopt;
  const auto token = base64_decode(session_token);
  if (!token || token->size() <= kHeaderBytes || token->front() != kVersion) return std::nullopt;
  const std::string_view body = std::string_view(*token).substr(kHeaderBytes);
  const std::string expected = mac_of(sealing_key, access_key_id, body);
  if (CRYPTO_memcmp(expected.data(), token->data() + 1, kMacBytes) != 0) return std::nullopt;
  boost::system::error_code error;
  const json::value value = json::parse(body, error);
  if (error || !value.is_object()) return std::nullopt;
  const json::object& row = value.as_object();
  const json::value* expires = row.if_contains("expires");
  auto account = text(row, "account");
  auto arn = text(row, "arn");
  auto user = text(row, "user");
  if (!account || !arn || !user || !expires || !expires->is_int64()) return std::nullopt;
  Session session{std::move(*account), std::move(*arn), std::move(*user),
                  TimePoint(std::chrono::milliseconds(expires->as_int64()))};
  if (row.contains("policies") || row.contains("policy_arns")) {
    SessionLimits limits;
    // A session that was limited is never taken for one that is not.
    if (!take_texts(row, "policies", limits.documents) || !take_texts(row, "policy_arns", limits.policy_arns)) {
      return std::nullopt;
    }
    session.limits = std::make_shared<const SessionLimits>(std::move(limits));
  }
  return session;
}

}  // namespace hearth::services::sts
