#include "services/sts/service.h"

#include <gtest/gtest.h>

#include "services/sts/errors.h"
#include "storage/memory_store.h"

namespace hearth::services::sts {
namespace {

constexpr const char* kRole = "arn:aws:iam::000000000000:role/path/worker";

class StsTest : public testing::Test {
 protected:
  StsTest() { EXPECT_TRUE(service_.load()); }
  storage::MemoryStore store_;
  FakeClock clock_;
  iam::Service iam_{store_, clock_};
  Service service_{store_, iam_, clock_, RolePolicy::kAny};
  const Caller caller_{
      .account = "000000000000", .arn = "arn:aws:iam::000000000000:root", .user_id = "000000000000", .access_key = ""};
};

TEST_F(StsTest, AnAssumedRoleIsFoundByItsKeyAndToken) {
  const auto assumed = service_.assume_role(caller_, kRole, "me", std::chrono::hours(1));
  ASSERT_TRUE(assumed);
  const auto found = service_.find_credential(assumed->credentials.access_key_id, assumed->credentials.session_token);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->arn, "arn:aws:sts::000000000000:assumed-role/worker/me");
  EXPECT_EQ(found->secret_access_key, assumed->credentials.secret_access_key);
  EXPECT_EQ(found->expires, clock_.now() + std::chrono::hours(1));
}

TEST_F(StsTest, ATokenServesItsOwnKeyOnlyAndNoChangedByte) {
  const auto one = service_.assume_role(caller_, kRole, "one", std::chrono::hours(1));
  const auto two = service_.assume_role(caller_, kRole, "two", std::chrono::hours(1));
  EXPECT_FALSE(service_.find_credential(one->credentials.access_key_id, two->credentials.session_token));
  EXPECT_FALSE(service_.find_credential(one->credentials.access_key_id, ""));
  for (std::size_t at = 0; at < one->credentials.session_token.size(); at += 7) {
    std::string changed = one->credentials.session_token;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(service_.find_credential(one->credentials.access_key_id, changed)) << at;
  }
}

TEST_F(StsTest, SessionsOutliveARestart) {
  const auto assumed = service_.assume_role(caller_, kRole, "me", std::chrono::hours(1));
  Service again(store_, iam_, clock_, RolePolicy::kAny);
  ASSERT_TRUE(again.load());
  EXPECT_TRUE(again.find_credential(assumed->credentials.access_key_id, assumed->credentials.session_token));
}

TEST_F(StsTest, AnotherServersTokenIsForeign) {
  storage::MemoryStore other_store;
  Service other(other_store, iam_, clock_, RolePolicy::kAny);
  ASSERT_TRUE(other.load());
  const auto assumed = other.assume_role(caller_, kRole, "me", std::chrono::hours(1));
  EXPECT_FALSE(service_.find_credential(assumed->credentials.access_key_id, assumed->credentials.session_token));
}

TEST_F(StsTest, WhenTrustCountsOnlyTrustingRolesAreAssumed) {
  Service strict(store_, iam_, clock_, RolePolicy::kTrusting);
  ASSERT_TRUE(strict.load());
  EXPECT_TRUE(strict.assume_role(caller_, kRole, "me", std::chrono::hours(1)).error().is(ErrorKind::kAccessDenied));
  const auto make = [&](const std::string& name, const std::string& statement) {
    iam::Role role;
    role.name = name;
    role.trust_policy = R"({"Version":"2012-10-17","Statement":[)" + statement + "]}";
    const auto made = iam_.create_role("000000000000", role);
    EXPECT_TRUE(made) << made.error().message();
    return made->arn;
  };
  const std::string own =
      R"({"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::000000000000:root"},"Action":"sts:AssumeRole"})";
  const std::string service =
      R"({"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"})";
  const std::string conditional =
      R"({"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"x"}}})";
  const std::string denied = own + R"(,{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole"})";
  EXPECT_TRUE(strict.assume_role(caller_, make("own", own), "me", std::chrono::hours(1)));
  EXPECT_FALSE(strict.assume_role(caller_, make("service", service), "me", std::chrono::hours(1)));
  EXPECT_FALSE(strict.assume_role(caller_, make("conditional", conditional), "me", std::chrono::hours(1)));
  EXPECT_FALSE(strict.assume_role(caller_, make("denied", denied), "me", std::chrono::hours(1)));
}

TEST_F(StsTest, TheIdOfARoleThatIamDoesNotKnowStaysTheSame) {
  const auto one = service_.issue_role_session(kRole, "f");
  const auto two = service_.issue_role_session(kRole, "f");
  EXPECT_EQ(one.credential.user_id, two.credential.user_id);
  EXPECT_NE(one.access_key_id, two.access_key_id);
  EXPECT_TRUE(service_.find_credential(one.access_key_id, one.credential.session_token));
}

}  // namespace
}  // namespace hearth::services::sts
