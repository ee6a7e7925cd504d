#include "services/iam/caller_policies.h"

#include <gtest/gtest.h>

#include "storage/memory_store.h"

namespace hearth::services::iam {
namespace {

constexpr const char* kAccount = "111122223333";
constexpr const char* kDocument =
    R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}})";
constexpr const char* kTrust =
    R"({"Statement":{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"}})";

class CallerPoliciesTest : public testing::Test {
 protected:
  Caller session_of(const Role& role) const {
    return {.account = kAccount,
            .arn = "arn:aws:sts::111122223333:assumed-role/" + role.name + "/s",
            .user_id = role.id + ":s",
            .access_key = ""};
  }
  Role make_role(const std::string& path = "/") {
    Role role;
    role.name = "r";
    role.path = path;
    role.tags = {{"team", "a"}};
    role.trust_policy = kTrust;
    return service_.create_role(kAccount, role).value();
  }
  storage::MemoryStore store_;
  FakeClock clock_;
  Service service_{store_, clock_};
  PolicyDirectory directory_{service_};
};

TEST_F(CallerPoliciesTest, ASessionHasTheInlineAndAttachedPoliciesOfItsRole) {
  const Role role = make_role("/x/");
  ASSERT_TRUE(service_.put_inline_policy(PrincipalKind::kRole, kAccount, "r", "p", kDocument));
  ASSERT_TRUE(
      service_.attach_policy(PrincipalKind::kRole, kAccount, "r", "arn:aws:iam::aws:policy/AWSLambda_ReadOnlyAccess"));
  const auto policies = directory_.policies_of(session_of(role));
  EXPECT_EQ(policies->identity.size(), 2U);
  EXPECT_EQ(policies->role_arn, "arn:aws:iam::111122223333:role/x/r");
  EXPECT_EQ(policies->tags.at("team"), "a");
  EXPECT_FALSE(policies->boundary);
}

TEST_F(CallerPoliciesTest, WhatWasReadIsKeptUntilIamChanges) {
  const Role role = make_role();
  const auto before = directory_.policies_of(session_of(role));
  EXPECT_EQ(directory_.policies_of(session_of(role)), before);
  ASSERT_TRUE(service_.put_inline_policy(PrincipalKind::kRole, kAccount, "r", "p", kDocument));
  EXPECT_EQ(directory_.policies_of(session_of(role))->identity.size(), 1U);
  ASSERT_TRUE(service_.delete_inline_policy(PrincipalKind::kRole, kAccount, "r", "p"));
  EXPECT_TRUE(directory_.policies_of(session_of(role))->identity.empty());
}

TEST_F(CallerPoliciesTest, ARoleMadeAnewIsAnotherRoleButToItsFunctions) {
  const Role former = make_role();
  ASSERT_TRUE(service_.delete_role(kAccount, "r"));
  make_role();
  ASSERT_TRUE(service_.put_inline_policy(PrincipalKind::kRole, kAccount, "r", "p", kDocument));
  Caller caller = session_of(former);
  EXPECT_TRUE(directory_.policies_of(caller)->identity.empty());
  caller.is_function = true;
  EXPECT_EQ(directory_.policies_of(caller)->identity.size(), 1U);
}

TEST_F(CallerPoliciesTest, AUserIsKnownByNameAndId) {
  User user;
  user.name = "u";
  user.permissions_boundary = "arn:aws:iam::aws:policy/AWSLambda_ReadOnlyAccess";
  const User made = service_.create_user(kAccount, user).value();
  ASSERT_TRUE(service_.put_inline_policy(PrincipalKind::kUser, kAccount, "u", "p", kDocument));
  Caller caller{.account = kAccount, .arn = made.arn, .user_id = made.id, .access_key = ""};
  EXPECT_EQ(directory_.policies_of(caller)->user_name, "u");
  EXPECT_EQ(directory_.policies_of(caller)->identity.size(), 1U);
  EXPECT_TRUE(directory_.policies_of(caller)->boundary);
  caller.user_id = "AIDAANOTHER";
  EXPECT_TRUE(directory_.policies_of(caller)->identity.empty());
}

TEST_F(CallerPoliciesTest, ABoundaryThatIsGoneAllowsNothing) {
  User user;
  user.name = "u";
  const User made = service_.create_user(kAccount, user).value();
  ASSERT_TRUE(service_.update_user(
      kAccount, "u", [](User& changed) { changed.permissions_boundary = "arn:aws:iam::111122223333:policy/gone"; }));
  const auto policies =
      directory_.policies_of({.account = kAccount, .arn = made.arn, .user_id = made.id, .access_key = ""});
  ASSERT_TRUE(policies->boundary);
  EXPECT_TRUE(policies->boundary->statements.empty());
}

TEST_F(CallerPoliciesTest, TheTrustPolicyCountsForAssumingAlone) {
  const Role role = make_role();
  EXPECT_TRUE(directory_.facts_of("sts:AssumeRole", role.arn)->policy);
  EXPECT_FALSE(directory_.facts_of("iam:GetRole", role.arn)->policy);
  const auto missing = directory_.facts_of("sts:AssumeRole", "arn:aws:iam::111122223333:role/none");
  EXPECT_FALSE(missing->policy);
  EXPECT_EQ(missing->role, policy::ResourcePolicyRole::kMustGrant);
  EXPECT_FALSE(directory_.facts_of("lambda:GetFunction", "arn:aws:lambda:us-east-1:111122223333:function:f"));
}

TEST_F(CallerPoliciesTest, ALimitThatIsGoneAllowsNothing) {
  Caller caller{.account = kAccount, .arn = "", .user_id = "", .access_key = ""};
  caller.limits =
      std::make_shared<SessionLimits>(SessionLimits{{kDocument}, {"arn:aws:iam::111122223333:policy/gone"}});
  const auto limits = directory_.limits_of(caller);
  ASSERT_EQ(limits.size(), 2U);
  EXPECT_EQ(limits[0]->statements.size(), 1U);
  EXPECT_TRUE(limits[1]->statements.empty());
}

TEST_F(CallerPoliciesTest, AServiceIsTrustedAsTheTrustPolicySays) {
  const KnownRoles roles(service_);
  const auto answer = [&](const std::string& name, const std::string& statement) {
    Role role;
    role.name = name;
    role.trust_policy = R"({"Statement":[)" + statement + "]}";
    const auto made = service_.create_role(kAccount, role);
    EXPECT_TRUE(made) << statement;
    return roles.ask(made->arn, "lambda.amazonaws.com");
  };
  const std::string allow =
      R"({"Effect":"Allow","Principal":{"Service":["s3.amazonaws.com","lambda.amazonaws.com"]},"Action":"sts:Assume*"})";
  EXPECT_EQ(answer("a", allow), RoleAnswer::kAssumable);
  EXPECT_EQ(answer("b", allow + R"(,{"Effect":"Deny","Principal":"*","Action":"*"})"), RoleAnswer::kNotTrusted);
  EXPECT_EQ(answer("c", R"({"Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"sts:AssumeRole"})"),
            RoleAnswer::kNotTrusted);
  EXPECT_EQ(
      answer("d", R"({"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:TagSession"})"),
      RoleAnswer::kNotTrusted);
  EXPECT_EQ(roles.ask("arn:aws:iam::111122223333:role/none", "lambda.amazonaws.com"), RoleAnswer::kMissing);
}

}  // namespace
}  // namespace hearth::services::iam
