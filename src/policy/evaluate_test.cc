#include "policy/evaluate.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>

namespace hearth::policy {
namespace {

constexpr std::string_view kFunction = "arn:aws:lambda:us-east-1:111122223333:function:f";
constexpr std::string_view kInvoke = "lambda:InvokeFunction";

std::shared_ptr<const Document> parsed(std::string_view text, DocumentKind kind) {
  auto document = parse_document(text, kind);
  EXPECT_TRUE(document) << text << ": " << (document ? "" : document.error().message());
  return std::make_shared<const Document>(document ? *std::move(document) : Document{});
}

std::shared_ptr<const Document> identity(std::string_view effect, std::string_view rest = {}) {
  return parsed(
      fmt::format(R"({{"Version":"2012-10-17","Statement":{{"Effect":"{}","Action":"lambda:*","Resource":"*"{}}}}})",
                  effect, rest),
      DocumentKind::kIdentity);
}

std::shared_ptr<const Document> resource(std::string_view principal, std::string_view effect = "Allow") {
  return parsed(
      fmt::format(
          R"({{"Version":"2012-10-17","Statement":[{{"Effect":"{}","Principal":{},"Action":"lambda:InvokeFunction","Resource":"{}"}}]}})",
          effect, principal, kFunction),
      DocumentKind::kResource);
}

Request request_of(std::string arn, std::string role = {}) {
  Request request;
  request.requester = {.account = "111122223333", .arn = std::move(arn), .role_arn = std::move(role), .service = {}};
  request.action = kInvoke;
  request.resource = kFunction;
  request.resource_account = "111122223333";
  return request;
}

Request by_user() { return request_of("arn:aws:iam::111122223333:user/u"); }
Request by_session() {
  return request_of("arn:aws:sts::111122223333:assumed-role/r/s", "arn:aws:iam::111122223333:role/r");
}

std::string outcome(const Policies& policies, const Request& request) {
  const Decision decision = evaluate(policies, request);
  return decision.allowed() ? "allowed" : denial_of(decision, request.action);
}

constexpr std::string_view kNoIdentity = "because no identity-based policy allows the lambda:InvokeFunction action";

TEST(Evaluate, NobodyIsAllowedAnythingUntilSomebodyAllowsIt) {
  EXPECT_EQ(outcome({}, by_user()), kNoIdentity);
  EXPECT_EQ(outcome({.identity = {identity("Allow")}}, by_user()), "allowed");
}

TEST(Evaluate, AnExplicitDenyWinsInEveryLayer) {
  Policies policies{.identity = {identity("Allow"), identity("Deny")}};
  EXPECT_EQ(outcome(policies, by_user()), "with an explicit deny in an identity-based policy");
  policies = {.identity = {identity("Allow")}, .boundary = identity("Deny")};
  EXPECT_EQ(outcome(policies, by_user()), "with an explicit deny in a permissions boundary");
  policies = {.identity = {identity("Allow")}, .session = Documents{identity("Deny")}};
  EXPECT_EQ(outcome(policies, by_session()), "with an explicit deny in a session policy");
  policies = {.identity = {identity("Allow")}, .resource = resource("\"*\"", "Deny")};
  EXPECT_EQ(outcome(policies, by_user()), "with an explicit deny in a resource-based policy");
}

TEST(Evaluate, BoundaryAndSessionPolicyNarrowWhatIdentityPoliciesAllow) {
  const auto other =
      parsed(R"({"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}})", DocumentKind::kIdentity);
  EXPECT_EQ(outcome({.identity = {identity("Allow")}, .boundary = other}, by_user()),
            "because no permissions boundary allows the lambda:InvokeFunction action");
  EXPECT_EQ(outcome({.identity = {identity("Allow")}, .session = Documents{other}}, by_session()),
            "because no session policy allows the lambda:InvokeFunction action");
  EXPECT_EQ(outcome({.identity = {identity("Allow")}, .session = Documents{other, identity("Allow")}}, by_session()),
            "allowed");
  EXPECT_EQ(outcome({.identity = {}, .boundary = identity("Allow")}, by_user()), kNoIdentity);
}

