#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/lambda/lambda_fixture.h"

namespace hearth::services::lambda {
namespace {

namespace json = boost::json;
using testing::ElementsAre;
using testing::HasSubstr;

class VersionHandlers : public LambdaFixture {
 protected:
  VersionHandlers() { create("f"); }

  Answer publish(const json::object& body = {}) {
    return call(
        {.operation = "PublishVersion", .labels = {{"FunctionName", "f"}}, .body = json::serialize(json::value(body))});
  }
  Answer set_memory(int mib) {
    return call({.operation = "UpdateFunctionConfiguration",
                 .labels = {{"FunctionName", "f"}},
                 .body = json::serialize(json::object{{"MemorySize", mib}})});
  }
  void publish_two() {
    EXPECT_EQ(publish().status, 201);
    set_memory(256);
    EXPECT_EQ(publish().string("Version"), "2");
  }
  Answer create_alias(const json::object& body) {
    return call(
        {.operation = "CreateAlias", .labels = {{"FunctionName", "f"}}, .body = json::serialize(json::value(body))});
  }
  static json::object weights(const std::string& version, double weight) {
    return {{"AdditionalVersionWeights", json::object{{version, weight}}}};
  }
};

TEST_F(VersionHandlers, PublishingShowsTheVersionByItsArn) {
  const Answer version = publish({{"Description", "first"}});
  EXPECT_EQ(version.status, 201) << version.text;
  EXPECT_EQ(version.string("FunctionArn"), arn_ + ":1");
  EXPECT_EQ(version.string("Version"), "1");
  EXPECT_EQ(version.string("Description"), "first");
  EXPECT_EQ(version.string("State"), "Active");
  EXPECT_EQ(get("f").body.at("Configuration").at("Description"), "");
  EXPECT_EQ(get("f:1").body.at("Configuration").at("FunctionArn").as_string(), arn_ + ":1");
}

TEST_F(VersionHandlers, CreateAndUpdateCanPublish) {
  const Answer created = create("g", {{"Publish", true}});
  EXPECT_EQ(created.string("Version"), "1") << created.text;
  EXPECT_EQ(created.string("State"), "Pending");
  EXPECT_EQ(get("g:1").body.at("Configuration").at("State"), "Active");
  const Answer updated =
      call({.operation = "UpdateFunctionCode",
            .labels = {{"FunctionName", "g"}},
            .body = json::serialize(json::object{{"ZipFile", base64_encode(some_zip("other"))}, {"Publish", true}})});
  EXPECT_EQ(updated.string("Version"), "2") << updated.text;
  EXPECT_THAT(updated.string("FunctionArn"), HasSubstr(":function:g:2"));
  EXPECT_EQ(get("g:2").body.at("Configuration").at("LastUpdateStatus"), "Successful");
  EXPECT_NE(get("g:1").body.at("Configuration").at("CodeSha256"), updated.body.at("CodeSha256"));
}

TEST_F(VersionHandlers, VersionsAreListedInPagesAfterLatest) {
  publish_two();
  const auto page = [&](const std::string& marker) {
    return call({.operation = "ListVersionsByFunction",
                 .labels = {{"FunctionName", "f"}},
                 .query = {{"MaxItems", "2"}, {"Marker", marker}}});
  };
  const Answer first = page("");
  ASSERT_EQ(first.body.at("Versions").as_array().size(), 2U) << first.text;
  EXPECT_EQ(first.body.at("Versions").at(0).at("FunctionArn").as_string(), arn_ + ":$LATEST");
  EXPECT_EQ(first.body.at("Versions").at(1).at("Version"), "1");
  const Answer second = page(first.string("NextMarker"));
  ASSERT_EQ(second.body.at("Versions").as_array().size(), 1U) << second.text;
  EXPECT_EQ(second.body.at("Versions").at(0).at("Version"), "2");
  EXPECT_FALSE(second.body.contains("NextMarker"));
}

TEST_F(VersionHandlers, ListingAllVersionsOfAllFunctionsPagesThroughThem) {
  publish_two();
  create("g");
  std::vector<std::string> seen;
  std::string marker;
  do {
    const Answer page = call(
        {.operation = "ListFunctions", .query = {{"FunctionVersion", "ALL"}, {"MaxItems", "2"}, {"Marker", marker}}});
    for (const auto& function : page.body.at("Functions").as_array()) {
      seen.push_back(std::string(function.at("FunctionName").as_string()) + ":" +
                     std::string(function.at("Version").as_string()));
    }
    marker = page.string("NextMarker");
  } while (!marker.empty() && seen.size() < 20);
  EXPECT_THAT(seen, ElementsAre("f:$LATEST", "f:1", "f:2", "g:$LATEST"));
}

TEST_F(VersionHandlers, AnAliasIsShownAsItWasMade) {
  publish_two();
  const Answer made = create_alias(
      {{"Name", "live"}, {"FunctionVersion", "1"}, {"Description", "d"}, {"RoutingConfig", weights("2", 0.2)}});
  EXPECT_EQ(made.status, 201) << made.text;
  EXPECT_EQ(made.string("AliasArn"), arn_ + ":live");
  EXPECT_EQ(made.body.at("RoutingConfig").at("AdditionalVersionWeights").at("2"), 0.2);
  const auto get_alias = [&] {
    return call({.operation = "GetAlias", .labels = {{"FunctionName", "f"}, {"Name", "live"}}});
  };
  EXPECT_EQ(get_alias().text, made.text);
  EXPECT_EQ(get("f:live").body.at("Configuration").at("FunctionArn").as_string(), arn_ + ":live");
  EXPECT_EQ(get("f:live").body.at("Configuration").at("Version"), "1");
  const Answer updated = call({.operation = "UpdateAlias",
                               .labels = {{"FunctionName", "f"}, {"Name", "live"}},
                               .body = R"({"FunctionVersion":"2","RoutingConfig":{"AdditionalVersionWeights":{}}})"});
  EXPECT_EQ(updated.string("FunctionVersion"), "2") << updated.text;
  EXPECT_FALSE(updated.body.contains("RoutingConfig"));
  EXPECT_EQ(updated.string("Description"), "d");
  EXPECT_NE(updated.string("RevisionId"), made.string("RevisionId"));
  EXPECT_EQ(call({.operation = "DeleteAlias", .labels = {{"FunctionName", "f"}, {"Name", "live"}}}).status, 204);
  EXPECT_EQ(get_alias().string("Message"), "Cannot find alias arn: " + arn_ + ":live");
}

TEST_F(VersionHandlers, WhatAnAliasCannotPointToIsRefusedInAwsWords) {
  publish_two();
  const auto refusal = [&](const std::string& version, const json::object& routing) {
    const Answer answer = create_alias({{"Name", "live"}, {"FunctionVersion", version}, {"RoutingConfig", routing}});
    EXPECT_GE(answer.status, 400) << answer.text;
    return answer.string("message") + answer.string("Message");
  };
  EXPECT_EQ(refusal("1", {{"AdditionalVersionWeights", json::object{{"1", 0.8}, {"2", 0.2}}}}),
            "Number of items in AdditionalVersionWeights cannot be greater than 1");
  EXPECT_EQ(refusal("1", weights("1", 0.5)),
            "Invalid function version 1. Function version 1 is already included in routing configuration.");
  EXPECT_EQ(refusal("$LATEST", weights("1", 0.5)),
            "$LATEST is not supported for an alias pointing to more than 1 version");
  EXPECT_EQ(refusal("10", weights("2", 0.5)), "Function not found: " + arn_ + ":10");
  EXPECT_EQ(refusal("1", weights("10", 0.5)), "Function not found: " + arn_ + ":10");
  create_alias({{"Name", "live"}, {"FunctionVersion", "1"}});
  EXPECT_EQ(refusal("1", weights("2", 0.5)), "Alias already exists: " + arn_ + ":live");
}

TEST_F(VersionHandlers, DeletingAVersionLeavesTheFunction) {
  publish_two();
  create_alias({{"Name", "live"}, {"FunctionVersion", "2"}});
  const auto remove = [&](const std::string& name) {
    return call({.operation = "DeleteFunction", .labels = {{"FunctionName", name}}});
  };
  EXPECT_EQ(remove("f:1").status, 204);
  EXPECT_EQ(get("f:1").status, 404);
  EXPECT_THAT(remove("f:2").string("message"), HasSubstr("[live]"));
  EXPECT_EQ(remove("f:live").string("message"), "Deletion of aliases is not currently supported.");
  EXPECT_EQ(get("f").status, 200);
  EXPECT_EQ(remove("f").status, 204);
  EXPECT_EQ(get("f:live").status, 404);
}

TEST_F(VersionHandlers, VersionsAndAliasesHavePoliciesOfTheirOwn) {
  publish_two();
  create_alias({{"Name", "live"}, {"FunctionVersion", "2"}});
  const auto policy_of = [&](const std::string& name) {
    return call({.operation = "GetPolicy", .labels = {{"FunctionName", name}}});
  };
  const Answer added =
      call({.operation = "AddPermission",
            .labels = {{"FunctionName", "f"}},
            .query = {{"Qualifier", "live"}},
            .body = json::serialize(json::object{
                {"StatementId", "s"}, {"Action", "lambda:InvokeFunction"}, {"Principal", "events.amazonaws.com"}})});
  EXPECT_EQ(added.status, 201) << added.text;
  EXPECT_THAT(policy_of("f:live").string("Policy"), HasSubstr(arn_ + ":live"));
  EXPECT_EQ(policy_of("f").status, 404);
  EXPECT_EQ(policy_of("f:2").status, 404);
}

}  // namespace
}  // namespace hearth::services::lambda
