#include "gateway/authenticate.h"

#include <gtest/gtest.h>

#include "gateway/signature_errors.h"
#include "gateway/test_support.h"
#include "wire/sigv4_text.h"

namespace hearth::gateway {
namespace {

using services::Caller;
using services::Credential;

class FakeKeys final : public services::CredentialSource {
 public:
  std::optional<Credential> find_credential(std::string_view key, std::string_view) const override {
    const auto found = keys.find(std::string(key));
    return found == keys.end() ? std::nullopt : std::optional(found->second);
  }
  std::map<std::string, Credential> keys;
};

wire::ServiceModel model_of(wire::Protocol protocol, std::string_view name) {
  wire::ServiceModel model;
  model.name = name;
  model.signing_name = name;
  model.protocol = protocol;
  return model;
}

class AuthenticateTest : public testing::Test {
 protected:
  AuthenticateTest() {
    keys_.keys["AKIAUSER"] = {.secret_access_key = "user secret",
                              .session_token = {},
                              .expires = {},
                              .account = "111122223333",
                              .arn = "arn:aws:iam::111122223333:user/u",
                              .user_id = "AIDAU"};
    keys_.keys["ASIAROLE"] = {.secret_access_key = "role secret",
                              .session_token = "the token",
                              .expires = clock_.now() + std::chrono::hours(1),
                              .account = "111122223333",
                              .arn = "arn:aws:sts::111122223333:assumed-role/r/s",
                              .user_id = "AROAR:s"};
  }

  struct Attempt {
    std::string key;
    std::string secret;
    std::string token = {};
    std::string service = "lambda";
    std::string body = "{}";
    const Caller* role = nullptr;
    wire::Protocol protocol = wire::Protocol::kRestJson;
    std::chrono::minutes clock_off{0};
  };

  wire::Outcome<Caller> attempt(AuthMode mode, const Attempt& attempt) {
    net::Loop loop(clock_);
    net::ThreadPool pool(1);
    Authenticator authenticator(mode, {&keys_}, loop, pool, clock_);
    const wire::ServiceModel model = model_of(attempt.protocol, "lambda");
    const ServiceEntry service{&model, services::OperationTable({}), std::chrono::minutes(5), ByteCount::mib(1)};
    std::vector<Header> headers{{"Host", "127.0.0.1:4566"}};
    const std::string path = "/2015-03-31/functions/";
    if (!attempt.key.empty()) {
      wire::SigV4 signer;
      const auto added = signer.sign({"POST", path, "", headers}, {attempt.key, attempt.secret, attempt.token},
                                     {"us-east-1", attempt.service}, clock_.now() + attempt.clock_off,
                                     signer.sha256_hex(attempt.body));
      headers.insert(headers.end(), added.begin(), added.end());
    }
    const wire::SignedRequest request{"POST", path, "", headers};
    std::string body = attempt.body;
    auto claim = wire::parse_signature(request);
    EXPECT_TRUE(claim);
    auto outcome = run_on(loop, authenticator.authenticate({request, *claim, service, attempt.role}, body));
    EXPECT_EQ(body, attempt.body) << "the body must come back from hashing";
    return outcome;
  }

  std::string code(AuthMode mode, const Attempt& a) {
    const auto outcome = attempt(mode, a);
    return outcome ? "allowed: " + outcome->arn : std::to_string(outcome.error().status) + " " + outcome.error().code;
  }

