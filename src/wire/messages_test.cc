// The wording of violations, against answers recorded from AWS.

#include <gtest/gtest.h>

#include "wire/json_writer.h"
#include "wire/test_calls.h"
#include "wire_test/lambda.h"

namespace hearth::wire {
namespace {

namespace lambda = wire_test::lambda;

constexpr std::string_view kRole = "arn:aws:iam::123456789012:role/r";

// The answer to a CreateFunction that is right but for `members` (the later of two members of a name counts).
AwsError create(std::string_view members) {
  Call call = rest_call(lambda::model(), "POST", "/2015-03-31/functions",
                        "{\"FunctionName\":\"fn\",\"Handler\":\"index.handler\",\"Code\":{\"ZipFile\":\"UEs=\"},"
                        "\"PackageType\":\"Zip\",\"Runtime\":\"python3.12\",\"Role\":\"" +
                            std::string(kRole) + "\"," + std::string(members) + "}");
  auto request = lambda::CreateFunction::decode(call);
  return request ? AwsError{} : request.error();
}

template <class Op>
AwsError answer(std::string_view method, std::string_view target, std::string body, std::vector<Header> headers = {}) {
  Call call = rest_call(lambda::model(), method, target, std::move(body), std::move(headers));
  auto request = Op::decode(call);
  return request ? AwsError{} : request.error();
}

void expect_validation(const AwsError& error, const std::string& message) {
  EXPECT_EQ(error.code, "ValidationException");
  EXPECT_EQ(error.status, 400);
  EXPECT_FALSE(error.with_type);
  EXPECT_EQ(error.message, "1 validation error detected: " + message);
}

void expect_invalid_parameter(const AwsError& error, const std::string& message) {
  EXPECT_EQ(error.code, "InvalidParameterValueException");
  EXPECT_EQ(error.status, 400);
  EXPECT_TRUE(error.with_type);
  EXPECT_EQ(error.message_member, MessageMember::kLower);
  EXPECT_EQ(error.message, message);
}

TEST(Messages, PatternOfARole) {
  expect_validation(
      create(R"("Role":"r1")"),
      R"(Value 'r1' at 'role' failed to satisfy constraint: Member must satisfy regular expression pattern: )"
      R"(arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+)");
}

TEST(Messages, ListsOfEnumValues) {
  expect_validation(create(R"("Architectures":["x86_64","arm64"])"),
                    "Value '[x86_64, arm64]' at 'architectures' failed to satisfy constraint: Member must have length "
                    "less than or equal to 1");
  expect_validation(create(R"("Architectures":["X86_64"])"),
                    "Value '[X86_64]' at 'architectures' failed to satisfy constraint: Member must satisfy constraint: "
                    "[Member must satisfy enum value set: [x86_64, arm64], Member must not be null]");
}

TEST(Messages, FunctionNamesOfCreateFunction) {
  expect_validation(
      create(R"("FunctionName":"invalid:function:name")"),
      R"(Value 'invalid:function:name' at 'functionName' failed to satisfy constraint: Member must satisfy regular )"
      R"(expression pattern: (arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?)"
      R"((\d{12}:)?(function:)?([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?)");
  const std::string arn = "arn:aws:lambda:us-east-1:123456789012:function:" + std::string(140, 'a');
  expect_validation(
      create("\"FunctionName\":\"" + arn + "\""),
      "Value '" + arn +
          "' at 'functionName' failed to satisfy constraint: Member must have length less than or equal to "
          "140");
  const std::string name(65, 'a');
  expect_invalid_parameter(create("\"FunctionName\":\"" + name + "\""),
                           "1 validation error detected: Value '" + name +
                               "' at 'functionName' failed to satisfy constraint: Member must have length less than or "
                               "equal to 64");
  EXPECT_EQ(create("\"FunctionName\":\"" + name.substr(1) + "\"").code, "");
}

TEST(Messages, FunctionNameOfInvokeHasAPatternOfItsOwn) {
  expect_validation(
      answer<lambda::Invoke>(
          "POST", "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A123400000000%40function%3Amyfn/invocations",
          "{}"),
      R"(Value 'arn:aws:lambda:us-east-1:123400000000@function:myfn' at 'functionName' failed to satisfy constraint: )"
      R"(Member must satisfy regular expression pattern: (arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|)"
      R"((-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?)");
}

TEST(Messages, EnumValues) {
  expect_validation(
      create(R"("SnapStart":{"ApplyOn":"invalidOption"})"),
      "Value 'invalidOption' at 'snapStart.applyOn' failed to satisfy constraint: Member must satisfy enum "
      "value set: [PublishedVersions, None]");
  expect_validation(answer<lambda::ListFunctions>("GET", "/2015-03-31/functions?FunctionVersion=invalid", ""),
                    "Value 'invalid' at 'functionVersion' failed to satisfy constraint: Member must satisfy enum value "
                    "set: [ALL]");
  expect_validation(
      answer<lambda::Invoke>("POST", "/2015-03-31/functions/f/invocations", "{}", {{"X-Amz-Invocation-Type", "Nope"}}),
      "Value 'Nope' at 'invocationType' failed to satisfy constraint: Member must satisfy enum value set: "
      "[Event, RequestResponse, DryRun]");
  expect_validation(
      answer<lambda::CreateEventSourceMapping>("POST", "/2015-03-31/event-source-mappings",
                                               R"({"FunctionName":"f","StartingPosition":"invalid"})"),
      "Value 'invalid' at 'startingPosition' failed to satisfy constraint: Member must satisfy enum value "
      "set: [LATEST, AT_TIMESTAMP, TRIM_HORIZON]");
}

TEST(Messages, RuntimesAreRefusedBehindTheFrontEnd) {
  const AwsError unknown = create(R"("Runtime":"PYTHON3.9")");
  EXPECT_EQ(unknown.code, "InvalidParameterValueException");
  EXPECT_TRUE(unknown.with_type);
  EXPECT_TRUE(
      unknown.message.starts_with("Value PYTHON3.9 at 'runtime' failed to satisfy constraint: Member must "
                                  "satisfy enum value set: [nodejs16.x, "))
      << unknown.message;
  EXPECT_TRUE(unknown.message.ends_with("] or be a valid ARN")) << unknown.message;
  for (const std::string runtime :
       {"dotnetcore3.1", "go1.x", "java8", "nodejs12.x", "nodejs14.x", "provided", "python3.7", "ruby2.7"}) {
    expect_invalid_parameter(
        create("\"Runtime\":\"" + runtime + "\""),
        "The runtime parameter of " + runtime +
            " is no longer supported for creating or updating AWS Lambda functions. We recommend you "
            "use a supported runtime while creating or updating functions.");
  }
  for (const std::string runtime : {"python3.9", "python3.14", "nodejs24.x", "java25", "provided.al2023", "dotnet10"}) {
    EXPECT_EQ(create("\"Runtime\":\"" + runtime + "\"").code, "") << runtime;
  }
}

TEST(Messages, ListsOfTextWithEveryConstraintOfTheirElements) {
  expect_validation(
      create(R"("VpcConfig":{"SubnetIds":["bad-format-1"],"SecurityGroupIds":["sg-0123456789abcdef0"]})"),
      "Value '[bad-format-1]' at 'vpcConfig.subnetIds' failed to satisfy constraint: Member must satisfy constraint: "
      "[Member must have length less than or equal to 1024, Member must have length greater than or equal to 0, Member "
      "must satisfy regular expression pattern: subnet-[0-9a-z]*]");
  expect_validation(
      create(R"("VpcConfig":{"SubnetIds":["subnet-0"],"SecurityGroupIds":["bad-format-1"]})"),
      "Value '[bad-format-1]' at 'vpcConfig.securityGroupIds' failed to satisfy constraint: Member must satisfy "
      "constraint: [Member must have length less than or equal to 1024, Member must have length greater than or equal "
      "to "
      "0, Member must satisfy regular expression pattern: sg-[0-9a-zA-Z]*]");
  expect_validation(
      answer<lambda::UpdateFunctionConfiguration>("PUT", "/2015-03-31/functions/f/configuration",
                                                  R"({"Layers":["arn:aws:lambda:us-east-1:123456789012:layer:l"]})"),
      R"(Value '[arn:aws:lambda:us-east-1:123456789012:layer:l]' at 'layers' failed to satisfy constraint: Member must )"
      R"(satisfy constraint: [Member must have length less than or equal to 2048, Member must have length greater than or )"
      R"(equal to 1, Member must satisfy regular expression pattern: (arn:(aws[a-zA-Z-]*)?:lambda:(eusc-)?[a-z]{2})"
      R"(((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:layer:[a-zA-Z0-9-_]+:[0-9]+)|(arn:[a-zA-Z0-9-]+:lambda:::awslayer:)"
      R"([a-zA-Z0-9-_]+), Member must not be null])");
}

TEST(Messages, MapsOfWeights) {
  const auto alias = [](std::string_view weights) {
    return answer<lambda::CreateAlias>("POST", "/2015-03-31/functions/f/aliases",
                                       "{\"Name\":\"custom\",\"FunctionVersion\":\"1\",\"RoutingConfig\":{"
                                       "\"AdditionalVersionWeights\":" +
                                           std::string(weights) + "}}");
  };
  const std::string constraint =
      "' at 'routingConfig.additionalVersionWeights' failed to satisfy constraint: Map value must satisfy constraint: "
      "[Member must have value less than or equal to 1.0, Member must have value greater than or equal to 0.0, Member "
      "must not be null]";
  expect_validation(alias(R"({"2":2})"), "Value '{2=2.0}" + constraint);
  expect_validation(alias(R"({"2":-1})"), "Value '{2=-1.0}" + constraint);
  expect_validation(
      alias(R"({"$LATEST":0.5})"),
      "Value '{$LATEST=0.5}' at 'routingConfig.additionalVersionWeights' failed to satisfy constraint: Map "
      "keys must satisfy constraint: [Member must have length less than or equal to 1024, Member must have "
      "length greater than or equal to 1, Member must satisfy regular expression pattern: [0-9]+]");
  expect_invalid_parameter(alias(R"({"1":0.8,"2":0.2})"),
                           "Number of items in AdditionalVersionWeights cannot be greater than 1");
  EXPECT_EQ(alias(R"({"2":0.25})").code, "");
}

TEST(Messages, PatternsWithLookAround) {
  expect_validation(
      answer<lambda::CreateAlias>("POST", "/2015-03-31/functions/f/aliases",
                                  R"({"Name":"2024","FunctionVersion":"1"})"),
      "Value '2024' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: "
      "(?!^[0-9]+$)([a-zA-Z0-9-_]+)");
}

TEST(Messages, NestedStructuresNameTheirPath) {
  expect_validation(
      answer<lambda::PutFunctionEventInvokeConfig>(
          "PUT", "/2019-09-25/functions/f/event-invoke-config",
          R"({"DestinationConfig":{"OnFailure":{"Destination":"arn:aws:_-/!lambda:us-east-1:1:function:f"}}})"),
      R"(Value 'arn:aws:_-/!lambda:us-east-1:1:function:f' at 'destinationConfig.onFailure.destination' failed to satisfy )"
      R"(constraint: Member must satisfy regular expression pattern: $|kafka://([^.]([a-zA-Z0-9\-_.]{0,248}))|)"
      R"(arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\-])+:((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1})?:(\d{12})?:(.*))");
}

TEST(Messages, Permissions) {
  expect_validation(
      answer<lambda::AddPermission>(
          "POST", "/2015-03-31/functions/f/policy",
          R"({"Action":"lambda:InvokeFunction","StatementId":"example.com","Principal":"s3.amazonaws.com"})"),
      "Value 'example.com' at 'statementId' failed to satisfy constraint: Member must satisfy regular "
      "expression pattern: ([a-zA-Z0-9-_]+)");
  expect_validation(answer<lambda::AddPermission>(
                        "POST", "/2015-03-31/functions/f/policy?Qualifier=invalid-qualifier-with-%3F-char",
                        R"({"Action":"lambda:InvokeFunction","StatementId":"s3","Principal":"s3.amazonaws.com"})"),
                    "Value 'invalid-qualifier-with-?-char' at 'qualifier' failed to satisfy constraint: Member must "
                    R"(satisfy regular expression pattern: \$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9-_$]+)");
}

TEST(Messages, LayersAndTheirVersions) {
  const AwsError two = answer<lambda::PublishLayerVersion>(
      "POST", "/2018-10-31/layers/l/versions",
      R"({"Content":{"ZipFile":""},"CompatibleRuntimes":["invalidruntime","nodejs20.x"],)"
      R"("CompatibleArchitectures":["invalidarch","x86_64"]})");
  EXPECT_TRUE(
      two.message.starts_with("2 validation errors detected: Value '[invalidruntime, nodejs20.x]' at "
                              "'compatibleRuntimes' failed to satisfy constraint: Member must satisfy enum value "
                              "set: [nodejs, "))
      << two.message;
  EXPECT_TRUE(
      two.message.ends_with("]; Value '[invalidarch, x86_64]' at 'compatibleArchitectures' failed to satisfy "
                            "constraint: Member must satisfy constraint: [Member must satisfy enum value set: "
                            "[x86_64, arm64], Member must not be null]"))
      << two.message;
  expect_validation(
      answer<lambda::AddLayerVersionPermission>("POST", "/2018-10-31/layers/l/versions/1/policy",
                                                R"({"Action":"*","Principal":"*","StatementId":"s9"})"),
      "Value '*' at 'action' failed to satisfy constraint: Member must satisfy regular expression pattern: "
      "lambda:GetLayerVersion");
  expect_invalid_parameter(answer<lambda::GetLayerVersion>("GET", "/2018-10-31/layers/l/versions/-1", ""),
                           "Layer Version Cannot be less than 1");
  EXPECT_EQ(answer<lambda::GetLayerVersion>("GET", "/2018-10-31/layers/l/versions/x", "").code,
            "SerializationException");
  expect_validation(answer<lambda::ListLayers>("GET", "/2018-10-31/layers?CompatibleArchitecture=archdoesnotexist", ""),
                    "Value 'archdoesnotexist' at 'compatibleArchitecture' failed to satisfy constraint: Member must "
                    "satisfy enum value set: [x86_64, arm64]");
}

TEST(Messages, CountsBehindTheFrontEnd) {
  std::string tags;
  for (int i = 0; i < 51; ++i) tags += (i == 0 ? "\"k" : ",\"k") + std::to_string(i) + "\":\"v\"";
  expect_invalid_parameter(create("\"Tags\":{" + tags + "}"), "Number of tags exceeds resource tag limit.");
  std::string layers;
  for (int i = 0; i < 6; ++i) {
    layers += (i == 0 ? "\"" : ",\"") + ("arn:aws:lambda:us-east-1:123456789012:layer:l" + std::to_string(i)) + ":1\"";
  }
  expect_invalid_parameter(create("\"Layers\":[" + layers + "]"), "Cannot reference more than 5 layers.");
  const std::string large(5000, 'x');
  expect_invalid_parameter(
      create(R"("Environment":{"Variables":{"LARGE_VAR":")" + large + "\"}}"),
      "Lambda was unable to configure your environment variables because the environment variables "
      "you have provided exceeded the 4KB limit. String measured: {\"LARGE_VAR\":\"" +
          large + "\"}");
}

TEST(Messages, SizesAndTimes) {
  expect_validation(create(R"("MemorySize":10241)"),
                    "Value '10241' at 'memorySize' failed to satisfy constraint: Member must have value less than or "
                    "equal to 10240");
  expect_validation(create(R"("MemorySize":127)"),
                    "Value '127' at 'memorySize' failed to satisfy constraint: Member must have value greater than or "
                    "equal to 128");
  expect_validation(
      create(R"("Timeout":901)"),
      "Value '901' at 'timeout' failed to satisfy constraint: Member must have value less than or equal to "
      "900");
}

TEST(Messages, SecretValuesAreNotShown) {
  expect_validation(create(R"("Environment":{"Variables":{"1":"secret"}})"),
                    "Value at 'environment.variables' failed to satisfy constraint: Map keys must satisfy constraint: "
                    "[Member must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+]");
}

TEST(Messages, EveryMissingMemberIsNamedInOrder) {
  const AwsError error = answer<lambda::CreateFunction>("POST", "/2015-03-31/functions", "{\"FunctionName\":\"\"}");
  EXPECT_EQ(error.code, "ValidationException");
  EXPECT_TRUE(
      error.message.starts_with("4 validation errors detected: Value '' at 'functionName' failed to satisfy "
                                "constraint: Member must satisfy regular expression pattern: "))
      << error.message;
  EXPECT_TRUE(
      error.message.ends_with("; Value '' at 'functionName' failed to satisfy constraint: Member must have length "
                              "greater than or equal to 1; Value null at 'role' failed to satisfy constraint: "
                              "Member must not be null; Value null at 'code' failed to satisfy constraint: Member "
                              "must not be null"))
      << error.message;
}

TEST(Messages, LengthIsCountedInCharacters) {
  std::string description;
  for (int i = 0; i < 256; ++i) description += "\u00fc";
  EXPECT_EQ(create("\"Description\":\"" + description + "\"").code, "");
  EXPECT_EQ(create("\"Description\":\"" + description + "x\"").code, "ValidationException");
}

}  // namespace
}  // namespace hearth::wire
