#include "wire/sigv4.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cstring>
#include <span>

#include "base/barriers.h"
#include "base/bytes.h"
#include "base/check.h"
#include "wire/sigv4_text.h"

namespace hearth::wire {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr std::string_view kTerminator = "aws4_request";
constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";
constexpr std::string_view kEmptySha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr std::size_t kCachedKeys = 1024;
constexpr std::chrono::seconds kMaxLifetime{7 * 24 * 3600};

constexpr std::string_view kDoesNotMatch =
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details.";

// AWS shows a hash instead of the header, so that a secret sent by mistake does not end up in logs.
std::string hashed_for_message(std::string_view header) { return base64_encode(sha256(header)); }

std::unexpected<Error> incomplete(std::string message) { return fail(SigV4Error::kIncomplete, std::move(message)); }
std::unexpected<Error> mismatch(std::string message) { return fail(SigV4Error::kMismatch, std::move(message)); }

Status read_credential(std::string_view credential, SignatureClaim& claim) {
  const std::vector<std::string_view> parts = split(credential, '/');
  if (parts.size() != 5 || parts[0].empty()) {
    return incomplete(fmt::format(
        "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{}'",
        credential));
  }
  claim.access_key_id = parts[0];
  claim.date = parts[1];
  claim.region = parts[2];
  claim.service = parts[3];
  claim.terminator = parts[4];
  return {};
}

Status read_signed_headers(const SignedRequest& request, std::string_view list, SignatureClaim& claim) {
  for (const std::string_view name : split(list, ';')) {
    if (!name.empty()) claim.signed_headers.push_back(lower(name));
  }
  if (std::ranges::find(claim.signed_headers, "host") == claim.signed_headers.end()) {
    return mismatch("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
  }
  // It says which operation is meant: unsigned, anybody on the way could change what a signed request does.
  if (barrier_up(Barrier::kSignedTarget) && find_header(request.headers, "x-amz-target") != nullptr &&
      std::ranges::find(claim.signed_headers, "x-amz-target") == claim.signed_headers.end()) {
    return mismatch("'X-Amz-Target' must be a 'SignedHeader' in the AWS Authorization.");
  }
  return {};
}

// The time of a header-signed request: X-Amz-Date, else Date.
std::optional<std::pair<std::string, TimePoint>> request_time(const SignedRequest& request) {
  if (const std::string* sent = find_header(request.headers, "x-amz-date")) {
    if (const auto time = parse_amz_time(*sent)) return std::pair(*sent, *time);
    return std::nullopt;
  }
  if (const std::string* sent = find_header(request.headers, "date")) {
    if (const auto time = parse_amz_time(*sent)) return std::pair(*sent, *time);
    if (const auto time = parse_http_date(*sent)) return std::pair(format_amz_time(*time), *time);
  }
  return std::nullopt;
}

Result<SignatureClaim> parse_header(const SignedRequest& request, std::string_view authorization) {
  SignatureClaim claim;
  const auto shown = [&] {
    return fmt::format("(Hashed with SHA-256 and encoded with Base64) Authorization={}",
                       hashed_for_message(authorization));
  };
  if (authorization.starts_with("AWS4-ECDSA-P256-SHA256")) {
    return fail(SigV4Error::kNotSupported, "Signature Version 4A (AWS4-ECDSA-P256-SHA256) is not supported.");
  }
  std::string_view rest = authorization;
  if (const auto space = rest.find(' '); space != std::string_view::npos && rest.starts_with("AWS4-")) {
    if (rest.substr(0, space) != kAlgorithm) {
      return incomplete(fmt::format("Unsupported AWS 'algorithm': '{}', only '{}' is supported. {}",
                                    rest.substr(0, space), kAlgorithm, shown()));
    }
    rest.remove_prefix(space + 1);
  } else {
    rest = {};  // another scheme: everything is missing
  }

  std::optional<std::string_view> credential;
  std::optional<std::string_view> signed_headers;
  std::optional<std::string_view> signature;
  for (std::string_view part : split(rest, ',')) {
    part = trim(part);
    if (part.empty()) continue;
    const auto equals = part.find('=');
    if (equals == std::string_view::npos || equals + 1 == part.size()) {
      return incomplete(fmt::format(
          "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with "
          "Base64): '{}'.",
          hashed_for_message(authorization)));
    }
    const std::string_view name = part.substr(0, equals);
    const std::string_view value = part.substr(equals + 1);
    std::optional<std::string_view>* slot = name == "Credential"      ? &credential
                                            : name == "SignedHeaders" ? &signed_headers
                                            : name == "Signature"     ? &signature
                                                                      : nullptr;
    if (slot == nullptr) continue;
    if (*slot) return incomplete(fmt::format("Authorization header has '{}' twice. {}", name, shown()));
    *slot = value;
  }
  const auto time = request_time(request);
  std::string missing;
  if (!credential) missing += "Authorization header requires 'Credential' parameter. ";
  if (!signature) missing += "Authorization header requires 'Signature' parameter. ";
  if (!signed_headers) missing += "Authorization header requires 'SignedHeaders' parameter. ";
  if (!find_header(request.headers, "x-amz-date") && !find_header(request.headers, "date")) {
    missing += "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ";
  }
  if (!missing.empty()) return incomplete(missing + shown());
  if (!time) {
    const std::string* sent = find_header(request.headers, "x-amz-date");
    if (!sent) sent = find_header(request.headers, "date");
    return incomplete(fmt::format(
        "Date must be in ISO-8601 'basic format'. Got '{}'. See http://en.wikipedia.org/wiki/ISO_8601", *sent));
  }
  claim.form = SignatureForm::kHeader;
  claim.timestamp = time->first;
  claim.signed_at = time->second;
  claim.signature = *signature;
  TRY_STATUS(read_credential(*credential, claim));
  TRY_STATUS(read_signed_headers(request, *signed_headers, claim));
  if (const std::string* token = find_header(request.headers, "x-amz-security-token")) claim.session_token = *token;
  if (const std::string* hash = find_header(request.headers, "x-amz-content-sha256")) claim.content_sha256 = *hash;
  return claim;
}

Result<SignatureClaim> parse_query(const SignedRequest& request) {
  std::optional<std::string> algorithm;
  std::optional<std::string> credential;
  std::optional<std::string> date;
  std::optional<std::string> expires;
  std::optional<std::string> signed_headers;
  std::optional<std::string> signature;
  std::optional<std::string> token;
  std::optional<std::string> content_sha256;
  const std::array<std::pair<std::string_view, std::optional<std::string>*>, 8> wanted{{
      {"X-Amz-Algorithm", &algorithm},
      {"X-Amz-Credential", &credential},
      {"X-Amz-Date", &date},
      {"X-Amz-Expires", &expires},
      {"X-Amz-SignedHeaders", &signed_headers},
      {"X-Amz-Signature", &signature},
      {"X-Amz-Security-Token", &token},
      {"X-Amz-Content-Sha256", &content_sha256},
  }};
  for (const auto& [name, value] : split_query(request.query)) {
    for (const auto& [known, slot] : wanted) {
      if (!equals_ignore_case(name, known)) continue;
      if (*slot) return incomplete(fmt::format("AWS query-string parameter '{}' must be given only once.", known));
      *slot = value;
    }
  }
  if (algorithm == "AWS4-ECDSA-P256-SHA256") {
    return fail(SigV4Error::kNotSupported, "Signature Version 4A (AWS4-ECDSA-P256-SHA256) is not supported.");
  }
  std::string missing;
  for (const auto& [known, slot] : std::span(wanted).first(6)) {
    if (!*slot && known != "X-Amz-Expires") missing += fmt::format("{}'{}'", missing.empty() ? "" : ", ", known);
  }
  if (!missing.empty()) {
    return incomplete(fmt::format(
        "AWS query-string parameters must include 'X-Amz-Algorithm', 'X-Amz-Credential', 'X-Amz-Signature', "
        "'X-Amz-SignedHeaders' and 'X-Amz-Date'; missing: {}.",
        missing));
  }
  if (*algorithm != kAlgorithm) {
    return incomplete(
        fmt::format("Unsupported AWS 'algorithm': '{}', only '{}' is supported.", *algorithm, kAlgorithm));
  }
  SignatureClaim claim;
  claim.form = SignatureForm::kPresigned;
  const auto time = parse_amz_time(*date);
  if (!time) {
    return incomplete(fmt::format(
        "Date must be in ISO-8601 'basic format'. Got '{}'. See http://en.wikipedia.org/wiki/ISO_8601", *date));
  }
  claim.timestamp = *date;
  claim.signed_at = *time;
  claim.signature = *signature;
  if (expires) {
    const auto seconds = parse_decimal(*expires);
    if (!seconds) return incomplete("X-Amz-Expires should be a number");
    if (*seconds < 1) return incomplete("X-Amz-Expires must be at least 1 second");
    if (*seconds > static_cast<std::uint64_t>(kMaxLifetime.count())) {
      return incomplete(
          "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than "
          "604800 seconds");
    }
    claim.lifetime = std::chrono::seconds(*seconds);
  }
  TRY_STATUS(read_credential(*credential, claim));
  TRY_STATUS(read_signed_headers(request, *signed_headers, claim));
  if (token) claim.session_token = *token;
  if (const std::string* hash = find_header(request.headers, "x-amz-content-sha256")) {
    claim.content_sha256 = *hash;
  } else if (content_sha256) {
    claim.content_sha256 = *content_sha256;
  }
  return claim;
}

// The payload's line in the canonical request.
Result<std::string> payload_hash(const SignatureClaim& claim, const SigV4Rules& rules, std::string_view body_sha256) {
  const std::string& sent = claim.content_sha256;
  if (sent.empty()) {
    const bool unsigned_payload = rules.path == PathRule::kAsSent && claim.form == SignatureForm::kPresigned;
    return std::string(unsigned_payload ? kUnsignedPayload : body_sha256);
  }
  if (sent == kUnsignedPayload) return sent;
  if (lower(sent) != body_sha256) return mismatch(std::string(kDoesNotMatch));
  return sent;
}

}  // namespace

Result<std::optional<SignatureClaim>> parse_signature(const SignedRequest& request) {
  const std::string* authorization = nullptr;
  for (const Header& header : request.headers) {
    if (!equals_ignore_case(header.name, "authorization")) continue;
    if (authorization) return incomplete("Authorization header must be given only once.");
    authorization = &header.value;
  }
  const bool presigned =
      has_query_name(request.query, "X-Amz-Algorithm") || has_query_name(request.query, "X-Amz-Signature");
  if (authorization && presigned) {
    return incomplete(
        "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter or the Authorization header should "
        "be specified");
  }
  if (!authorization && !presigned) return std::optional<SignatureClaim>();
  TRY(SignatureClaim claim, authorization ? parse_header(request, trim(*authorization)) : parse_query(request));
  // Its body is cut into pieces that nothing here puts together, whether or not the signature is looked at.
  if (claim.content_sha256.starts_with("STREAMING-")) {
    return fail(
        SigV4Error::kNotSupported,
        fmt::format("Chunked signatures ({}) are not supported; send the body in one piece.", claim.content_sha256));
  }
  return claim;
}

Status check_claim(const SignatureClaim& claim, const SigV4Rules& rules, TimePoint now) {
  if (claim.terminator != kTerminator) {
    return mismatch(fmt::format("Credential should be scoped with a valid terminator: '{}', not '{}'. ", kTerminator,
                                claim.terminator));
  }
  if (!rules.service.empty() && claim.service != rules.service) {
    return mismatch(fmt::format("Credential should be scoped to correct service: '{}'. ", rules.service));
  }
  const std::string day = claim.timestamp.substr(0, 8);
  if (claim.date != day) {
    return mismatch(fmt::format(
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' != '{}', from "
        "'{}'.",
        claim.date, day, claim.timestamp));
  }
  if (claim.signed_at > now + rules.skew) {
    return mismatch(fmt::format("Signature not yet current: {} is still later than {} ({} + {} min.)", claim.timestamp,
                                format_amz_time(now + rules.skew), format_amz_time(now), rules.skew.count()));
  }
  if (claim.form == SignatureForm::kPresigned && claim.lifetime.count() > 0) {
    const TimePoint end = claim.signed_at + claim.lifetime;
    if (end < now) {
      return mismatch(fmt::format("Signature expired: {} is now earlier than {} ({} - {} min.)", claim.timestamp,
                                  format_amz_time(now - claim.lifetime), format_amz_time(now),
                                  std::chrono::ceil<std::chrono::minutes>(claim.lifetime).count()));
    }
    return {};
  }
  if (claim.signed_at < now - rules.skew) {
    return mismatch(fmt::format("Signature expired: {} is now earlier than {} ({} - {} min.)", claim.timestamp,
                                format_amz_time(now - rules.skew), format_amz_time(now), rules.skew.count()));
  }
  return {};
}

std::string canonical_request(const SignedRequest& request, const SignatureClaim& claim, PathRule path,
                              std::string_view payload) {
  std::string out;
  out.reserve(512 + request.path.size() + request.query.size());
  out += request.method;
  out += '\n';
  out +=
      path == PathRule::kNormalized ? encode_path_again(normalize_path(request.path)) : encode_path_once(request.path);
  out += '\n';
  out += canonical_query(request.query, claim.form == SignatureForm::kPresigned ? "X-Amz-Signature" : "");
  out += '\n';
  std::vector<std::string_view> names(claim.signed_headers.begin(), claim.signed_headers.end());
  std::ranges::sort(names);
  for (const std::string_view name : names) {
    out += name;
    out += ':';
    append_canonical_values(request.headers, name, out);
    out += '\n';
  }
  out += '\n';
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) out += ';';
    out += names[i];
  }
  out += '\n';
  out += payload;
  return out;
}

