// Requests as botocore serialises them, replies as it parses them: rest-json.

#include <gtest/gtest.h>

#include "wire/reply.h"
#include "wire/test_calls.h"
#include "wire_test/lambda.h"

namespace hearth::wire {
namespace {

namespace lambda = wire_test::lambda;

std::string header(const EncodedReply& reply, std::string_view name) {
  const std::string* value = find_header(reply.headers, name);
  return value == nullptr ? std::string("(none)") : *value;
}

TEST(RestJson, CreateFunctionDecodesEveryKindOfMember) {
  Call call = rest_call(
      lambda::model(), "POST", "/2015-03-31/functions",
      R"({"FunctionName": "f", "Role": "arn:aws:iam::123456789012:role/r", "Runtime": "python3.12", "Handler": "a.b",
          "Code": {"ZipFile": "UEsA/w=="}, "Environment": {"Variables": {"A_B": "1", "xyz": "\u00fcn\u00ef"}},
          "VpcConfig": {"SubnetIds": ["subnet-1", "subnet-2"], "SecurityGroupIds": []}, "Tags": {"k": "v"},
          "Timeout": 3, "Publish": true, "Architectures": ["arm64"], "EphemeralStorage": {"Size": 1024},
          "FutureMember": {"deep": [1]}, "Description": null})");
  auto request = lambda::CreateFunction::decode(call);
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->function_name, "f");
  EXPECT_EQ(request->runtime, "python3.12");
  EXPECT_EQ(request->code.zip_file, std::string("PK\0\xff", 4));
  EXPECT_EQ(request->environment->variables->at("xyz"), "\u00fcn\u00ef");
  EXPECT_EQ(request->vpc_config->subnet_ids, (std::vector<std::string>{"subnet-1", "subnet-2"}));
  EXPECT_TRUE(request->vpc_config->security_group_ids->empty());
  EXPECT_EQ(request->tags->at("k"), "v");
  EXPECT_EQ(request->timeout, 3);
  EXPECT_EQ(request->publish, true);
  EXPECT_EQ(request->ephemeral_storage->size, 1024);
  EXPECT_FALSE(request->description);
  EXPECT_FALSE(request->memory_size);
}

TEST(RestJson, InvokeTakesItsPayloadOutOfTheCallUnparsed) {
  Call call =
      rest_call(lambda::model(), "POST",
                "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3Af%3Aprod/"
                "invocations?Qualifier=1",
                std::string(1 << 20U, 'x'),
                {{"X-Amz-Invocation-Type", "Event"}, {"x-amz-log-type", "Tail"}, {"X-Amz-Client-Context", "e30="}});
  const char* const bytes = call.body.data();
  auto request = lambda::Invoke::decode(call);
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->function_name, "arn:aws:lambda:eu-west-1:123456789012:function:f:prod");
  EXPECT_EQ(request->qualifier, "1");
  EXPECT_EQ(request->invocation_type, lambda::kInvocationTypeEvent);
  EXPECT_EQ(request->log_type, "Tail");
  EXPECT_EQ(request->client_context, "e30=");
  EXPECT_EQ(request->payload->data(), bytes);
}

TEST(RestJson, InvokeReplyIsThePayloadWithHeadersAndStatus) {
  const EncodedReply reply = lambda::Invoke::encode({.status_code = 202,
                                                     .function_error = "Unhandled",
                                                     .log_result = {},
                                                     .payload = "{}",
                                                     .executed_version = "$LATEST"},
                                                    "id");
  EXPECT_EQ(reply.status, 202);
  EXPECT_EQ(reply.body, "{}");
  EXPECT_EQ(header(reply, "X-Amz-Function-Error"), "Unhandled");
  EXPECT_EQ(header(reply, "X-Amz-Executed-Version"), "$LATEST");
  EXPECT_EQ(header(reply, "X-Amz-Log-Result"), "(none)");
  EXPECT_EQ(header(reply, "Content-Type"), "application/json");
}