  FakeClock clock_;
  FakeKeys keys_;
};

TEST_F(AuthenticateTest, OpenModeTakesAnyForeignKeyAtItsWord) {
  EXPECT_EQ(attempt(AuthMode::kOpen, {"test", "test"})->account, "000000000000");
  const auto digits = attempt(AuthMode::kOpen, {"123456789012", "whatever"});
  EXPECT_EQ(digits->account, "123456789012");
  EXPECT_EQ(digits->arn, "arn:aws:iam::123456789012:root");
  EXPECT_EQ(attempt(AuthMode::kOpen, {"1234567890123", "x"})->account, "000000000000");
  EXPECT_EQ(attempt(AuthMode::kOpen, {"", ""})->account, "000000000000");
}

TEST_F(AuthenticateTest, OpenModeVerifiesKeysThatWereIssuedHere) {
  EXPECT_EQ(attempt(AuthMode::kOpen, {"AKIAUSER", "user secret"})->arn, "arn:aws:iam::111122223333:user/u");
  EXPECT_EQ(code(AuthMode::kOpen, {"AKIAUSER", "wrong"}), "403 InvalidSignatureException");
}

TEST_F(AuthenticateTest, EnforcedModeRefusesInTheWordsOfEachProtocol) {
  struct Case {
    wire::Protocol protocol;
    const char* none;
    const char* unknown;
    const char* wrong;
    const char* expired;
  };
  for (const Case& c : {
           Case{wire::Protocol::kRestJson, "403 MissingAuthenticationTokenException", "403 UnrecognizedClientException",
                "403 InvalidSignatureException", "403 ExpiredTokenException"},
           Case{wire::Protocol::kJson11, "400 MissingAuthenticationTokenException", "400 UnrecognizedClientException",
                "400 InvalidSignatureException", "400 ExpiredTokenException"},
           Case{wire::Protocol::kQuery, "403 MissingAuthenticationToken", "403 InvalidClientTokenId",
                "403 SignatureDoesNotMatch", "403 ExpiredToken"},
       }) {
    keys_.keys["ASIAROLE"].expires = clock_.now() + std::chrono::hours(1);
    EXPECT_EQ(code(AuthMode::kEnforced, {.key = "", .secret = "", .protocol = c.protocol}), c.none);
    EXPECT_EQ(code(AuthMode::kEnforced, {.key = "AKIAX", .secret = "x", .protocol = c.protocol}), c.unknown);
    EXPECT_EQ(code(AuthMode::kEnforced, {.key = "AKIAUSER", .secret = "x", .protocol = c.protocol}), c.wrong);
    keys_.keys["ASIAROLE"].expires = clock_.now();
    EXPECT_EQ(code(AuthMode::kEnforced,
                   {.key = "ASIAROLE", .secret = "role secret", .token = "the token", .protocol = c.protocol}),
              c.expired);
  }
}

TEST_F(AuthenticateTest, EnforcedModeLetsValidKeysIn) {
  EXPECT_EQ(code(AuthMode::kEnforced, {"AKIAUSER", "user secret"}), "allowed: arn:aws:iam::111122223333:user/u");
  EXPECT_EQ(code(AuthMode::kEnforced, {"ASIAROLE", "role secret", "the token"}),
            "allowed: arn:aws:sts::111122223333:assumed-role/r/s");
}

TEST_F(AuthenticateTest, ASessionTokenMustBelongToItsKey) {
  EXPECT_EQ(code(AuthMode::kEnforced, {"ASIAROLE", "role secret", "another"}), "403 UnrecognizedClientException");
  EXPECT_EQ(code(AuthMode::kEnforced, {"ASIAROLE", "role secret"}), "403 UnrecognizedClientException");
  EXPECT_EQ(code(AuthMode::kEnforced, {"AKIAUSER", "user secret", "some"}), "403 UnrecognizedClientException");
}

TEST_F(AuthenticateTest, ASignatureForAnotherServiceOrTimeIsRefused) {
  EXPECT_EQ(code(AuthMode::kEnforced, {.key = "AKIAUSER", .secret = "user secret", .service = "sts"}),
            "403 InvalidSignatureException");
  EXPECT_EQ(
      code(AuthMode::kEnforced, {.key = "AKIAUSER", .secret = "user secret", .clock_off = std::chrono::minutes(-6)}),
      "403 InvalidSignatureException");
  EXPECT_EQ(
      code(AuthMode::kEnforced, {.key = "AKIAUSER", .secret = "user secret", .clock_off = std::chrono::minutes(6)}),
      "403 InvalidSignatureException");
}

TEST_F(AuthenticateTest, ALargeBodyIsHashedOffTheLoopAndComesBack) {
  const std::string body(3 << 20U, 'x');
  EXPECT_EQ(code(AuthMode::kEnforced, {.key = "AKIAUSER", .secret = "user secret", .body = body}),
            "allowed: arn:aws:iam::111122223333:user/u");
}

TEST_F(AuthenticateTest, AFunctionIsItsRoleWhateverForeignKeyItPresents) {
  const Caller role{.account = "111122223333",
                    .arn = "arn:aws:sts::111122223333:assumed-role/exec/f",
                    .user_id = "AROAE:f",
                    .access_key = "ASIAEXEC",
                    .is_function = true};
  for (const AuthMode mode : {AuthMode::kOpen, AuthMode::kEnforced}) {
    EXPECT_EQ(code(mode, {.key = "", .secret = "", .role = &role}), "allowed: " + role.arn);
    EXPECT_EQ(code(mode, {.key = "123456789012", .secret = "x", .role = &role}), "allowed: " + role.arn);
    EXPECT_EQ(code(mode, {.key = "ASIAROLE", .secret = "role secret", .token = "the token", .role = &role}),
              "allowed: arn:aws:sts::111122223333:assumed-role/r/s");
    EXPECT_EQ(code(mode, {.key = "AKIAUSER", .secret = "wrong", .role = &role}), "403 InvalidSignatureException");
  }
}

TEST_F(AuthenticateTest, AFunctionWhoseOwnCredentialsExpiredIsStillItsRole) {
  keys_.keys["ASIAROLE"].expires = clock_.now();
  const Caller own{.account = "111122223333", .arn = keys_.keys["ASIAROLE"].arn, .user_id = "", .access_key = ""};
  const Caller other{
      .account = "111122223333", .arn = "arn:aws:sts::111122223333:assumed-role/x/y", .user_id = "", .access_key = ""};
  Attempt expired{.key = "ASIAROLE", .secret = "role secret", .token = "the token", .role = &own};
  EXPECT_EQ(code(AuthMode::kEnforced, expired), "allowed: " + own.arn);
  expired.role = &other;
  EXPECT_EQ(code(AuthMode::kEnforced, expired), "403 ExpiredTokenException");
}

}  // namespace
}  // namespace hearth::gateway
