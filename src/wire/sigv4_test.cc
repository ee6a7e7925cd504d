#include "wire/sigv4.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/bytes.h"
#include "wire/sigv4_text.h"

namespace hearth::wire {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::string_view kSuiteSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const TimePoint kSuiteTime = *parse_amz_time("20150830T123600Z");

// One case of AWS's published Signature Version 4 test suite: what is sent, and the published signature.
struct SuiteCase {
  const char* name;
  const char* method;
  const char* path;
  const char* query;
  std::vector<Header> headers;  // besides Host and X-Amz-Date
  const char* body;
  const char* signed_headers;
  const char* signature;
};

const std::vector<SuiteCase>& suite() {
  static const std::vector<SuiteCase> kCases{
      {"get-vanilla",
       "GET",
       "/",
       "",
       {},
       "",
       "host;x-amz-date",
       "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
      {"post-vanilla",
       "POST",
       "/",
       "",
       {},
       "",
       "host;x-amz-date",
       "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
      {"get-unreserved",
       "GET",
       "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
       "",
       {},
       "",
       "host;x-amz-date",
       "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
      {"get-slashes",
       "GET",
       "//example//",
       "",
       {},
       "",
       "host;x-amz-date",
       "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84"},
      {"get-vanilla-query-order-key-case",
       "GET",
       "/",
       "Param2=value2&Param1=value1",
       {},
       "",
       "host;x-amz-date",
       "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
      {"get-vanilla-query-order-value",
       "GET",
       "/",
       "Param1=value2&Param1=value1",
       {},
       "",
       "host;x-amz-date",
       "5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694"},
      {"get-vanilla-query-unreserved",
       "GET",
       "/",
       "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz=-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabc"
       "defghijklmnopqrstuvwxyz",
       {},
       "",
       "host;x-amz-date",
       "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"},
      {"get-vanilla-utf8-query",
       "GET",
       "/",
       "\xe1\x88\xb4=bar",
       {},
       "",
       "host;x-amz-date",
       "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
      {"get-header-value-order",
       "GET",
       "/",
       "",
       {{"My-Header1", "value4"}, {"My-Header1", "value1"}, {"My-Header1", "value3"}, {"My-Header1", "value2"}},
       "",
       "host;my-header1;x-amz-date",
       "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01"},
      {"get-header-key-duplicate",
       "GET",
       "/",
       "",
       {{"My-Header1", "value2"}, {"My-Header1", "value2"}, {"My-Header1", "value1"}},
       "",
       "host;my-header1;x-amz-date",
       "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
      {"get-header-value-trim",
       "GET",
       "/",
       "",
       {{"My-Header1", " value1"}, {"My-Header2", "\"a   b   c\""}},
       "",
       "host;my-header1;my-header2;x-amz-date",
       "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
      {"post-x-www-form-urlencoded",
       "POST",
       "/",
       "",
       {{"Content-Type", "application/x-www-form-urlencoded"}},
       "Param1=value1",
       "content-type;host;x-amz-date",
       "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
      {"post-sts-header-before",
       "GET",
       "/",
       "",
       {{"X-Amz-Security-Token", "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267"}},
       "",
       "host;x-amz-date;x-amz-security-token",
       "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8"},
  };
  return kCases;
}

std::vector<Header> suite_headers(const SuiteCase& test, const std::string& signature) {
  std::vector<Header> headers{{"Host", "example.amazonaws.com"}, {"X-Amz-Date", "20150830T123600Z"}};
  headers.insert(headers.end(), test.headers.begin(), test.headers.end());
  headers.push_back({"Authorization", std::string("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/"
                                                  "aws4_request, SignedHeaders=") +
                                          test.signed_headers + ", Signature=" + signature});
  return headers;
}

Status check(const SignedRequest& request, std::string_view body, std::string_view secret, const SigV4Rules& rules,
             TimePoint now) {
  TRY(const auto claim, parse_signature(request));
  if (!claim) return fail(SigV4Error::kIncomplete, "no signature");
  TRY_STATUS(check_claim(*claim, rules, now));
  SigV4 signer;
  return signer.verify(request, *claim, rules, secret, signer.sha256_hex(body));
}

const SigV4Rules kSuiteRules{.service = "service", .skew = minutes(5), .path = PathRule::kNormalized};

std::string message_of(const Status& status) { return status ? "" : status.error().message(); }

TEST(SigV4, AcceptsEveryCaseOfThePublishedSuite) {
  for (const SuiteCase& test : suite()) {
    const std::vector<Header> headers = suite_headers(test, test.signature);
    const SignedRequest request{test.method, test.path, test.query, headers};
    EXPECT_EQ(message_of(check(request, test.body, kSuiteSecret, kSuiteRules, kSuiteTime)), "") << test.name;
  }
}

TEST(SigV4, RefusesEveryCaseOfThePublishedSuiteWhenAnythingIsChanged) {
  for (const SuiteCase& test : suite()) {
    const std::vector<Header> headers = suite_headers(test, test.signature);
    const SignedRequest request{test.method, test.path, test.query, headers};
    EXPECT_FALSE(check(request, std::string(test.body) + " ", kSuiteSecret, kSuiteRules, kSuiteTime)) << test.name;
    EXPECT_FALSE(check(request, test.body, "other", kSuiteRules, kSuiteTime)) << test.name;
    const SignedRequest other_method{"DELETE", test.path, test.query, headers};
    EXPECT_FALSE(check(other_method, test.body, kSuiteSecret, kSuiteRules, kSuiteTime)) << test.name;
    const SignedRequest other_path{test.method, "/x", test.query, headers};
    EXPECT_FALSE(check(other_path, test.body, kSuiteSecret, kSuiteRules, kSuiteTime)) << test.name;
    const std::string query = std::string(test.query) + (*test.query ? "&" : "") + "more=1";
    const SignedRequest other_query{test.method, test.path, query, headers};
    EXPECT_FALSE(check(other_query, test.body, kSuiteSecret, kSuiteRules, kSuiteTime)) << test.name;
    std::vector<Header> other_host = headers;
    other_host[0].value = "evil.example";
    const SignedRequest elsewhere{test.method, test.path, test.query, other_host};
    EXPECT_FALSE(check(elsewhere, test.body, kSuiteSecret, kSuiteRules, kSuiteTime)) << test.name;
  }
}

// Requests signed by botocore's own signer, made by tests/support/sigv4_vectors.py.
TEST(SigV4, AgreesWithBotocoreOnAwkwardRequests) {
  const auto file = std::filesystem::path(__FILE__).parent_path() / "testdata" / "sigv4_vectors.json";
  std::ifstream in(file);
  ASSERT_TRUE(in) << file;
  std::stringstream text;
  text << in.rdbuf();
  const boost::json::value document = boost::json::parse(text.str());
  const TimePoint at = *parse_amz_time(document.at("at").as_string());
  const boost::json::array& vectors = document.at("vectors").as_array();
  ASSERT_GE(vectors.size(), 100U);
  for (const boost::json::value& vector : vectors) {
    const auto member = [&](const char* name) { return std::string(vector.at(name).as_string()); };
    std::vector<Header> headers;
    for (const boost::json::value& header : vector.at("headers").as_array()) {
      headers.push_back({std::string(header.at(0).as_string()), std::string(header.at(1).as_string())});
    }
    const std::string method = member("method");
    const std::string path = member("path");
    const std::string query = member("query");
    const SignedRequest request{method, path, query, headers};
    const SigV4Rules rules{.service = member("service"),
                           .skew = minutes(5),
                           .path = member("service") == "s3" ? PathRule::kAsSent : PathRule::kNormalized};
    EXPECT_EQ(message_of(check(request, member("body"), member("secret"), rules, at)), "")
        << member("name") << " " << method << " " << path << "?" << query;
    EXPECT_FALSE(check(request, member("body"), member("secret") + "x", rules, at)) << member("name");
  }
}

TEST(SigV4, SigningAndVerifyingAreInverse) {
  SigV4 signer;
  std::vector<Header> headers{{"Host", "127.0.0.1:4566"}, {"Content-Type", "application/json"}};
  const SignedRequest bare{"POST", "/2015-03-31/functions/f/invocations", "Qualifier=1", headers};
  const std::string hash = signer.sha256_hex("{}");
  for (const Header& header :
       signer.sign(bare, {"AKIA", "secret", "token"}, {"eu-west-1", "lambda"}, kSuiteTime, hash)) {
    headers.push_back(header);
  }
  const SignedRequest sent{bare.method, bare.path, bare.query, headers};
  EXPECT_TRUE(check(sent, "{}", "secret", {.service = "lambda"}, kSuiteTime));
  EXPECT_FALSE(check(sent, "{ }", "secret", {.service = "lambda"}, kSuiteTime));
}

TEST(SigV4, APresignedQueryLivesExactlyAsLongAsItSays) {
  SigV4 signer;
  const std::string query = signer.presign("GET", "localhost:4566", "/a b", "x=1", {"AKIA", "secret", "t/+="},
                                           {"us-east-1", "sts"}, kSuiteTime, seconds(60));
  const std::vector<Header> headers{{"host", "localhost:4566"}};
  const SignedRequest request{"GET", "/a b", query, headers};
  const SigV4Rules rules{.service = "sts", .skew = minutes(15)};
  EXPECT_EQ(message_of(check(request, "", "secret", rules, kSuiteTime + seconds(60))), "");
  EXPECT_EQ(message_of(check(request, "", "secret", rules, kSuiteTime + seconds(61))),
            "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z (20150830T123701Z - 1 min.)");
  const auto claim = parse_signature(request);
  ASSERT_TRUE(claim && *claim);
  EXPECT_EQ((*claim)->session_token, "t/+=");
}

TEST(SigV4, PresignedLifetimesOutsideOneSecondToSevenDaysAreRefused) {
  SigV4 signer;
  const std::vector<Header> headers{{"host", "h"}};
  for (const auto& [lifetime, good] : std::vector<std::pair<seconds, bool>>{
           {seconds(0), false}, {seconds(1), true}, {seconds(604'800), true}, {seconds(604'801), false}}) {
    const std::string query = signer.presign("GET", "h", "/", "", {"A", "s"}, {"r", "sts"}, kSuiteTime, lifetime);
    EXPECT_EQ(parse_signature({"GET", "/", query, headers}).has_value(), good) << lifetime.count();
  }
}

TEST(SigV4, AStaleOrFutureClockIsRefusedInTheWordsOfAws) {
  const SuiteCase& test = suite().front();
  const std::vector<Header> headers = suite_headers(test, test.signature);
  const SignedRequest request{test.method, test.path, test.query, headers};
  EXPECT_TRUE(check(request, "", kSuiteSecret, kSuiteRules, kSuiteTime + minutes(5)));
  EXPECT_EQ(message_of(check(request, "", kSuiteSecret, kSuiteRules, kSuiteTime + minutes(5) + seconds(1))),
            "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z (20150830T124101Z - 5 min.)");
  EXPECT_EQ(message_of(check(request, "", kSuiteSecret, kSuiteRules, kSuiteTime - minutes(6))),
            "Signature not yet current: 20150830T123600Z is still later than 20150830T123500Z (20150830T123000Z + 5 "
            "min.)");
}

TEST(SigV4, AClaimForAnotherServiceDayOrEndingIsRefusedBeforeItsKeyIsLookedUp) {
  const SuiteCase& test = suite().front();
  const std::vector<Header> headers = suite_headers(test, test.signature);
  auto claim = *parse_signature({test.method, test.path, test.query, headers});
  EXPECT_EQ(message_of(check_claim(*claim, {.service = "lambda"}, kSuiteTime)),
            "Credential should be scoped to correct service: 'lambda'. ");
  claim->date = "20150829";
  EXPECT_EQ(message_of(check_claim(*claim, kSuiteRules, kSuiteTime)),
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20150829' != "
            "'20150830', from '20150830T123600Z'.");
  claim->terminator = "aws3_request";
  EXPECT_EQ(message_of(check_claim(*claim, kSuiteRules, kSuiteTime)),
            "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws3_request'. ");
}

TEST(SigV4, ARequestWithoutSignatureHasNoClaim) {
  const std::vector<Header> headers{{"Host", "h"}};
  const auto claim = parse_signature({"GET", "/", "Action=GetCallerIdentity", headers});
  ASSERT_TRUE(claim);
  EXPECT_FALSE(*claim);
}

TEST(SigV4, IncompleteHeadersAreNamedAsAwsNamesThem) {
  const auto refusal = [](const std::string& authorization, bool with_date) {
    std::vector<Header> headers{{"Host", "h"}, {"Authorization", authorization}};
    if (with_date) headers.push_back({"X-Amz-Date", "20150830T123600Z"});
    const auto claim = parse_signature({"GET", "/", "", headers});
    return claim ? std::string() : claim.error().message();
  };
  const std::string hashed = base64_encode(sha256("Basic dXNlcg=="));
  EXPECT_EQ(refusal("Basic dXNlcg==", false),
            "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' "
            "parameter. Authorization header requires 'SignedHeaders' parameter. Authorization header requires "
            "existence of either a 'X-Amz-Date' or a 'Date' header. (Hashed with SHA-256 and encoded with Base64) "
            "Authorization=" +
                hashed);
  EXPECT_EQ(refusal("AWS4-HMAC-SHA256 Credential=a/b/20150830/r/s/aws4_request, SignedHeaders=host, Signature=0", true),
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got "
            "'a/b/20150830/r/s/aws4_request'");
  EXPECT_EQ(refusal("AWS4-HMAC-SHA256 Credential=a/20150830/r/s/aws4_request, SignedHeaders=date, Signature=0", true),
            "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
  const auto with_target = [](const std::string& signed_headers) {
    const std::vector<Header> headers{
        {"Host", "h"},
        {"X-Amz-Date", "20150830T123600Z"},
        {"X-Amz-Target", "Logs_20140328.CreateLogGroup"},
        {"Authorization", "AWS4-HMAC-SHA256 Credential=a/20150830/r/s/aws4_request, SignedHeaders=" + signed_headers +
                              ", Signature=" + std::string(64, '0')}};
    const auto claim = parse_signature({"POST", "/", "", headers});
    return claim ? std::string() : claim.error().message();
  };
  EXPECT_EQ(with_target("host;x-amz-date;x-amz-target"), "");
  EXPECT_EQ(with_target("host;x-amz-date"), "'X-Amz-Target' must be a 'SignedHeader' in the AWS Authorization.");
  EXPECT_TRUE(refusal("AWS4-HMAC-SHA256 Credential= , SignedHeaders=host, Signature=0", true)
                  .starts_with("Invalid key=value pair (missing equal-sign)"));
  EXPECT_TRUE(refusal("AWS4-HMAC-SHA256 Credential=a/20150830/r/s/aws4_request, SignedHeaders=host, Signature=0, "
                      "Signature=1",
                      true)
                  .starts_with("Authorization header has 'Signature' twice."));
  EXPECT_TRUE(refusal("AWS4-HMAC-MD5 Credential=a", true).starts_with("Unsupported AWS 'algorithm': 'AWS4-HMAC-MD5'"));
}

TEST(SigV4, SigningMethodsThatAreNotBuiltAreRefusedByName) {
  const SuiteCase& test = suite().front();
  std::vector<Header> headers = suite_headers(test, test.signature);
  headers.push_back({"x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"});
  const Status chunked =
      check({test.method, test.path, test.query, headers}, "", kSuiteSecret, kSuiteRules, kSuiteTime);
  ASSERT_FALSE(chunked);
  EXPECT_TRUE(chunked.error().is(SigV4Error::kNotSupported));
  EXPECT_NE(chunked.error().message().find("STREAMING-AWS4-HMAC-SHA256-PAYLOAD"), std::string::npos);
  const std::vector<Header> asymmetric{{"Host", "h"}, {"Authorization", "AWS4-ECDSA-P256-SHA256 Credential=a"}};
  const auto claim = parse_signature({"GET", "/", "", asymmetric});
  ASSERT_FALSE(claim);
  EXPECT_TRUE(claim.error().is(SigV4Error::kNotSupported));
}

TEST(SigV4, AnUnsignedPayloadMustBeSaidWhenSigning) {
  const SuiteCase& test = suite().front();
  std::vector<Header> headers = suite_headers(test, test.signature);
  headers.push_back({"x-amz-content-sha256", "UNSIGNED-PAYLOAD"});
  EXPECT_FALSE(check({test.method, test.path, test.query, headers}, "evil", kSuiteSecret, kSuiteRules, kSuiteTime));
}

TEST(SigV4, TwoSignaturesInOneRequestAreRefused) {
  const SuiteCase& test = suite().front();
  std::vector<Header> headers = suite_headers(test, test.signature);
  EXPECT_FALSE(parse_signature({"GET", "/", "X-Amz-Algorithm=AWS4-HMAC-SHA256", headers}));
  headers.push_back(headers.back());
  EXPECT_FALSE(parse_signature({"GET", "/", "", headers}));
}

TEST(SigV4, AChangedSecretIsNotHiddenByTheKeyCache) {
  SigV4 signer;
  const SuiteCase& test = suite().front();
  const std::vector<Header> headers = suite_headers(test, test.signature);
  const SignedRequest request{test.method, test.path, test.query, headers};
  const auto claim = *parse_signature(request);
  const std::string hash = signer.sha256_hex("");
  EXPECT_FALSE(signer.verify(request, *claim, kSuiteRules, "old secret", hash));
  EXPECT_TRUE(signer.verify(request, *claim, kSuiteRules, kSuiteSecret, hash));
  EXPECT_FALSE(signer.verify(request, *claim, kSuiteRules, "newer secret", hash));
  EXPECT_TRUE(signer.verify(request, *claim, kSuiteRules, kSuiteSecret, hash));
}

TEST(SigV4, TheKeyCacheForgetsTheOldestAndStaysRight) {
  SigV4 signer;
  const std::vector<Header> headers{{"Host", "h"}};
  for (int i = 0; i < 3000; ++i) {
    const std::string key = "AKIA" + std::to_string(i % 1500);
    const std::string query =
        signer.presign("GET", "h", "/", "", {key, "s" + key}, {"r", "sts"}, kSuiteTime, seconds(9));
    const SignedRequest request{"GET", "/", query, headers};
    const auto claim = *parse_signature(request);
    ASSERT_TRUE(signer.verify(request, *claim, {.service = "sts"}, "s" + key, signer.sha256_hex(""))) << i;
  }
}

TEST(SigV4, TimesAreReadStrictly) {
  EXPECT_EQ(format_amz_time(kSuiteTime), "20150830T123600Z");
  EXPECT_FALSE(parse_amz_time("20150830T123600"));
  EXPECT_FALSE(parse_amz_time("20151330T123600Z"));
  EXPECT_FALSE(parse_amz_time("20150230T123600Z"));
  EXPECT_FALSE(parse_amz_time("20150830T253600Z"));
  EXPECT_FALSE(parse_amz_time("2015083xT123600Z"));
  EXPECT_EQ(format_amz_time(*parse_amz_time("20161231T235960Z")), "20170101T000000Z");
  EXPECT_FALSE(parse_amz_time("99991231T235960Z"));
  EXPECT_EQ(parse_http_date("Sun, 30 Aug 2015 12:36:00 GMT"), kSuiteTime);
  EXPECT_FALSE(parse_http_date("Sun, 30 Foo 2015 12:36:00 GMT"));
}

TEST(SigV4Text, PathsAreNormalizedAsAwsDoes) {
  EXPECT_EQ(normalize_path(""), "/");
  EXPECT_EQ(normalize_path("//"), "/");
  EXPECT_EQ(normalize_path("/a/./b/../c"), "/a/c");
  EXPECT_EQ(normalize_path("/../../a//b/"), "/a/b/");
  EXPECT_EQ(encode_path_again("/a%20b/\xe1\x88\xb4"), "/a%2520b/%E1%88%B4");
  EXPECT_EQ(encode_path_once("/a%2fb:c"), "/a%2Fb%3Ac");
}

TEST(SigV4Text, BrokenEscapesStayAsTheyAre) {
  EXPECT_EQ(decode_query_component("%4"), "%4");
  EXPECT_EQ(decode_query_component("%zz+%41"), "%zz A");
  EXPECT_EQ(canonical_query("b&a=1=2&&c=%", ""), "a=1%3D2&b=&c=%25");
}

}  // namespace
}  // namespace hearth::wire
