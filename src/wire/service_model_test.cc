#include "wire/service_model.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "wire_test/iam.h"
#include "wire_test/lambda.h"
#include "wire_test/logs.h"
#include "wire_test/sts.h"

namespace hearth::wire {
namespace {

using Query = std::vector<std::pair<std::string, std::string>>;

std::string route(std::string_view method, std::string_view path, const Query& query = {}) {
  const RouteMatch match = wire_test::lambda::model().find_operation(method, path, query);
  return match.operation == nullptr ? "(none)" : std::string(match.operation->name);
}

TEST(ServiceModel, RoutesByMethodAndPath) {
  EXPECT_EQ(route("POST", "/2015-03-31/functions"), "CreateFunction");
  EXPECT_EQ(route("POST", "/2015-03-31/functions/"), "CreateFunction");
  EXPECT_EQ(route("GET", "/2015-03-31/functions/"), "ListFunctions");
  EXPECT_EQ(route("GET", "/2015-03-31/functions/f"), "GetFunction");
  EXPECT_EQ(route("GET", "/2015-03-31/functions/f/versions"), "ListVersionsByFunction");
  EXPECT_EQ(route("POST", "/2015-03-31/functions/f/invocations"), "Invoke");
  EXPECT_EQ(route("PUT", "/2024-09-16/resource-policy/arn%3Aaws"), "PutResourcePolicy");
  EXPECT_EQ(route("PATCH", "/2015-03-31/functions/f"), "(none)");
  EXPECT_EQ(route("GET", "/2015-03-31/functions/f/no-such-thing"), "(none)");
  EXPECT_EQ(route("GET", "/2015-03-31/functions//versions"), "(none)");
  EXPECT_EQ(route("GET", ""), "(none)");
  EXPECT_EQ(route("GET", "*"), "(none)");
}

TEST(ServiceModel, TheQueryDecidesBetweenOperationsOfOnePath) {
  EXPECT_EQ(route("GET", "/2018-10-31/layers"), "ListLayers");
  EXPECT_EQ(route("GET", "/2018-10-31/layers", {{"find", "LayerVersion"}, {"Arn", "x"}}), "GetLayerVersionByArn");
  EXPECT_EQ(route("GET", "/2019-09-30/functions/f/provisioned-concurrency", {{"List", "ALL"}}),
            "ListProvisionedConcurrencyConfigs");
  EXPECT_EQ(route("GET", "/2019-09-30/functions/f/provisioned-concurrency", {{"Qualifier", "1"}}),
            "GetProvisionedConcurrencyConfig");
}

TEST(ServiceModel, LabelsAreDecodedOnce) {
  const RouteMatch match = wire_test::lambda::model().find_operation(
      "GET", "/2017-03-31/tags/arn%3Aaws%3Alambda%3Aeu-west-1%3A1%3Afunction%3Aa%2Fb%2520", {});
  ASSERT_NE(match.operation, nullptr);
  EXPECT_EQ(match.labels, (Labels{{"Resource", "arn:aws:lambda:eu-west-1:1:function:a/b%20"}}));
  EXPECT_EQ(wire_test::lambda::model().find_operation("GET", "/2017-03-31/tags/%zz", {}).operation, nullptr);
}

TEST(ServiceModel, ALiteralBeatsALabelWhichBeatsAGreedyLabel) {
  static constexpr OperationInfo kOperations[] = {
      {"Greedy", "GET", "/{Bucket}/{Key+}"},
      {"Label", "GET", "/{Bucket}/{Name}"},
      {"Literal", "GET", "/{Bucket}/policy"},
      {"Tail", "GET", "/{Bucket}/{Key+}/tail"},
  };
  const ServiceModel model{.operations = kOperations};
  EXPECT_EQ(model.find_operation("GET", "/b/policy", {}).operation->name, "Literal");
  EXPECT_EQ(model.find_operation("GET", "/b/other", {}).operation->name, "Label");
  const RouteMatch greedy = model.find_operation("GET", "/b/a%2Fb/c//d", {});
  EXPECT_EQ(greedy.operation->name, "Greedy");
  EXPECT_EQ(greedy.labels, (Labels{{"Bucket", "b"}, {"Key", "a/b/c//d"}}));
  EXPECT_EQ(model.find_operation("GET", "/b/folder/a/", {}).labels, (Labels{{"Bucket", "b"}, {"Key", "folder/a/"}}));
  const RouteMatch tail = model.find_operation("GET", "/b/x/y/tail", {});
  EXPECT_EQ(tail.operation->name, "Tail");
  EXPECT_EQ(tail.labels, (Labels{{"Bucket", "b"}, {"Key", "x/y"}}));
}

TEST(ServiceModel, KnownOperationsAreToldFromUnknownOnes) {
  const ServiceModel& model = wire_test::logs::model();
  EXPECT_EQ(model.find_by_target("Logs_20140328.PutLogEvents")->handled, Handled::kYes);
  EXPECT_EQ(model.find_by_target("Logs_20140328.StartQuery")->handled, Handled::kNo);
  EXPECT_EQ(model.find_by_target("Logs_20140328.NoSuchThing"), nullptr);
  EXPECT_EQ(model.find_by_target("PutLogEvents"), nullptr);
  EXPECT_EQ(wire_test::iam::model().find_by_name("CreateRole")->handled, Handled::kYes);
  EXPECT_EQ(wire_test::iam::model().find_by_name(""), nullptr);

  const AwsError unhandled = unhandled_operation(model, *model.find_by_name("StartQuery"));
  EXPECT_EQ(unhandled.status, 501);
  EXPECT_NE(unhandled.message.find("StartQuery"), std::string::npos);
  EXPECT_EQ(unknown_operation(wire_test::iam::model(), "Nope").message,
            "Could not find operation Nope for version 2010-05-08");
  EXPECT_EQ(unknown_operation(wire_test::lambda::model(), "GET /x").status, 404);
  EXPECT_EQ(unknown_operation(model, "Nope").code, "UnknownOperationException");
}

TEST(ServiceModel, NamesWhatTheGatewayMatches) {
  EXPECT_EQ(wire_test::lambda::model().protocol, Protocol::kRestJson);
  EXPECT_EQ(wire_test::logs::model().protocol, Protocol::kJson11);
  EXPECT_EQ(wire_test::logs::model().target_prefix, "Logs_20140328");
  EXPECT_EQ(wire_test::sts::model().protocol, Protocol::kQuery);
  EXPECT_EQ(wire_test::sts::model().signing_name, "sts");
  EXPECT_EQ(wire_test::iam::model().api_version, "2010-05-08");
}

TEST(ServiceModel, EveryPatternIsOneThatRe2Takes) {
  for (const ServiceModel* model :
       {&wire_test::lambda::model(), &wire_test::iam::model(), &wire_test::sts::model(), &wire_test::logs::model()}) {
    EXPECT_FALSE(model->patterns.empty()) << model->name;
    for (const Pattern& pattern : model->patterns) EXPECT_TRUE(pattern.compiles()) << pattern.text();
  }
}

TEST(ServiceModel, PlannedProtocolsAreNamedAndRefused) {
  for (const Protocol protocol : {Protocol::kRestXml, Protocol::kEc2, Protocol::kRpcV2Cbor}) {
    EXPECT_FALSE(is_supported(protocol)) << to_string(protocol);
  }
  for (const Protocol protocol : {Protocol::kRestJson, Protocol::kJson10, Protocol::kJson11, Protocol::kQuery}) {
    EXPECT_TRUE(is_supported(protocol)) << to_string(protocol);
  }
}

}  // namespace
}  // namespace hearth::wire
