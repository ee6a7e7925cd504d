#include "services/iam/service.h"

#include <gtest/gtest.h>

#include "services/iam/errors.h"
#include "services/iam/managed_policies.h"
#include "storage/key.h"
#include "storage/memory_store.h"

namespace hearth::services::iam {
namespace {

constexpr const char* kAccount = "000000000000";
constexpr const char* kTrust =
    R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]})";
constexpr const char* kDocument =
    R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]})";
constexpr const char* kBasic = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole";

class IamTest : public testing::Test {
 protected:
  Result<Role> make_role(const std::string& name) {
    Role role;
    role.name = name;
    role.trust_policy = kTrust;
    return service_.create_role(kAccount, role);
  }
  storage::MemoryStore store_;
  FakeClock clock_;
  Service service_{store_, clock_};
};

TEST_F(IamTest, ARoleIsFoundByNameInAnyCaseAndByArn) {
  const auto role = make_role("MyRole");
  ASSERT_TRUE(role);
  EXPECT_EQ(role->arn, "arn:aws:iam::000000000000:role/MyRole");
  EXPECT_TRUE(role->id.starts_with("AROA"));
  EXPECT_EQ(service_.get_role(kAccount, "myrole")->arn, role->arn);
  EXPECT_TRUE(service_.find_role_by_arn(role->arn));
  EXPECT_TRUE(make_role("MYROLE").error().is(ErrorKind::kEntityExists));
  EXPECT_FALSE(service_.get_role("111111111111", "MyRole"));
}

TEST_F(IamTest, ARoleWithPoliciesIsNotDeleted) {
  ASSERT_TRUE(make_role("r"));
  ASSERT_TRUE(service_.attach_policy(PrincipalKind::kRole, kAccount, "r", kBasic));
  EXPECT_TRUE(service_.delete_role(kAccount, "r").error().is(ErrorKind::kDeleteConflict));
  ASSERT_TRUE(service_.detach_policy(PrincipalKind::kRole, kAccount, "r", kBasic));
  ASSERT_TRUE(service_.put_inline_policy(PrincipalKind::kRole, kAccount, "r", "p", kDocument));
  EXPECT_TRUE(service_.delete_role(kAccount, "r").error().is(ErrorKind::kDeleteConflict));
  ASSERT_TRUE(service_.delete_inline_policy(PrincipalKind::kRole, kAccount, "r", "p"));
  EXPECT_TRUE(service_.delete_role(kAccount, "r"));
}

TEST_F(IamTest, OnlyPoliciesThatExistAreAttached) {
  ASSERT_TRUE(make_role("r"));
  const auto missing =
      service_.attach_policy(PrincipalKind::kRole, kAccount, "r", "arn:aws:iam::aws:policy/NoSuchPolicy");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message(),
            "Policy arn:aws:iam::aws:policy/NoSuchPolicy does not exist or is not attachable.");
}

TEST_F(IamTest, AwsManagedPoliciesAreKnownByTheirPath) {
  EXPECT_NE(find_managed_policy(kBasic), nullptr);
  EXPECT_EQ(find_managed_policy("arn:aws:iam::aws:policy/AWSLambdaBasicExecutionRole"), nullptr);
  EXPECT_TRUE(service_.delete_policy(kAccount, kBasic).error().is(ErrorKind::kInvalidInput));
  for (const ManagedPolicy& policy : managed_policies()) {
    EXPECT_TRUE(check_policy_document(policy.document, DocumentKind::kIdentity)) << policy.name;
  }
}

TEST_F(IamTest, PolicyVersionsAreNumberedForGoodAndFiveAtMost) {
  Policy wanted;
  wanted.name = "p";
  const auto policy = service_.create_policy(kAccount, wanted, kDocument);
  ASSERT_TRUE(policy);
  for (const char* id : {"v2", "v3", "v4", "v5"}) {
    const auto version = service_.create_policy_version(kAccount, policy->arn, kDocument, VersionRole::kDefault);
    ASSERT_TRUE(version);
    EXPECT_EQ(version->id, id);
  }
  EXPECT_TRUE(service_.create_policy_version(kAccount, policy->arn, kDocument, VersionRole::kKept)
                  .error()
                  .is(ErrorKind::kLimitExceeded));
  EXPECT_TRUE(service_.delete_policy_version(kAccount, policy->arn, "v5").error().is(ErrorKind::kDeleteConflict));
  ASSERT_TRUE(service_.delete_policy_version(kAccount, policy->arn, "v1"));
  EXPECT_EQ(service_.create_policy_version(kAccount, policy->arn, kDocument, VersionRole::kKept)->id, "v6");
}