TEST(RestJson, QueryStringGivesNumbersListsAndText) {
  Call list =
      rest_call(lambda::model(), "GET", "/2015-03-31/functions?MaxItems=5&FunctionVersion=ALL&Marker=x%2Fy%2Bz%3D", "");
  auto listed = lambda::ListFunctions::decode(list);
  ASSERT_TRUE(listed) << listed.error().message;
  EXPECT_EQ(listed->max_items, 5);
  EXPECT_EQ(listed->marker, "x/y+z=");

  Call untag = rest_call(lambda::model(), "DELETE",
                         "/2017-03-31/tags/arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3Af"
                         "?tagKeys=a&tagKeys=b%20c",
                         "");
  auto untagged = lambda::UntagResource::decode(untag);
  ASSERT_TRUE(untagged) << untagged.error().message;
  EXPECT_EQ(untagged->tag_keys, (std::vector<std::string>{"a", "b c"}));
  EXPECT_EQ(untagged->resource, "arn:aws:lambda:eu-west-1:123456789012:function:f");
}

TEST(RestJson, TimestampsInBodiesAreSecondsAndMapsHoldLists) {
  Call call =
      rest_call(lambda::model(), "POST", "/2015-03-31/event-source-mappings/",
                R"({"FunctionName": "f", "StartingPositionTimestamp": 1704164645.5, "StartingPosition": "AT_TIMESTAMP",
          "FilterCriteria": {"Filters": [{"Pattern": "{}"}]},
          "SelfManagedEventSource": {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["h:1"]}}})");
  auto request = lambda::CreateEventSourceMapping::decode(call);
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->starting_position_timestamp->time_since_epoch().count(), 1704164645500);
  EXPECT_EQ(request->filter_criteria->filters->at(0).pattern, "{}");
  EXPECT_EQ(request->self_managed_event_source->endpoints->at("KAFKA_BOOTSTRAP_SERVERS").at(0), "h:1");
}

TEST(RestJson, ReplyHasOnlyThePresentMembersInModelOrder) {
  lambda::FunctionConfiguration configuration;
  configuration.function_name = "f\"\n\x01";
  configuration.code_size = 12345678901;
  configuration.timeout = 3;
  configuration.environment = lambda::EnvironmentResponse{.variables = {{{"A", "1"}}}, .error = {}};
  configuration.layers = std::vector<lambda::Layer>{};
  configuration.architectures = {{"x86_64"}};
  const EncodedReply reply = lambda::CreateFunction::encode(std::move(configuration), "id");
  EXPECT_EQ(reply.status, 201);
  EXPECT_EQ(header(reply, "Content-Type"), "application/json");
  EXPECT_EQ(reply.body,
            "{\"FunctionName\":\"f\\\"\\n\\u0001\",\"CodeSize\":12345678901,\"Timeout\":3,"
            "\"Environment\":{\"Variables\":{\"A\":\"1\"}},\"Layers\":[],\"Architectures\":[\"x86_64\"]}");
}

TEST(RestJson, RepliesWithoutMembersHaveNoBody) {
  EXPECT_EQ(lambda::TagResource::encode({}, "id").status, 204);
  EXPECT_EQ(lambda::TagResource::encode({}, "id").body, "");
}

TEST(RestJson, ReplyTimestampsKeepTheirFraction) {
  lambda::FunctionEventInvokeConfig config;
  config.last_modified = TimePoint(std::chrono::milliseconds(1700000000250));
  EXPECT_EQ(lambda::PutFunctionEventInvokeConfig::encode(std::move(config), "id").body,
            "{\"LastModified\":1700000000.250}");
}

TEST(RestJson, ErrorsCarryTheirTypeInAHeaderAndTheBodyTheShapeSays) {
  AwsError missing = make_error(lambda::kResourceNotFoundException, "Function not found: x");
  const EncodedReply reply = encode_error(lambda::model(), missing, "id");
  EXPECT_EQ(reply.status, 404);
  EXPECT_EQ(header(reply, "x-amzn-errortype"), "ResourceNotFoundException");
  EXPECT_EQ(reply.body, R"({"Type":"User","Message":"Function not found: x"})");

  AwsError busy = make_error(lambda::kTooManyRequestsException, "Rate Exceeded.");
  busy.members = {{"Reason", "CallerRateLimitExceeded"}};
  busy.retry_after_s = 1;
  const EncodedReply throttled = encode_error(lambda::model(), busy, "id");
  EXPECT_EQ(throttled.status, 429);
  EXPECT_EQ(header(throttled, "Retry-After"), "1");
  EXPECT_EQ(throttled.body, R"({"Type":"User","message":"Rate Exceeded.","Reason":"CallerRateLimitExceeded"})");
  EXPECT_EQ(make_error(lambda::kServiceException, "x").fault, Fault::kReceiver);
}

}  // namespace
}  // namespace hearth::wire
