#include "gateway/authenticate.h"

#include <fmt/format.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <utility>

#include "base/barriers.h"
#include "base/bytes.h"
#include "gateway/signature_errors.h"

namespace hearth::gateway {
namespace {

// Hashing takes 0.7 ms per MiB; a hand-off to the pool and back about 0.1 ms.
constexpr std::size_t kHashHere = 256 * 1024;

bool is_account(std::string_view text) {
  return text.size() == 12 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

services::Caller unverified_caller(std::string_view access_key) {
  const std::string account(is_account(access_key) ? access_key : kDefaultAccount);
  return {.account = account,
          .arn = fmt::format("arn:aws:iam::{}:root", account),
          .user_id = account,
          .access_key = std::string(access_key)};
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

Authenticator::Authenticator(AuthMode mode, std::vector<const services::CredentialSource*> sources, net::Loop& loop,
                             net::ThreadPool& pool, const Clock& clock)
    : mode_(mode), sources_(std::move(sources)), loop_(loop), pool_(pool), clock_(clock) {}

std::optional<services::Credential> Authenticator::find(const wire::SignatureClaim& claim) const {
  for (const services::CredentialSource* source : sources_) {
    if (auto found = source->find_credential(claim.access_key_id, claim.session_token)) return found;
  }
  return std::nullopt;
}

net::Task<std::string> Authenticator::hash(std::string& body) {
  if (body.size() <= kHashHere) co_return sigv4_.sha256_hex(body);
  // The body moves into the work and back: at shutdown this coroutine may go while the pool still hashes.
  auto work = [bytes = std::move(body)]() mutable {
    std::string digest = hex_encode(sha256(bytes));
    return std::pair(std::move(bytes), std::move(digest));
  };
  auto task = pool_.run(loop_, std::move(work));
  auto [bytes, digest] = co_await std::move(task);
  body = std::move(bytes);
  co_return digest;
}

net::Task<wire::Outcome<services::Caller>> Authenticator::authenticate(AuthRequest auth, std::string& body) {
  const wire::Protocol protocol = auth.service.model->protocol;
  const auto refuse = [&](Refusal refusal) { return std::unexpected(refusal_error(protocol, refusal)); };

  if (!auth.claim) {
    if (auth.role && barrier_up(Barrier::kRoleOverNoKey)) co_return *auth.role;
    if (mode_ == AuthMode::kOpen) co_return unverified_caller({});
    co_return refuse(Refusal::kNoSignature);
  }
  const wire::SignatureClaim& claim = *auth.claim;
  const wire::SigV4Rules rules{.service = std::string(auth.service.model->signing_name),
                               .skew = auth.service.skew,
                               .path = wire::PathRule::kNormalized};
  const std::optional<services::Credential> credential = find(claim);
  if (!credential) {
    if (auth.role && barrier_up(Barrier::kRoleOverForeignKeys)) co_return *auth.role;
    if (mode_ == AuthMode::kOpen) co_return unverified_caller(claim.access_key_id);
  }
  const Status in_scope = wire::check_claim(claim, rules, clock_.now());
  if (!in_scope && barrier_up(Barrier::kIssuedScope)) {
    co_return std::unexpected(refusal_error(protocol, in_scope.error()));
  }
  if (!credential) co_return refuse(Refusal::kUnknownKey);
  if (!equal_in_constant_time(credential->session_token, claim.session_token) &&
      barrier_up(Barrier::kIssuedSessionToken)) {
    co_return refuse(Refusal::kUnknownKey);
  }
  if (credential->expires && *credential->expires <= clock_.now() && barrier_up(Barrier::kIssuedExpiry)) {
    if (auth.role && auth.role->arn == credential->arn) co_return *auth.role;
    co_return refuse(Refusal::kExpired);
  }
  auto hashing = hash(body);
  const std::string body_sha256 = co_await std::move(hashing);
  const Status verified = sigv4_.verify(auth.request, claim, rules, credential->secret_access_key, body_sha256);
  if (!verified && barrier_up(Barrier::kIssuedSignature)) {
    co_return std::unexpected(refusal_error(protocol, verified.error()));
  }
  co_return services::Caller{.account = credential->account,
                             .arn = credential->arn,
                             .user_id = credential->user_id,
                             .access_key = claim.access_key_id,
                             .is_function = auth.role != nullptr,
                             .limits = credential->limits};
}

}  // namespace hearth::gateway
