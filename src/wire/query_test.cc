// Requests as botocore serialises them, replies as it parses them: query and XML.

#include <gtest/gtest.h>

#include "wire/reply.h"
#include "wire/test_calls.h"
#include "wire_test/iam.h"
#include "wire_test/sts.h"

namespace hearth::wire {
namespace {

namespace iam = wire_test::iam;
namespace sts = wire_test::sts;

TEST(Query, ListsOfStructuresAndNumbersAreReadFromTheForm) {
  Call call = post(
      "Action=CreateRole&Version=2010-05-08&RoleName=r&Path=%2Fa%2F&AssumeRolePolicyDocument=%7B%22Version%22%3A%"
      "222012-"
      "10-17%22%7D&Tags.member.1.Key=a&Tags.member.1.Value=b+c&Tags.member.2.Key=%C3%BC&Tags.member.2.Value=&"
      "MaxSessionDuration=3600");
  auto request = iam::CreateRole::decode(call);
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->role_name, "r");
  EXPECT_EQ(request->path, "/a/");
  EXPECT_EQ(request->assume_role_policy_document, R"({"Version":"2012-10-17"})");
  ASSERT_EQ(request->tags->size(), 2U);
  EXPECT_EQ(request->tags->at(0).value, "b c");
  EXPECT_EQ(request->tags->at(1).key, "\u00fc");
  EXPECT_EQ(request->tags->at(1).value, "");
  EXPECT_EQ(request->max_session_duration, 3600);
}

TEST(Query, NestedListsKeepTheirOrderAndAnEmptyValueIsAnEmptyList) {
  std::string form = "Action=SimulateCustomPolicy&PolicyInputList.member.1=%7B%7D&ResourceArns=";
  for (int i = 1; i <= 12; ++i) {
    form += "&ActionNames.member." + std::to_string(i) + "=s3:Action" + std::to_string(i);
  }
  form +=
      "&ContextEntries.member.1.ContextKeyName=aws%3Ax&ContextEntries.member.1.ContextKeyValues.member.1=1"
      "&ContextEntries.member.1.ContextKeyValues.member.2=2";
  Call call = post(form);
  auto request = iam::SimulateCustomPolicy::decode(call);
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->action_names.size(), 12U);
  EXPECT_EQ(request->action_names.at(1), "s3:Action2");
  EXPECT_EQ(request->action_names.at(9), "s3:Action10");
  EXPECT_TRUE(request->resource_arns->empty());
  EXPECT_EQ(request->context_entries->at(0).context_key_values, (std::vector<std::string>{"1", "2"}));
}

TEST(Query, ParametersMayComeInTheUrl) {
  Call call = post("");
  call.query = {{"Action", "AssumeRole"}, {"RoleArn", "arn:aws:iam::123456789012:role/r"}, {"RoleSessionName", "s1"}};
  auto request = sts::AssumeRole::decode(call);
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->role_session_name, "s1");
}

TEST(Query, ViolationsNameListMembersByPosition) {
  Call call = post("Action=CreateRole&RoleName=r&AssumeRolePolicyDocument=x&Tags.member.1.Key=k&Tags.member.2.Value=v");
  auto request = iam::CreateRole::decode(call);
  ASSERT_FALSE(request);
  EXPECT_EQ(request.error().code, "ValidationError");
  EXPECT_EQ(
      request.error().message,
      "2 validation errors detected: Value null at 'tags.1.member.value' failed to satisfy constraint: Member must "
      "not be null; Value null at 'tags.2.member.key' failed to satisfy constraint: Member must not be null");
}

TEST(Query, NamesAreRefusedInTheServicesOwnWords) {
  Call call = post("Action=CreateRole&RoleName=a+b&AssumeRolePolicyDocument=x&Path=x");
  EXPECT_EQ(iam::CreateRole::decode(call).error().message,
            "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric "
            "characters and/or / characters.");
  Call named = post("Action=CreateRole&RoleName=a+b&AssumeRolePolicyDocument=x");
  const auto refused = iam::CreateRole::decode(named);
  EXPECT_EQ(refused.error().code, "ValidationError");
  EXPECT_EQ(refused.error().message,
            "The specified value for roleName is invalid. It must contain only alphanumeric characters and/or the "
            "following: +=,.@_-");
}

TEST(Query, WrongTypesAreMalformedInput) {
  for (const std::string form : {"MaxSessionDuration=soon", "RoleName.x=1", "Tags.member.1=flat", "RoleName=%zz", "1=x",
                                 "Tags=x", "RoleName=r&RoleName.a=1", "a.a=1&a=2"}) {
    Call call = post("Action=CreateRole&RoleName=r&AssumeRolePolicyDocument=x&" + form);
    auto request = iam::CreateRole::decode(call);
    if (form == "1=x") continue;  // an unknown parameter
    ASSERT_FALSE(request) << form;
    EXPECT_EQ(request.error().code, "MalformedInput") << form;
  }
}

TEST(Query, ReplyIsWrappedInResultAndMetadata) {
  sts::GetCallerIdentityResponse reply{.user_id = "U", .account = "123456789012", .arn = "arn:aws:iam::1:user/<&>"};
  const EncodedReply encoded = sts::GetCallerIdentity::encode(std::move(reply), "id-1");
  EXPECT_EQ(encoded.status, 200);
  EXPECT_EQ(*find_header(encoded.headers, "content-type"), "text/xml");
  EXPECT_EQ(encoded.body,
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>"
            "<UserId>U</UserId><Account>123456789012</Account><Arn>arn:aws:iam::1:user/&lt;&amp;&gt;</Arn>"
            "</GetCallerIdentityResult><ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata>"
            "</GetCallerIdentityResponse>");
}

TEST(Query, ListsMapsAndTimesInReplies) {
  iam::Role role;
  role.role_name = "r";
  role.create_date = TimePoint(std::chrono::milliseconds(1700000000000));
  role.tags = std::vector<iam::Tag>{{.key = "a", .value = "b"}};
  const std::string body = iam::GetRole::encode({.role = role}, "id").body;
  EXPECT_NE(body.find("<CreateDate>2023-11-14T22:13:20Z</CreateDate>"), std::string::npos) << body;
  EXPECT_NE(body.find("<Tags><member><Key>a</Key><Value>b</Value></member></Tags>"), std::string::npos) << body;

  const std::string summary = iam::GetAccountSummary::encode({.summary_map = {{{"Users", 3}}}}, "id").body;
  EXPECT_NE(summary.find("<SummaryMap><entry><key>Users</key><value>3</value></entry></SummaryMap>"), std::string::npos)
      << summary;
}

TEST(Query, OperationsWithoutAResultHaveMetadataOnly) {
  EXPECT_EQ(iam::CreateAccountAlias::encode({}, "id").body,
            "<CreateAccountAliasResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><ResponseMetadata>"
            "<RequestId>id</RequestId></ResponseMetadata></CreateAccountAliasResponse>");
}

TEST(Query, ErrorsAreAnErrorResponse) {
  const EncodedReply reply = encode_error(iam::model(), make_error(iam::kNoSuchEntityException, "no <role>"), "id");
  EXPECT_EQ(reply.status, 404);
  EXPECT_EQ(
      reply.body,
      "<ErrorResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><Error><Type>Sender</Type>"
      "<Code>NoSuchEntity</Code><Message>no &lt;role&gt;</Message></Error><RequestId>id</RequestId></ErrorResponse>");
}

}  // namespace
}  // namespace hearth::wire