TEST(Evaluate, InsideAnAccountAResourcePolicyGrantsByWhomItNames) {
  const std::string user = R"({"AWS":"arn:aws:iam::111122223333:user/u"})";
  const std::string role = R"({"AWS":"arn:aws:iam::111122223333:role/r"})";
  const std::string session = R"({"AWS":"arn:aws:sts::111122223333:assumed-role/r/s"})";
  const std::string account = R"({"AWS":"111122223333"})";
  const auto other =
      parsed(R"({"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}})", DocumentKind::kIdentity);
  EXPECT_EQ(outcome({.resource = resource(user)}, by_user()), "allowed");
  EXPECT_EQ(outcome({.boundary = other, .resource = resource(user)}, by_user()), "allowed");
  EXPECT_EQ(outcome({.resource = resource(account)}, by_user()), kNoIdentity);
  EXPECT_EQ(outcome({.resource = resource(role)}, by_user()), kNoIdentity);
  EXPECT_EQ(outcome({.resource = resource(role)}, by_session()), "allowed");
  EXPECT_EQ(outcome({.boundary = other, .resource = resource(role)}, by_session()),
            "because no permissions boundary allows the lambda:InvokeFunction action");
  EXPECT_EQ(outcome({.boundary = other, .session = Documents{other}, .resource = resource(session)}, by_session()),
            "allowed");
}

TEST(Evaluate, FromAnotherAccountBothSidesMustAllow) {
  Request request = by_user();
  request.resource_account = "444455556666";
  EXPECT_EQ(outcome({.identity = {identity("Allow")}}, request),
            "because no resource-based policy allows the lambda:InvokeFunction action");
  const auto account = resource(R"({"AWS":"111122223333"})");
  EXPECT_EQ(outcome({.resource = account}, request), kNoIdentity);
  EXPECT_EQ(outcome({.identity = {identity("Allow")}, .resource = account}, request), "allowed");
  Request root = request;
  root.requester.arn = "arn:aws:iam::111122223333:root";
  EXPECT_EQ(outcome({.resource = account}, root), "allowed");
}

TEST(Evaluate, AServiceIsAllowedByTheResourcesPolicyAlone) {
  Request request = by_user();
  request.requester = {.account = {}, .arn = {}, .role_arn = {}, .service = "s3.amazonaws.com"};
  EXPECT_EQ(outcome({.identity = {identity("Allow")}}, request),
            "because no resource-based policy allows the lambda:InvokeFunction action");
  EXPECT_EQ(outcome({.resource = resource(R"({"Service":"s3.amazonaws.com"})")}, request), "allowed");
  EXPECT_NE(outcome({.resource = resource(R"({"Service":"sns.amazonaws.com"})")}, request), "allowed");
}

TEST(Evaluate, ATrustPolicyMustAllowItself) {
  const auto trust = [](std::string_view principal) {
    return parsed(
        fmt::format(R"({{"Statement":{{"Effect":"Allow","Principal":{},"Action":"sts:AssumeRole"}}}})", principal),
        DocumentKind::kTrust);
  };
  Request request = by_user();
  request.action = "sts:AssumeRole";
  request.resource = "arn:aws:iam::111122223333:role/x";
  const auto all = parsed(R"({"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}})", DocumentKind::kIdentity);
  Policies policies{.identity = {all},
                    .resource = trust(R"({"AWS":"444455556666"})"),
                    .resource_role = ResourcePolicyRole::kMustGrant};
  EXPECT_FALSE(evaluate(policies, request).allowed());
  policies.resource = trust(R"({"AWS":"arn:aws:iam::111122223333:root"})");
  EXPECT_TRUE(evaluate(policies, request).allowed());
  policies.identity = {};
  EXPECT_FALSE(evaluate(policies, request).allowed());
  policies.resource = trust(R"({"AWS":"arn:aws:iam::111122223333:user/u"})");
  EXPECT_TRUE(evaluate(policies, request).allowed());
}

struct Case {
  const char* what;
  const char* statement;  // of an Allow, after Effect
  bool allowed;
};

class Statements : public testing::TestWithParam<Case> {};

