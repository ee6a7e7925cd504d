#pragma once
// SigV4: AWS Signature Version 4, in the Authorization header or in the query (presigned): reading, verifying, making.
//
// A signature travels with a claim: which key signed, when, for which day, region and service, over which headers.
// parse_signature() reads the claim and believes nothing; check_claim() refuses what no key could make right (wrong
// service, stale clock); SigV4::verify() recomputes the signature with the key's secret. Messages are AWS's.
//
// Chunked bodies (STREAMING-*) and Signature Version 4A are refused by name.
// Path: gateway/authenticate.cc -> here        Tests: sigv4_test.cc, vectors in testdata/sigv4_vectors.txt

#include <array>
#include <chrono>
#include <cstddef>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/header.h"
#include "base/result.h"

namespace hearth::wire {

enum class SigV4Error {
  kIncomplete,    // IncompleteSignature: parts are missing or cannot be read
  kMismatch,      // InvalidSignatureException / SignatureDoesNotMatch: stale, wrongly scoped, or not made by this key
  kNotSupported,  // a signing method that is not built yet; the message names it
};

// What is signed, as it arrived. Views into the request.
struct SignedRequest {
  std::string_view method;
  std::string_view path;   // percent-encoded as sent
  std::string_view query;  // as sent, without '?'
  const std::vector<Header>& headers;
};

enum class SignatureForm : std::uint8_t { kHeader, kPresigned };

// What a request says of its own signature. Nothing in it is verified.
struct SignatureClaim {
  SignatureForm form = SignatureForm::kHeader;
  std::string access_key_id;
  std::string date;  // the scope's: YYYYMMDD
  std::string region;
  std::string service;
  std::string terminator;                   // "aws4_request"
  std::vector<std::string> signed_headers;  // lower case, as listed
  std::string signature;                    // hex
  std::string timestamp;                    // YYYYMMDDTHHMMSSZ
  TimePoint signed_at;
  std::chrono::seconds lifetime{0};  // presigned only
  std::string session_token;         // empty: none
  std::string content_sha256;        // the x-amz-content-sha256 header; empty: none
};

// How a service's path and payload enter the canonical request.
enum class PathRule : std::uint8_t {
  kNormalized,  // dot segments and double slashes removed, the sent encoding encoded again: everyone but S3
  kAsSent,      // S3: the path encoded once; presigned payloads are unsigned
};

struct SigV4Rules {
  std::string service;           // the name its signatures are scoped to; empty: not checked
  std::chrono::minutes skew{5};  // sts and iam: 15
  PathRule path = PathRule::kNormalized;
};

// The claim of a request, or nothing if it carries no signature at all.
// Errors: kIncomplete, kNotSupported.
Result<std::optional<SignatureClaim>> parse_signature(const SignedRequest& request);

// Refuses a claim that is out of scope or out of time at `now`. Errors: kMismatch.
Status check_claim(const SignatureClaim& claim, const SigV4Rules& rules, TimePoint now);

// The canonical request. `payload_hash`: its last line.
std::string canonical_request(const SignedRequest& request, const SignatureClaim& claim, PathRule path,
                              std::string_view payload_hash);

// "20150830T123600Z" and back. Nothing if it is not exactly such a time.
std::string format_amz_time(TimePoint time);
std::optional<TimePoint> parse_amz_time(std::string_view text);

struct SigningCredentials {
  std::string_view access_key_id;
  std::string_view secret_access_key;
  std::string_view session_token = {};
};

struct SigningScope {
  std::string_view region;
  std::string_view service;
  PathRule path = PathRule::kNormalized;
};

// Signs and verifies, keeping derived signing keys (a day's key for a region and service takes four HMACs) and
// OpenSSL contexts between requests.
// Thread: one at a time.
class SigV4 {
 public:
  SigV4();
  ~SigV4();
  SigV4(const SigV4&) = delete;
  SigV4& operator=(const SigV4&) = delete;

  // Whether `secret` made the claimed signature over this request with a body of `body_sha256` (lower-case hex).
  // Compares in constant time. Errors: kMismatch.
  Status verify(const SignedRequest& request, const SignatureClaim& claim, const SigV4Rules& rules,
                std::string_view secret, std::string_view body_sha256);

  // The headers that sign a request: X-Amz-Date, X-Amz-Security-Token if there is a token, Authorization. `request`
  // must hold a Host header; all its headers are signed.
  std::vector<Header> sign(const SignedRequest& request, const SigningCredentials& credentials,
                           const SigningScope& scope, TimePoint now, std::string_view body_sha256);

  // The query that presigns a GET-like request without body to `host`, from its path and unsigned query (may be empty).
  std::string presign(std::string_view method, std::string_view host, std::string_view path, std::string_view query,
                      const SigningCredentials& credentials, const SigningScope& scope, TimePoint now,
                      std::chrono::seconds lifetime);

  // Lower-case hex of SHA-256, with this object's context.
  std::string sha256_hex(std::string_view bytes);

 private:
  class Contexts;
  struct SigningKey {
    std::string name;  // key id, day, region, service
    std::string secret;
    std::array<unsigned char, 32> key;
  };

  std::string signature_of(const SignatureClaim& claim, std::string_view secret, std::string_view canonical);
  const std::array<unsigned char, 32>& signing_key(const SignatureClaim& claim, std::string_view secret);

  std::unique_ptr<Contexts> contexts_;
  std::list<SigningKey> keys_;  // newest use first
  std::unordered_map<std::string_view, std::list<SigningKey>::iterator> key_index_;
};

}  // namespace hearth::wire
