// Requests as botocore serialises them, replies as it parses them: json 1.1.

#include <gtest/gtest.h>

#include "wire/reply.h"
#include "wire/test_calls.h"
#include "wire_test/logs.h"

namespace hearth::wire {
namespace {

namespace logs = wire_test::logs;

TEST(Json, PutLogEventsDecodes) {
  Call call =
      post(R"({"logGroupName": "/aws/lambda/f", "logStreamName": "s", "logEvents": [{"timestamp": 1700000000123,)"
           R"( "message": "hi \"x\"\n\u2028"}], "sequenceToken": "t"})");
  auto request = logs::PutLogEvents::decode(call);
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->log_group_name, "/aws/lambda/f");
  ASSERT_EQ(request->log_events.size(), 1U);
  EXPECT_EQ(request->log_events[0].timestamp, 1700000000123);
  EXPECT_EQ(request->log_events[0].message, "hi \"x\"\n\xE2\x80\xA8");
}

TEST(Json, WrongTypesAreASerializationExceptionAlone) {
  const std::pair<std::string, std::string> cases[] = {
      {R"({"logGroupName": 5})", "NUMBER_VALUE can not be converted to a String"},
      {R"({"logGroupName": true})", "TRUE_VALUE can not be converted to a String"},
      {R"({"logGroupName": {"a": 1}})", "Start of structure or map found where not expected."},
      {R"({"logGroupName": "g", "logStreamNames": "x"})", "Unrecognized collection type class java.lang.String"},
      {R"({"logGroupName": "g", "limit": "many"})", "STRING_VALUE can not be converted to an Integer"},
      {R"([])", "Start of list found where not expected"},
  };
  for (const auto& [body, message] : cases) {
    Call call = post(body);
    auto request = logs::FilterLogEvents::decode(call);
    ASSERT_FALSE(request) << body;
    EXPECT_EQ(request.error().code, "SerializationException") << body;
    EXPECT_EQ(request.error().message, message) << body;
    EXPECT_EQ(request.error().status, 400);
  }
}

TEST(Json, MalformedBodiesAreRefused) {
  for (const std::string body : {"{", "{}x", "{'a':1}", "\xff", "{\"a\":\"\xc3\x28\"}", "nul", "{\"a\":1,}"}) {
    Call call = post(body);
    auto request = logs::FilterLogEvents::decode(call);
    ASSERT_FALSE(request) << body;
    EXPECT_EQ(request.error().code, "SerializationException") << body;
  }
  Call deep = post(std::string(100'000, '[') + std::string(100'000, ']'));
  EXPECT_FALSE(logs::FilterLogEvents::decode(deep));
}

TEST(Json, NumbersOutsideTheirTypeAreRefused) {
  for (const std::string number : {"3000000000", "-3000000000", "99999999999999999999", "1e300"}) {
    Call call = post("{\"logGroupName\": \"g\", \"limit\": " + number + "}");
    auto request = logs::FilterLogEvents::decode(call);
    ASSERT_FALSE(request) << number;
    EXPECT_EQ(request.error().code, "SerializationException") << number;
  }
}

TEST(Json, OfARepeatedNameTheLastValueCounts) {
  Call call = post(R"({"logGroupName": "a", "logGroupName": "b"})");
  auto request = logs::FilterLogEvents::decode(call);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->log_group_name, "b");
}

TEST(Json, ViolationsHaveTheServicesOwnCode) {
  Call call = post(R"({"logGroupName": "bad name!"})");
  auto request = logs::CreateLogGroup::decode(call);
  ASSERT_FALSE(request);
  EXPECT_EQ(request.error().code, "InvalidParameterException");
  EXPECT_EQ(
      request.error().message,
      "1 validation error detected: Value 'bad name!' at 'logGroupName' failed to satisfy constraint: Member must "
      "satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+");
}

TEST(Json, AMissingBodyMissesRequiredMembers) {
  Call call = post("");
  auto request = logs::CreateLogGroup::decode(call);
  ASSERT_FALSE(request);
  EXPECT_EQ(
      request.error().message,
      "1 validation error detected: Value null at 'logGroupName' failed to satisfy constraint: Member must not be "
      "null");
}

TEST(Json, RepliesOfShapesThatHoldThemselvesNest) {
  logs::LogFieldsListItem inner{.log_field_name = "inner", .log_field_type = {}};
  logs::LogFieldType type;
  type.type = "struct";
  type.fields = std::vector<logs::LogFieldsListItem>{inner};
  logs::LogFieldsListItem outer{.log_field_name = "outer", .log_field_type = type};
  logs::GetLogFieldsResponse reply;
  reply.log_fields = std::vector<logs::LogFieldsListItem>{outer, outer};
  EXPECT_EQ(
      logs::GetLogFields::encode(std::move(reply), "id").body,
      R"({"logFields":[{"logFieldName":"outer","logFieldType":{"type":"struct","fields":[{"logFieldName":"inner"}]}},)"
      R"({"logFieldName":"outer","logFieldType":{"type":"struct","fields":[{"logFieldName":"inner"}]}}]})");
}

TEST(Json, RepliesAndErrorsNameTheirVersion) {
  EXPECT_EQ(logs::CreateLogGroup::encode({}, "id").body, "");
  const EncodedReply reply = logs::DescribeLogGroups::encode({}, "id");
  EXPECT_EQ(reply.body, "{}");
  EXPECT_EQ(*find_header(reply.headers, "Content-Type"), "application/x-amz-json-1.1");
  const EncodedReply error = encode_error(logs::model(), make_error(logs::kResourceNotFoundException, "gone"), "id");
  EXPECT_EQ(error.status, 400);
  EXPECT_EQ(error.body, R"({"__type":"ResourceNotFoundException","message":"gone"})");
  EXPECT_EQ(encode_error(Protocol::kJson10, AwsError{}, "id").headers[0].value, "application/x-amz-json-1.0");
}

}  // namespace
}  // namespace hearth::wire
