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
  Service service_{store_, iam_, clock_};
  const Caller caller_{
      .account = "000000000000", .arn = "arn:aws:iam::000000000000:root", .user_id = "000000000000", .access_key = ""};
};

TEST_F(StsTest, AnAssumedRoleIsFoundByItsKeyAndToken) {
  const auto assumed = service_.assume_role(kRole, "me", std::chrono::hours(1));
  ASSERT_TRUE(assumed);
  const auto found = service_.find_credential(assumed->credentials.access_key_id, assumed->credentials.session_token);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->arn, "arn:aws:sts::000000000000:assumed-role/worker/me");
  EXPECT_EQ(found->secret_access_key, assumed->credentials.secret_access_key);
  EXPECT_EQ(found->expires, clock_.now() + std::chrono::hours(1));
}

TEST_F(StsTest, ATokenServesItsOwnKeyOnlyAndNoChangedByte) {
  const auto one = service_.assume_role(kRole, "one", std::chrono::hours(1));
  const auto two = service_.assume_role(kRole, "two", std::chrono::hours(1));
  EXPECT_FALSE(service_.find_credential(one->credentials.access_key_id, two->credentials.session_token));
  EXPECT_FALSE(service_.find_credential(one->credentials.access_key_id, ""));
  for (std::size_t at = 0; at < one->credentials.session_token.size(); at += 7) {
    std::string changed = one->credentials.session_token;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(service_.find_credential(one->credentials.access_key_id, changed)) << at;
  }
}

TEST_F(StsTest, SessionsOutliveARestart) {
  const auto assumed = service_.assume_role(kRole, "me", std::chrono::hours(1));
  Service again(store_, iam_, clock_);
  ASSERT_TRUE(again.load());
  EXPECT_TRUE(again.find_credential(assumed->credentials.access_key_id, assumed->credentials.session_token));
}

TEST_F(StsTest, AnotherServersTokenIsForeign) {
  storage::MemoryStore other_store;
  Service other(other_store, iam_, clock_);
  ASSERT_TRUE(other.load());
  const auto assumed = other.assume_role(kRole, "me", std::chrono::hours(1));
  EXPECT_FALSE(service_.find_credential(assumed->credentials.access_key_id, assumed->credentials.session_token));
}

TEST_F(StsTest, WhatLimitsASessionIsInItsToken) {
  const std::string document = R"({"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}})";
  const std::string arn = "arn:aws:iam::aws:policy/ReadOnlyAccess";
  const auto made = service_.assume_role(kRole, "me", std::chrono::hours(1), {{document}, {arn}});
  ASSERT_TRUE(made);
  EXPECT_EQ(made->packed_percent, 3);
  const auto found = service_.find_credential(made->credentials.access_key_id, made->credentials.session_token);
  ASSERT_TRUE(found && found->limits);
  EXPECT_EQ(found->limits->documents, std::vector{document});
  EXPECT_EQ(found->limits->policy_arns, std::vector{arn});
  // A session made from it is limited as well.
  const Caller caller{
      .account = found->account, .arn = found->arn, .user_id = "", .access_key = "", .limits = found->limits};
  const auto own = service_.session_for_caller(caller, std::chrono::hours(1));
  EXPECT_TRUE(service_.find_credential(own.credentials.access_key_id, own.credentials.session_token)->limits);
}

TEST_F(StsTest, SessionPoliciesAreCheckedAndNotTooLong) {
  const auto refusal = [&](std::string document) {
    return service_.assume_role(kRole, "me", std::chrono::hours(1), {{std::move(document)}, {}}).error();
  };
  EXPECT_TRUE(refusal("{").is(ErrorKind::kMalformedPolicy));
  const std::string long_one = R"({"Id":")" + std::string(5'000, 'x') + R"(","Statement":[]})";
  EXPECT_TRUE(refusal(long_one).is(ErrorKind::kPackedPolicyTooLarge));
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
