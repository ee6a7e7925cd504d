#include "gateway/access_policy.h"

#include <gtest/gtest.h>

namespace hearth::gateway {
namespace {

services::RequestContext context_of(std::string account) {
  services::RequestContext context;
  context.caller = {.account = account, .arn = "arn:aws:iam::" + account + ":user/u", .user_id = "", .access_key = ""};
  context.account = account;
  return context;
}

constexpr std::string_view kAction = "lambda:GetFunction";

TEST(AccessPolicy, AKeyReachesEverythingInItsOwnAccount) {
  const OwnAccountAccess policy;
  const auto context = context_of("111122223333");
  for (const char* resource : {"arn:aws:lambda:us-east-1:111122223333:function:f",
                               "arn:aws:iam::aws:policy/ReadOnlyAccess", "arn:aws:s3:::bucket", "*", ""}) {
    EXPECT_FALSE(policy.denial(context, kAction, resource)) << resource;
  }
}

TEST(AccessPolicy, AnotherAccountIsOutOfReachAndTheDenialSaysWhoWhatAndWhere) {
  const OwnAccountAccess policy;
  const auto context = context_of("111122223333");
  const std::string resource = "arn:aws:lambda:us-east-1:444455556666:function:f";
  RequestAuthorizer authorizer(policy, wire::Protocol::kRestJson);
  const auto outcome = authorizer.authorize(context, kAction, resource);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().status, 403);
  EXPECT_EQ(outcome.error().code, "AccessDeniedException");
  EXPECT_EQ(outcome.error().message,
            "User: arn:aws:iam::111122223333:user/u is not authorized to perform: lambda:GetFunction on resource: "
            "arn:aws:lambda:us-east-1:444455556666:function:f because no resource-based policy allows the "
            "lambda:GetFunction action");
  RequestAuthorizer query(policy, wire::Protocol::kQuery);
  EXPECT_EQ(query.authorize(context, kAction, resource).error().code, "AccessDenied");
}

TEST(AccessPolicy, OpenAccessDeniesNothing) {
  EXPECT_FALSE(OpenAccess().denial(context_of("1"), kAction, "arn:aws:lambda:us-east-1:444455556666:function:f"));
}

}  // namespace
}  // namespace hearth::gateway