// OpenSSL's contexts, made once: fetching an algorithm costs more than hashing a request.
class SigV4::Contexts {
 public:
  using Digest = std::array<unsigned char, 32>;

  Contexts() : algorithm_(EVP_MD_fetch(nullptr, "SHA256", nullptr)), context_(EVP_MD_CTX_new()) {
    HEARTH_CHECK(algorithm_ && context_, "OpenSSL has no SHA256");
  }
  ~Contexts() {
    EVP_MD_CTX_free(context_);
    EVP_MD_free(algorithm_);
  }
  Contexts(const Contexts&) = delete;
  Contexts& operator=(const Contexts&) = delete;

  Digest sha256(std::string_view bytes) { return digest({}, bytes); }

  // RFC 2104.
  Digest hmac(std::string_view key, std::string_view data) {
    std::array<unsigned char, 64> block{};
    if (key.size() > block.size()) {
      const Digest hashed = sha256(key);
      std::memcpy(block.data(), hashed.data(), hashed.size());
    } else {
      std::memcpy(block.data(), key.data(), key.size());
    }
    std::array<char, 64> pad;
    for (std::size_t i = 0; i < pad.size(); ++i) pad[i] = static_cast<char>(block[i] ^ 0x36U);
    const Digest inner = digest({pad.data(), pad.size()}, data);
    for (std::size_t i = 0; i < pad.size(); ++i) pad[i] = static_cast<char>(block[i] ^ 0x5cU);
    const Digest outer = digest({pad.data(), pad.size()}, {reinterpret_cast<const char*>(inner.data()), inner.size()});
    OPENSSL_cleanse(block.data(), block.size());
    OPENSSL_cleanse(pad.data(), pad.size());
    return outer;
  }

