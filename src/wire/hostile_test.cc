// Any bytes give a value or an AwsError, never a crash: deterministic mutations of real requests.

#include <gtest/gtest.h>

#include <random>

#include "wire/reader.h"
#include "wire/reply.h"
#include "wire/test_calls.h"
#include "wire_test/iam.h"
#include "wire_test/lambda.h"
#include "wire_test/logs.h"
#include "wire_test/sts.h"

namespace hearth::wire {
namespace {

using namespace wire_test;

constexpr int kRounds = 4000;

// Changes a few bytes of `text`: flips, cuts, repeats and inserts pieces that matter to parsers.
std::string mutate(std::string text, std::mt19937& random) {
  static constexpr std::string_view kPieces[] = {"\"",
                                                 "{",
                                                 "}",
                                                 "[",
                                                 "]",
                                                 ".",
                                                 "&",
                                                 "=",
                                                 "%",
                                                 "%00",
                                                 ".member.",
                                                 "null",
                                                 "-1",
                                                 "1e999",
                                                 "\\u0000",
                                                 "\xff",
                                                 ",",
                                                 ":",
                                                 "18446744073709551616",
                                                 "0"};
  const int changes = 1 + static_cast<int>(random() % 4);
  for (int i = 0; i < changes; ++i) {
    const std::size_t at = text.empty() ? 0 : random() % text.size();
    switch (random() % 5) {
      case 0:
        if (!text.empty()) text[at] = static_cast<char>(random());
        break;
      case 1:
        text.erase(at, random() % 8);
        break;
      case 2:
        text.insert(at, text.substr(at, random() % 32));
        break;
      case 3:
        text.insert(at, kPieces[random() % std::size(kPieces)]);
        break;
      default:
        text.resize(at);
        break;
    }
  }
  return text;
}

template <class Op>
void attack(const Call& seed, std::uint32_t number) {
  std::mt19937 random(number);
  int refused = 0;
  for (int i = 0; i < kRounds; ++i) {
    Call call = seed;
    call.body = mutate(call.body, random);
    for (auto& [name, value] : call.labels) value = mutate(value, random);
    for (auto& [name, value] : call.query) value = mutate(value, random);
    for (Header& field : call.headers) field.value = mutate(field.value, random);
    auto request = Op::decode(call);
    if (request) continue;
    ++refused;
    EXPECT_FALSE(request.error().code.empty());
    EXPECT_FALSE(encode_error(Protocol::kJson11, request.error(), "id").body.empty());
    EXPECT_FALSE(encode_error(Protocol::kQuery, request.error(), "id").body.empty());
  }
  EXPECT_GT(refused, kRounds / 20) << "mutations no longer reach the checks";
}

TEST(Hostile, RestJson) {
  attack<lambda::CreateFunction>(
      rest_call(
          lambda::model(), "POST", "/2015-03-31/functions",
          R"({"FunctionName":"f","Role":"arn:aws:iam::123456789012:role/r","Runtime":"python3.12","Handler":"a.b",)"
          R"("Code":{"ZipFile":"UEsA/w=="},"Environment":{"Variables":{"A_B":"1"}},"Tags":{"k":"v"},"Timeout":3,)"
          R"("VpcConfig":{"SubnetIds":["subnet-1"],"SecurityGroupIds":[]},"Architectures":["arm64"]})"),
      1);
  attack<lambda::CreateAlias>(
      rest_call(lambda::model(), "POST", "/2015-03-31/functions/f/aliases",
                R"({"Name":"n","FunctionVersion":"1","RoutingConfig":{"AdditionalVersionWeights":{"2":0.5}}})"),
      2);
  attack<lambda::CreateEventSourceMapping>(
      rest_call(
          lambda::model(), "POST", "/2015-03-31/event-source-mappings",
          R"({"FunctionName":"f","StartingPositionTimestamp":1704164645,"FilterCriteria":{"Filters":[{"Pattern":"{}"}]},)"
          R"("SelfManagedEventSource":{"Endpoints":{"KAFKA_BOOTSTRAP_SERVERS":["h:1"]}}})"),
      3);
  attack<lambda::ListFunctions>(
      rest_call(lambda::model(), "GET", "/2015-03-31/functions?MaxItems=5&FunctionVersion=ALL&Marker=x", ""), 4);
  attack<lambda::Invoke>(rest_call(lambda::model(), "POST", "/2015-03-31/functions/f/invocations?Qualifier=1", "{}",
                                   {{"X-Amz-Invocation-Type", "Event"}, {"X-Amz-Log-Type", "Tail"}}),
                         5);
}

TEST(Hostile, Query) {
  attack<iam::SimulateCustomPolicy>(
      post("Action=SimulateCustomPolicy&PolicyInputList.member.1=%7B%7D&ActionNames.member.1=s3%3AGetObject&"
           "ContextEntries.member.1.ContextKeyName=aws%3Ax&ContextEntries.member.1.ContextKeyValues.member.1=1&"
           "ContextEntries.member.1.ContextKeyType=string&ResourceArns=&MaxItems=3"),
      6);
  attack<iam::UpdateAccountPasswordPolicy>(
      post("Action=UpdateAccountPasswordPolicy&MinimumPasswordLength=8&RequireSymbols=true&MaxPasswordAge=5"), 7);
  attack<sts::AssumeRole>(
      post("Action=AssumeRole&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fr&RoleSessionName=s&"
           "DurationSeconds=900&Tags.member.1.Key=a&Tags.member.1.Value=b"),
      8);
}

TEST(Hostile, Json) {
  attack<logs::PutLogEvents>(
      post(R"({"logGroupName":"g","logStreamName":"s","logEvents":[{"timestamp":1700000000123,"message":"hi"}]})"), 9);
  attack<logs::FilterLogEvents>(
      post(R"({"logGroupName":"g","startTime":0,"limit":10,"interleaved":true,"logStreamNames":["a","b"]})"), 10);
}

TEST(Hostile, FormsOfManyOrDeepNamesAreBounded) {
  std::string deep = "Action=CreateRole&RoleName";
  for (int i = 0; i < 5000; ++i) deep += ".a";
  Call nested = post(deep + "=1");
  EXPECT_EQ(iam::CreateRole::decode(nested).error().code, "MalformedInput");
  std::string many = "Action=CreateRole";
  for (int i = 0; i < 30'000; ++i) many += "&Tags.member." + std::to_string(i) + ".Key=k";
  Call wide = post(many);
  EXPECT_EQ(iam::CreateRole::decode(wide).error().code, "MalformedInput");
}

TEST(Hostile, MessagesQuoteABoundedPartOfTheRequest) {
  Call wide = post("{\"logGroupName\":\"" + std::string(5'000'000, '!') + "\"}");
  const auto one = logs::CreateLogGroup::decode(wide);
  ASSERT_FALSE(one);
  EXPECT_LT(one.error().message.size(), 3 * Reader::kMaxShown);
  std::string events = "{\"logGroupName\":\"g\",\"logStreamName\":\"s\",\"logEvents\":[{}";
  for (int i = 1; i < 50'000; ++i) events += ",{}";
  Call many = post(events + "]}");
  const auto all = logs::PutLogEvents::decode(many);
  ASSERT_FALSE(all);
  EXPECT_TRUE(all.error().message.starts_with("100001 validation errors detected: "))
      << all.error().message.substr(0, 80);
  EXPECT_LT(all.error().message.size(), 2 * Reader::kMaxText);
}

TEST(Hostile, RoutesTakeAnyPath) {
  std::mt19937 random(11);
  for (int i = 0; i < kRounds; ++i) {
    const std::string path = mutate("/2015-03-31/functions/arn%3Aaws/invocations", random);
    const RouteMatch match = lambda::model().find_operation("POST", path, {});
    if (match.operation != nullptr) EXPECT_FALSE(match.operation->name.empty());
  }
}

}  // namespace
}  // namespace hearth::wire
