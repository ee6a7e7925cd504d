#include "gateway/access_policy.h"

#include <gtest/gtest.h>

namespace hearth::gateway {
namespace {

constexpr std::string_view kAction = "lambda:GetFunction";
constexpr const char* kOwn = "arn:aws:lambda:us-east-1:111122223333:function:f";
constexpr const char* kForeign = "arn:aws:lambda:us-east-1:444455556666:function:f";

services::RequestContext context_of(std::string account, std::string_view name = "user/u") {
  services::RequestContext context;
  context.caller = {
      .account = account, .arn = "arn:aws:iam::" + account + ":" + std::string(name), .user_id = "", .access_key = ""};
  context.account = account;
  context.source_ip = "10.0.0.1";
  return context;
}

std::shared_ptr<const policy::Document> parsed(std::string_view text, policy::DocumentKind kind) {
  auto document = policy::parse_document(text, kind);
  EXPECT_TRUE(document) << text;
  return document ? std::make_shared<const policy::Document>(*std::move(document)) : nullptr;
}

class FakeSources final : public services::CallerPolicySource, public services::ResourcePolicySource {
 public:
  std::shared_ptr<const services::CallerPolicies> policies_of(const services::Caller&) const override {
    return std::make_shared<services::CallerPolicies>(caller);
  }
  policy::Documents limits_of(const services::Caller&) const override { return limits; }
  std::optional<services::ResourceFacts> facts_of(std::string_view, const std::string&) const override { return facts; }
  void allow(std::string_view rest) {
    caller.identity.push_back(
        parsed(R"({"Version":"2012-10-17","Statement":{"Effect":"Allow",)" + std::string(rest) + "}}",
               policy::DocumentKind::kIdentity));
  }
  services::CallerPolicies caller;
  policy::Documents limits;
  std::optional<services::ResourceFacts> facts;
};

class AccessPolicyTest : public testing::Test {
 protected:
  std::optional<std::string> denial(const services::RequestContext& context, std::string resource,
                                    services::ConditionKeys keys = {}) {
    return policy_.denial(context, {.action = kAction, .resource = std::move(resource), .keys = std::move(keys)});
  }
  FakeSources sources_;
  EvaluatedAccess policy_{sources_, {&sources_}};
};

TEST_F(AccessPolicyTest, TheRootUserReachesEverythingInItsOwnAccount) {
  const auto root = context_of("111122223333", "root");
  for (const char* resource : {kOwn, "arn:aws:iam::aws:policy/ReadOnlyAccess", "arn:aws:s3:::bucket", "*", ""}) {
    EXPECT_FALSE(denial(root, resource)) << resource;
  }
  EXPECT_TRUE(denial(root, kForeign));
}

TEST_F(AccessPolicyTest, AUserDoesWhatItsPoliciesAllow) {
  const auto user = context_of("111122223333");
  EXPECT_EQ(denial(user, kOwn), "because no identity-based policy allows the lambda:GetFunction action");
  sources_.allow(R"("Action":"lambda:Get*","Resource":"*")");
  EXPECT_FALSE(denial(user, kOwn));
}

TEST_F(AccessPolicyTest, ConditionsSeeTheRequestTheCallerAndTheResource) {
  sources_.caller.tags = {{"team", "a"}};
  sources_.caller.user_name = "u";
  sources_.facts = services::ResourceFacts{.tags = {{"team", "a"}}};
  sources_.allow(R"("Action":"*","Resource":"*","Condition":{
    "StringEquals":{"aws:ResourceTag/team":"${aws:PrincipalTag/team}","aws:username":"u","aws:RequestTag/x":"y",
                    "aws:PrincipalAccount":"111122223333"},
    "IpAddress":{"aws:SourceIp":"10.0.0.0/8"},"Bool":{"aws:SecureTransport":"false"}})");
  const auto user = context_of("111122223333");
  EXPECT_TRUE(denial(user, kOwn));
  EXPECT_FALSE(denial(user, kOwn, {{"aws:RequestTag/x", {"y"}}}));
  sources_.facts->tags["team"] = "b";
  EXPECT_TRUE(denial(user, kOwn, {{"aws:RequestTag/x", {"y"}}}));
}

TEST_F(AccessPolicyTest, ALimitedSessionDoesWhatItsLimitsAllow) {
  sources_.allow(R"("Action":"*","Resource":"*")");
  auto session = context_of("111122223333");
  session.caller.limits = std::make_shared<services::SessionLimits>();
  EXPECT_EQ(denial(session, kOwn), "because no session policy allows the lambda:GetFunction action");
  sources_.limits = sources_.caller.identity;
  EXPECT_FALSE(denial(session, kOwn));
}

TEST_F(AccessPolicyTest, WhoIsNotTrustedIsToldNoReason) {
  sources_.allow(R"("Action":"*","Resource":"*")");
  sources_.facts = services::ResourceFacts{.role = policy::ResourcePolicyRole::kMustGrant};
  EXPECT_EQ(denial(context_of("111122223333"), "arn:aws:iam::111122223333:role/r"), "");
}

TEST_F(AccessPolicyTest, AnotherAccountIsOutOfReachAndTheDenialSaysWhoWhatAndWhere) {
  sources_.allow(R"("Action":"*","Resource":"*")");
  const auto context = context_of("111122223333");
  const services::Access access{.action = kAction, .resource = kForeign};
  RequestAuthorizer authorizer(policy_, wire::Protocol::kRestJson);
  const auto outcome = authorizer.authorize(context, access);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().status, 403);
  EXPECT_EQ(outcome.error().code, "AccessDeniedException");
  EXPECT_EQ(outcome.error().message,
            "User: arn:aws:iam::111122223333:user/u is not authorized to perform: lambda:GetFunction on resource: "
            "arn:aws:lambda:us-east-1:444455556666:function:f because no resource-based policy allows the "
            "lambda:GetFunction action");
  RequestAuthorizer query(policy_, wire::Protocol::kQuery);
  EXPECT_EQ(query.authorize(context, access).error().code, "AccessDenied");
}

TEST(AccessPolicy, OpenAccessDeniesNothing) {
  EXPECT_FALSE(OpenAccess().denial(context_of("1"), {.action = kAction, .resource = kForeign}));
}

}  // namespace
}  // namespace hearth::gateway