TEST_F(IamTest, MalformedDocumentsAreRefused) {
  const auto refused = [](std::string_view document, DocumentKind kind) {
    const auto checked = check_policy_document(document, kind);
    return !checked && checked.error().is(ErrorKind::kMalformedPolicy);
  };
  EXPECT_TRUE(refused("", DocumentKind::kIdentity));
  EXPECT_TRUE(refused("[]", DocumentKind::kIdentity));
  EXPECT_TRUE(refused(R"({"Version":"2012-10-17"})", DocumentKind::kIdentity));
  EXPECT_TRUE(refused(R"({"Version":"2013","Statement":[]})", DocumentKind::kIdentity));
  EXPECT_TRUE(refused(kTrust, DocumentKind::kIdentity));
  EXPECT_TRUE(refused(kDocument, DocumentKind::kTrust));
  EXPECT_FALSE(refused(kDocument, DocumentKind::kIdentity));
  EXPECT_FALSE(refused(kTrust, DocumentKind::kTrust));
}

TEST_F(IamTest, KeysLeadToTheirUserUntilTheyAreInactive) {
  User user;
  user.name = "ann";
  ASSERT_TRUE(service_.create_user(kAccount, user));
  const auto key = service_.create_access_key(kAccount, "ann");
  ASSERT_TRUE(key);
  const auto found = service_.find_credential(key->id, "");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->arn, "arn:aws:iam::000000000000:user/ann");
  EXPECT_EQ(found->secret_access_key, key->secret);
  ASSERT_TRUE(service_.set_access_key_status(kAccount, "ann", key->id, "Inactive"));
  EXPECT_FALSE(service_.find_credential(key->id, ""));
  ASSERT_TRUE(service_.delete_access_key(kAccount, "ann", key->id));
  EXPECT_TRUE(service_.delete_user(kAccount, "ann"));
}

TEST_F(IamTest, EverythingIsThereAfterARestart) {
  ASSERT_TRUE(make_role("r"));
  ASSERT_TRUE(service_.attach_policy(PrincipalKind::kRole, kAccount, "r", kBasic));
  const auto root = service_.create_root_key(kAccount);
  ASSERT_TRUE(root);
  Service again(store_, clock_);
  ASSERT_TRUE(again.load());
  EXPECT_TRUE(again.get_role(kAccount, "r")->attached.contains(kBasic));
  EXPECT_EQ(again.find_credential(root->id, "")->arn, "arn:aws:iam::000000000000:root");
}

TEST_F(IamTest, ClearingKeepsRootKeys) {
  ASSERT_TRUE(make_role("r"));
  const auto root = service_.create_root_key(kAccount);
  ASSERT_TRUE(service_.clear());
  EXPECT_FALSE(service_.get_role(kAccount, "r"));
  EXPECT_TRUE(service_.find_credential(root->id, ""));
}

TEST_F(IamTest, ARowThatIsNotAsItWasWrittenIsCorrupt) {
  ASSERT_TRUE(make_role("r"));
  const auto entries = store_.scan(storage::space_prefix("iam.role"), "", 10);
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 1U);
  const std::string& row = entries->front().value;
  for (const auto& [part, instead] :
       {std::pair{"\"trust\":", "\"thrust\":"}, std::pair{"\"attached\":[]", "\"attached\":{}"},
        std::pair{"\"tags\":{", "\"tags\":{\"a\":1,"}}) {
    std::string changed = row;
    const std::size_t at = changed.find(part);
    ASSERT_NE(at, std::string::npos) << part;
    changed.replace(at, std::string_view(part).size(), instead);
    if (const std::size_t comma = changed.find(",}"); comma != std::string::npos) changed.erase(comma, 1);
    storage::Batch batch;
    batch.put(entries->front().key, changed);
    ASSERT_TRUE(store_.commit(std::move(batch)));
    Service again(store_, clock_);
    const Status loaded = again.load();
    ASSERT_FALSE(loaded) << changed;
    EXPECT_TRUE(loaded.error().is(storage::ErrorKind::kCorrupt));
  }
}

TEST_F(IamTest, ABoundaryIsAPolicyThatExistsAndStays) {
  ASSERT_TRUE(make_role("r"));
  EXPECT_EQ(
      service_.set_boundary(PrincipalKind::kRole, kAccount, "r", "arn:aws:iam::aws:policy/None").error().message(),
      "Scope ARN: arn:aws:iam::aws:policy/None does not exist or is not attachable.");
  EXPECT_TRUE(service_.set_boundary(PrincipalKind::kRole, kAccount, "r", "").error().is(ErrorKind::kNoSuchEntity));
  Policy wanted;
  wanted.name = "p";
  const auto policy = service_.create_policy(kAccount, wanted, kDocument);
  ASSERT_TRUE(service_.set_boundary(PrincipalKind::kRole, kAccount, "r", policy->arn));
  EXPECT_EQ(service_.get_role(kAccount, "r")->permissions_boundary, policy->arn);
  EXPECT_TRUE(service_.delete_policy(kAccount, policy->arn).error().is(ErrorKind::kDeleteConflict));
  ASSERT_TRUE(service_.set_boundary(PrincipalKind::kRole, kAccount, "r", ""));
  EXPECT_TRUE(service_.delete_policy(kAccount, policy->arn));
}

}  // namespace
}  // namespace hearth::services::iam