TEST_P(Statements, AllowsWhatItSays) {
  Request request = by_user();
  request.context.set("aws:username", "alice");
  request.context.set("aws:SourceIp", "10.1.2.3");
  request.context.set("aws:CurrentTime", "2026-03-01T12:00:00Z");
  request.context.set("aws:SecureTransport", "true");
  request.context.set("aws:TagKeys", std::vector<std::string>{"team", "cost"});
  request.context.set("aws:PrincipalArn", "arn:aws:iam::111122223333:user/u");
  request.context.set("x:number", "5");
  request.context.set("x:binary", "aGk=");
  request.context.set("x:empty", std::vector<std::string>{});
  const std::string text =
      fmt::format(R"({{"Version":"2012-10-17","Statement":{{"Effect":"Allow",{}}}}})", GetParam().statement);
  const auto document = parsed(text, DocumentKind::kIdentity);
  EXPECT_EQ(evaluate({.identity = {document}}, request).allowed(), GetParam().allowed) << text;
}

#define ANY R"("Action":"*","Resource":"*","Condition":)"
INSTANTIATE_TEST_SUITE_P(
    Policy, Statements,
    testing::Values(
        Case{"case of actions does not count", R"("Action":"LAMBDA:invokefunction","Resource":"*")", true},
        Case{"actions have wildcards", R"("Action":["s3:*","lambda:Invoke*"],"Resource":"*")", true},
        Case{"another action", R"("Action":"lambda:Get*","Resource":"*")", false},
        Case{"not action", R"("NotAction":"iam:*","Resource":"*")", true},
        Case{"not this action", R"("NotAction":"lambda:*","Resource":"*")", false},
        Case{"case of resources counts",
             R"("Action":"*","Resource":"arn:aws:lambda:us-east-1:111122223333:function:F")", false},
        Case{"resource", R"("Action":"*","Resource":"arn:aws:lambda:*:111122223333:function:?")", true},
        Case{"not resource", R"("Action":"*","NotResource":"arn:aws:s3:::x")", true},
        Case{"not this resource", R"("Action":"*","NotResource":"arn:aws:lambda:*")", false},
        Case{"no value for a variable",
             R"("Action":"*","Resource":"arn:aws:lambda:us-east-1:111122223333:function:${x:none}*")", false},
        Case{"no value in an exception", R"("Action":"*","NotResource":"arn:aws:s3:::${x:none}")", false},
        Case{"a default", R"("Action":"*","Resource":"arn:aws:lambda:us-east-1:111122223333:function:${x:none, 'f'}")",
             true},
        Case{"string", ANY R"({"StringEquals":{"aws:username":["bob","alice"]}})", true},
        Case{"key in any case", ANY R"({"StringEquals":{"AWS:UserName":"alice"}})", true},
        Case{"string, other case", ANY R"({"StringEquals":{"aws:username":"Alice"}})", false},
        Case{"no wildcard in equals", ANY R"({"StringEquals":{"aws:username":"al*"}})", false},
        Case{"ignoring case", ANY R"({"StringEqualsIgnoreCase":{"aws:username":"ALICE"}})", true},
        Case{"like", ANY R"({"StringLike":{"aws:username":"a?i*"}})", true},
        Case{"like, escaped", ANY R"({"StringLike":{"aws:username":"a${*}"}})", false},
        Case{"a variable in a value", ANY R"({"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:user/${x:none,'u'}"}})",
             true},
        Case{"not equals any of", ANY R"({"StringNotEquals":{"aws:username":["bob","alice"]}})", false},
        Case{"not like", ANY R"({"StringNotLike":{"aws:username":"b*"}})", true},
        Case{"missing", ANY R"({"StringEquals":{"x:none":"a"}})", false},
        Case{"missing, negated", ANY R"({"StringNotEquals":{"x:none":"a"}})", true},
        Case{"missing, if exists", ANY R"({"StringEqualsIfExists":{"x:none":"a"}})", true},
        Case{"there, if exists", ANY R"({"StringEqualsIfExists":{"aws:username":"bob"}})", false},
        Case{"all conditions must hold",
             ANY R"({"StringEquals":{"aws:username":"alice"},"Bool":{"aws:SecureTransport":"false"}})", false},
        Case{"all keys must hold", ANY R"({"StringEquals":{"aws:username":"alice","x:none":"a"}})", false},
        Case{"number", ANY R"({"NumericLessThanEquals":{"x:number":5}})", true},
        Case{"number, as a number", ANY R"({"NumericEquals":{"x:number":"5.0"}})", true},
        Case{"number, less", ANY R"({"NumericLessThan":{"x:number":"5"}})", false},
        Case{"number, greater", ANY R"({"NumericGreaterThan":{"x:number":"4"}})", true},
        Case{"number, no number given", ANY R"({"NumericEquals":{"aws:username":"4"}})", false},
        Case{"date", ANY R"({"DateGreaterThan":{"aws:CurrentTime":"2026-03-01"}})", true},
        Case{"date, as seconds", ANY R"({"DateLessThan":{"aws:CurrentTime":"1000000000"}})", false},
        Case{"bool", ANY R"({"Bool":{"aws:SecureTransport":true}})", true},
        Case{"bool, other", ANY R"({"Bool":{"aws:SecureTransport":"False"}})", false},
        Case{"binary", ANY R"({"BinaryEquals":{"x:binary":"aGk="}})", true},
        Case{"address in a range", ANY R"({"IpAddress":{"aws:SourceIp":["192.0.2.0/24","10.0.0.0/9"]}})", true},
        Case{"address outside", ANY R"({"IpAddress":{"aws:SourceIp":"10.128.0.0/9"}})", false},
        Case{"not that address", ANY R"({"NotIpAddress":{"aws:SourceIp":"10.1.2.3"}})", false},
        Case{"another family", ANY R"({"IpAddress":{"aws:SourceIp":"::/0"}})", false},
        Case{"arn", ANY R"({"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::111122223333:user/*"}})", true},
        Case{"null, missing", ANY R"({"Null":{"x:none":"true"}})", true},
        Case{"null, there", ANY R"({"Null":{"aws:username":"true"}})", false},
        Case{"not null", ANY R"({"Null":{"aws:username":"false"}})", true},
        Case{"for all", ANY R"({"ForAllValues:StringEquals":{"aws:TagKeys":["team","cost","x"]}})", true},
        Case{"for all, one too many", ANY R"({"ForAllValues:StringEquals":{"aws:TagKeys":["team"]}})", false},
        Case{"for all, none", ANY R"({"ForAllValues:StringEquals":{"x:empty":["team"]}})", true},
        Case{"for any", ANY R"({"ForAnyValue:StringLike":{"aws:TagKeys":"t*"}})", true},
        Case{"for any, none", ANY R"({"ForAnyValue:StringEquals":{"x:none":"team"}})", false},
        Case{"for any, negated", ANY R"({"ForAnyValue:StringNotEquals":{"aws:TagKeys":["team"]}})", true},
        Case{"no values", ANY R"({"StringEquals":{"aws:username":[]}})", false}),
    [](const auto& info) {
      std::string name(info.param.what);
      for (char& c : name) {
        if (!isalnum(static_cast<unsigned char>(c))) c = '_';
      }
      return name;
    });
#undef ANY

TEST(Evaluate, VariablesAreTextInTheOlderLanguage) {
  const auto document = parsed(
      R"({"Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:lambda:us-east-1:111122223333:function:${x:none,'f'}"}})",
      DocumentKind::kIdentity);
  EXPECT_FALSE(evaluate({.identity = {document}}, by_user()).allowed());
}

TEST(Evaluate, AVariablesValueHasNoWildcards) {
  const auto document = parsed(
      R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:lambda:us-east-1:111122223333:function:${aws:username}"}})",
      DocumentKind::kIdentity);
  Request request = by_user();
  request.context.set("aws:username", "*");
  EXPECT_FALSE(evaluate({.identity = {document}}, request).allowed());
}

TEST(Evaluate, PoliciesTooCostlyToEvaluateAllowNothing) {
  std::string resources;
  for (int i = 0; i < 400; ++i) resources += R"("arn:aws:lambda:*aaaaaaaaaaaaaaaaaaaab*aaaaaaaaaaaaaaaaaaac*",)";
  const auto document = parsed(
      fmt::format(
          R"({{"Statement":[{{"Effect":"Deny","Action":"*","Resource":[{}"arn:aws:s3:::x"]}},{{"Effect":"Allow","Action":"*","Resource":"*"}}]}})",
          resources),
      DocumentKind::kIdentity);
  Request request = by_user();
  request.resource = "arn:aws:lambda:" + std::string(20'000, 'a');
  const Decision decision = evaluate({.identity = {document}}, request);
  EXPECT_FALSE(decision.allowed());
  EXPECT_EQ(decision.layer, Layer::kTooCostly);
}

}  // namespace
}  // namespace hearth::policy