 private:
  Digest digest(std::string_view first, std::string_view second) {
    Digest out;
    const bool done = EVP_DigestInit_ex2(context_, algorithm_, nullptr) == 1 &&
                      EVP_DigestUpdate(context_, first.data(), first.size()) == 1 &&
                      EVP_DigestUpdate(context_, second.data(), second.size()) == 1 &&
                      EVP_DigestFinal_ex(context_, out.data(), nullptr) == 1;
    HEARTH_CHECK(done, "OpenSSL failed to hash");
    return out;
  }

  EVP_MD* algorithm_;
  EVP_MD_CTX* context_;
};

namespace {

std::string_view as_text(const std::array<unsigned char, 32>& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace

SigV4::SigV4() : contexts_(std::make_unique<Contexts>()) {}
SigV4::~SigV4() {
  for (SigningKey& key : keys_) {
    OPENSSL_cleanse(key.key.data(), key.key.size());
    OPENSSL_cleanse(key.secret.data(), key.secret.size());
  }
}

std::string SigV4::sha256_hex(std::string_view bytes) { return hex_encode(as_text(contexts_->sha256(bytes))); }

const std::array<unsigned char, 32>& SigV4::signing_key(const SignatureClaim& claim, std::string_view secret) {
  const std::string name = fmt::format("{}/{}/{}/{}", claim.access_key_id, claim.date, claim.region, claim.service);
  if (const auto found = key_index_.find(name); found != key_index_.end()) {
    keys_.splice(keys_.begin(), keys_, found->second);
    if (keys_.front().secret == secret) return keys_.front().key;
    key_index_.erase(found);  // the key id got a new secret
    keys_.pop_front();
  }
  auto key = contexts_->hmac("AWS4" + std::string(secret), claim.date);
  key = contexts_->hmac(as_text(key), claim.region);
  key = contexts_->hmac(as_text(key), claim.service);
  key = contexts_->hmac(as_text(key), kTerminator);
  keys_.push_front(SigningKey{name, std::string(secret), key});
  key_index_.emplace(keys_.front().name, keys_.begin());
  if (keys_.size() > kCachedKeys) {
    key_index_.erase(keys_.back().name);
    keys_.pop_back();
  }
  return keys_.front().key;
}

std::string SigV4::signature_of(const SignatureClaim& claim, std::string_view secret, std::string_view canonical) {
  const std::string to_sign = fmt::format("{}\n{}\n{}/{}/{}/{}\n{}", kAlgorithm, claim.timestamp, claim.date,
                                          claim.region, claim.service, claim.terminator, sha256_hex(canonical));
  return hex_encode(as_text(contexts_->hmac(as_text(signing_key(claim, secret)), to_sign)));
}

Status SigV4::verify(const SignedRequest& request, const SignatureClaim& claim, const SigV4Rules& rules,
                     std::string_view secret, std::string_view body_sha256) {
  TRY(const std::string payload, payload_hash(claim, rules, body_sha256));
  const std::string expected = signature_of(claim, secret, canonical_request(request, claim, rules.path, payload));
  const std::string given = lower(claim.signature);
  if (given.size() != expected.size() || CRYPTO_memcmp(given.data(), expected.data(), expected.size()) != 0) {
    return mismatch(std::string(kDoesNotMatch));
  }
  return {};
}

std::vector<Header> SigV4::sign(const SignedRequest& request, const SigningCredentials& credentials,
                                const SigningScope& scope, TimePoint now, std::string_view body_sha256) {
  SignatureClaim claim;
  claim.timestamp = format_amz_time(now);
  claim.date = claim.timestamp.substr(0, 8);
  claim.access_key_id = credentials.access_key_id;
  claim.region = scope.region;
  claim.service = scope.service;
  claim.terminator = kTerminator;
  std::vector<Header> headers = request.headers;
  std::vector<Header> added{{"X-Amz-Date", claim.timestamp}};
  if (!credentials.session_token.empty()) {
    added.push_back({"X-Amz-Security-Token", std::string(credentials.session_token)});
  }
  headers.insert(headers.end(), added.begin(), added.end());
  std::string list;
  for (const Header& header : headers) claim.signed_headers.push_back(lower(header.name));
  std::ranges::sort(claim.signed_headers);
  const auto repeated = std::ranges::unique(claim.signed_headers);
  claim.signed_headers.erase(repeated.begin(), repeated.end());
  for (const std::string& name : claim.signed_headers) list += (list.empty() ? "" : ";") + name;
  const std::string* sent_hash = find_header(headers, "x-amz-content-sha256");
  const SignedRequest complete{request.method, request.path, request.query, headers};
  const std::string canonical =
      canonical_request(complete, claim, scope.path, sent_hash ? std::string_view(*sent_hash) : body_sha256);
  added.push_back(
      {"Authorization", fmt::format("{} Credential={}/{}/{}/{}/{}, SignedHeaders={}, Signature={}", kAlgorithm,
                                    claim.access_key_id, claim.date, claim.region, claim.service, claim.terminator,
                                    list, signature_of(claim, credentials.secret_access_key, canonical))});
  return added;
}

std::string SigV4::presign(std::string_view method, std::string_view host, std::string_view path,
                           std::string_view query, const SigningCredentials& credentials, const SigningScope& scope,
                           TimePoint now, std::chrono::seconds lifetime) {
  SignatureClaim claim;
  claim.form = SignatureForm::kPresigned;
  claim.timestamp = format_amz_time(now);
  claim.date = claim.timestamp.substr(0, 8);
  claim.access_key_id = credentials.access_key_id;
  claim.region = scope.region;
  claim.service = scope.service;
  claim.terminator = kTerminator;
  claim.signed_headers = {"host"};
  const std::string credential =
      fmt::format("{}/{}/{}/{}/{}", claim.access_key_id, claim.date, claim.region, claim.service, claim.terminator);
  std::string full = fmt::format(
      "{}{}X-Amz-Algorithm={}&X-Amz-Credential={}&X-Amz-Date={}&X-Amz-Expires={}&X-Amz-SignedHeaders=host", query,
      query.empty() ? "" : "&", kAlgorithm, encode_component(credential), claim.timestamp, lifetime.count());
  if (!credentials.session_token.empty()) {
    full += "&X-Amz-Security-Token=" + encode_component(credentials.session_token);
  }
  const std::vector<Header> headers{{"Host", std::string(host)}};
  const SignedRequest request{method, path, full, headers};
  const std::string canonical =
      canonical_request(request, claim, scope.path, scope.path == PathRule::kAsSent ? kUnsignedPayload : kEmptySha256);
  return full + "&X-Amz-Signature=" + signature_of(claim, credentials.secret_access_key, canonical);
}

}  // namespace hearth::wire
