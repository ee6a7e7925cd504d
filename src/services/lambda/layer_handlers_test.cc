#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "services/lambda/lambda_fixture.h"
#include "services/lambda/layer_import.h"
#include "services/lambda/layer_policies.h"

namespace hearth::services::lambda {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using functions::LayerVersion;
using testing::ElementsAre;
using testing::HasSubstr;

class LayerHandlersTest : public LambdaFixture {
 protected:
  LayerHandlersTest() { fs::create_directories(root_ + "/imports"); }

  Answer publish(const std::string& name, const json::object& more = {}, const std::string& zip = some_zip()) {
    json::object body{{"Content", json::object{{"ZipFile", base64_encode(zip)}}}};
    for (const auto& member : more) body[member.key()] = member.value();
    return call({.operation = "PublishLayerVersion", .labels = {{"LayerName", name}}, .body = json::serialize(body)});
  }
  Answer get_layer(const std::string& name, const std::string& number) {
    return call({.operation = "GetLayerVersion", .labels = {{"LayerName", name}, {"VersionNumber", number}}});
  }
  Answer remove_layer(const std::string& name, const std::string& number) {
    return call({.operation = "DeleteLayerVersion", .labels = {{"LayerName", name}, {"VersionNumber", number}}});
  }
  Answer permit(const std::string& name, const std::string& statement, const std::string& principal,
                const json::object& more = {}, const std::string& revision = {}) {
    json::object body{{"StatementId", statement}, {"Action", "lambda:GetLayerVersion"}, {"Principal", principal}};
    for (const auto& member : more) body[member.key()] = member.value();
    std::vector<std::pair<std::string, std::string>> query;
    if (!revision.empty()) query = {{"RevisionId", revision}};
    return call({.operation = "AddLayerVersionPermission",
                 .labels = {{"LayerName", name}, {"VersionNumber", "1"}},
                 .query = std::move(query),
                 .body = json::serialize(body)});
  }
  void act_as(const std::string& account) {
    context_.account = account;
    context_.caller.arn = "arn:aws:iam::" + account + ":root";
  }
  // The refusal of a function with these layers.
  std::string refusal(const json::array& layers, int status = 400) {
    const Answer answer = create("refused", {{"Layers", layers}});
    EXPECT_EQ(answer.status, status) << answer.text;
    const std::string lower = answer.string("message");
    return lower.empty() ? answer.string("Message") : lower;
  }
  static std::string arn(const std::string& rest, const std::string& account = "123456789012") {
    return "arn:aws:lambda:us-east-1:" + account + ":layer:" + rest;
  }
};

TEST_F(LayerHandlersTest, APublishedVersionIsShownWithAllThatWasSaidOfIt) {
  const Answer made = publish("l", {{"Description", "d"},
                                    {"LicenseInfo", "MIT"},
                                    {"CompatibleRuntimes", {"python3.11"}},
                                    {"CompatibleArchitectures", {"x86_64", "arm64"}}});
  EXPECT_EQ(made.status, 201) << made.text;
  EXPECT_EQ(made.string("LayerArn"), arn("l"));
  EXPECT_EQ(made.string("LayerVersionArn"), arn("l:1"));
  EXPECT_EQ(json::value_to<std::string>(made.body.at("Content").at("CodeSha256")), base64_encode(sha256(some_zip())));
  EXPECT_THAT(made.string("CreatedDate"), testing::MatchesRegex("....-..-..T..:..:..\\....\\+0000"));
  EXPECT_EQ(get_layer("l", "1").body, made.body);
  EXPECT_EQ(get_layer(arn("l"), "1").body, made.body);
  EXPECT_EQ(call({.operation = "GetLayerVersionByArn", .query = {{"Arn", arn("l:1")}}}).body, made.body);
  EXPECT_EQ(authorizer_.asked, "lambda:GetLayerVersion " + arn("l:1"));
  const Answer bare = publish("bare");
  EXPECT_THAT(bare.keys(),
              ElementsAre("Content", "CreatedDate", "Description", "LayerArn", "LayerVersionArn", "Version"));
}

TEST_F(LayerHandlersTest, APackageThatCannotBeReadIsRefusedAndTakesNoNumber) {
  EXPECT_THAT(publish("l", {}, "no zip").text, HasSubstr("Could not unzip uploaded file."));
  EXPECT_THAT(publish("l", {{"Content", json::object{}}}).text, HasSubstr("Please provide a source"));
  EXPECT_THAT(publish("l", {{"Content", json::object{{"S3Bucket", "bucket"}, {"S3Key", "k"}}}}).text,
              HasSubstr("NoSuchBucket"));
  EXPECT_EQ(publish("l").string("LayerVersionArn"), arn("l:1"));
}

TEST_F(LayerHandlersTest, LayersOfAnotherAccountAreChangedByItAlone) {
  for (const Answer& answer : {publish(arn("l", "999999999999")), remove_layer(arn("l", "999999999999"), "1")}) {
    EXPECT_EQ(answer.status, 403);
    EXPECT_THAT(answer.text, HasSubstr("because no resource-based policy allows"));
  }
}

TEST_F(LayerHandlersTest, ListsHaveFiltersAndPages) {
  publish("a", {{"CompatibleRuntimes", {"python3.11"}}});
  publish("a");
  publish("b", {{"CompatibleArchitectures", {"arm64"}}});
  const auto names = [&](std::vector<std::pair<std::string, std::string>> query) {
    const Answer answer = call({.operation = "ListLayers", .query = std::move(query)});
    std::string all;
    for (const auto& layer : answer.body.at("Layers").as_array()) {
      all +=
          json::value_to<std::string>(layer.at("LatestMatchingVersion").at("LayerVersionArn")).substr(arn("").size()) +
          " ";
    }
    return all + answer.string("NextMarker");
  };
  EXPECT_EQ(names({}), "a:2 b:1 ");
  EXPECT_EQ(names({{"CompatibleRuntime", "python3.11"}}), "a:1 ");
  EXPECT_EQ(names({{"CompatibleArchitecture", "arm64"}}), "b:1 ");
  EXPECT_EQ(names({{"MaxItems", "1"}}), "a:2 " + base64_encode("a"));
  EXPECT_EQ(names({{"Marker", base64_encode("a")}}), "b:1 ");
  const Answer versions =
      call({.operation = "ListLayerVersions", .labels = {{"LayerName", "a"}}, .query = {{"MaxItems", "1"}}});
  EXPECT_EQ(versions.body.at("LayerVersions").at(0).at("Version"), 2);
  EXPECT_EQ(versions.string("NextMarker"), base64_encode("2"));
}

TEST_F(LayerHandlersTest, PermissionsOfAVersionHaveARevisionOfTheirOwn) {
  publish("l");
  const Answer added = permit("l", "s", "*", {{"OrganizationId", "o-1234567890"}});
  ASSERT_EQ(added.status, 201) << added.text;
  EXPECT_THAT(added.string("Statement"),
              HasSubstr(R"("Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1234567890"}})"));
  EXPECT_EQ(permit("l", "t", "*", {}, "another").status, 412);
  const Answer second = permit("l", "t", "*", {}, added.string("RevisionId"));
  EXPECT_EQ(second.status, 201) << second.text;
  EXPECT_NE(second.string("RevisionId"), added.string("RevisionId"));
  const auto remove = [&](const std::string& statement) {
    return call({.operation = "RemoveLayerVersionPermission",
                 .labels = {{"LayerName", "l"}, {"VersionNumber", "1"}, {"StatementId", statement}}});
  };
  EXPECT_EQ(remove("s").status, 204);
  EXPECT_EQ(remove("t").status, 204);
  EXPECT_THAT(remove("t").text, HasSubstr("No policy is associated with the given resource."));
}

TEST_F(LayerHandlersTest, AFunctionShowsItsLayersAndKeepsThemWhenTheyAreDeleted) {
  publish("l");
  const Answer made = create("f", {{"Layers", {arn("l:1")}}});
  ASSERT_EQ(made.status, 201) << made.text;
  const std::string shown =
      json::serialize(json::array{json::object{{"Arn", arn("l:1")}, {"CodeSize", some_zip().size()}}});
  EXPECT_EQ(json::serialize(made.body.at("Layers")), shown);
  EXPECT_EQ(remove_layer("l", "1").status, 204);
  reopen();
  EXPECT_EQ(json::serialize(get("f").body.at("Configuration").at("Layers")), shown);
  EXPECT_EQ(refusal({arn("l:1")}), "Layer version " + arn("l:1") + " does not exist.");
}

TEST_F(LayerHandlersTest, WhatCannotBeAFunctionsLayersIsRefusedInAwsWords) {
  publish("l");
  publish("l");
  EXPECT_EQ(refusal({arn("l:1"), arn("l:2")}),
            "Two different versions of the same layer are not allowed to be referenced in the same function. " +
                arn("l:1") + " and " + arn("l:2") + " are versions of the same layer.");
  EXPECT_THAT(refusal({"arn:aws:lambda:us-east-2:123456789012:layer:l:1"}),
              HasSubstr("Layers are expected to be in region us-east-1."));
  EXPECT_EQ(refusal({"arn:aws:lambda:::awslayer:AmazonLinux1803"}),
            "Layer version arn:aws:lambda:::awslayer:AmazonLinux1803 does not exist.");
  EXPECT_EQ(refusal({arn("l:99999999999999999999999")}),
            "Layer version " + arn("l:99999999999999999999999") + " does not exist.");
  EXPECT_THAT(warnings_.back(), HasSubstr("hearth layer import FILE --arn"));
}

TEST_F(LayerHandlersTest, AnotherAccountUsesALayerThatItsPolicyAllows) {
  act_as("999999999999");
  publish("l");
  act_as("123456789012");
  const std::string other = arn("l:1", "999999999999");
  EXPECT_EQ(refusal({other}, 403),
            "User: arn:aws:iam::123456789012:root is not authorized to perform: "
            "lambda:GetLayerVersion on resource: " +
                other + " because no resource-based policy allows the lambda:GetLayerVersion action");
  EXPECT_EQ(get_layer(arn("l", "999999999999"), "1").status, 403);
  act_as("999999999999");
  permit("l", "other", "arn:aws:iam::111111111111:root");
  permit("l", "organization", "*", {{"OrganizationId", "o-1234567890"}});
  act_as("123456789012");
  refusal({other}, 403);
  act_as("999999999999");
  permit("l", "right", "123456789012");
  act_as("123456789012");
  EXPECT_EQ(create("f", {{"Layers", {other}}}).status, 201);
  EXPECT_EQ(get_layer(arn("l", "999999999999"), "1").status, 200);
}

TEST_F(LayerHandlersTest, ThePolicyThatDecidesIsTheVersionsOwnAndImportedOnesAreForEverybody) {
  publish("l");
  LayerVersion imported = *layers_->find({"123456789012", "us-east-1", "l"}, 1);
  imported.number = 5;
  imported.origin = functions::LayerOrigin::kImported;
  ASSERT_TRUE(layers_->put_imported(imported));
  const LayerPolicies policies(*layers_);
  const auto has_policy = [&](const std::string& resource) {
    const auto facts = policies.facts_of("lambda:GetLayerVersion", resource);
    return facts && facts->policy;
  };
  EXPECT_FALSE(has_policy(arn("l:1")));
  permit("l", "s", "*");
  EXPECT_TRUE(has_policy(arn("l:1")));
  EXPECT_TRUE(has_policy(arn("l:5")));
  EXPECT_TRUE(has_policy(arn("not_yet_imported:1", "999999999999")));
  EXPECT_FALSE(policies.facts_of("lambda:GetLayerVersion", arn("l")));
  EXPECT_FALSE(policies.facts_of("lambda:GetFunction", arn_));
}

TEST_F(LayerHandlersTest, AnImportedLayerIsTakenInWhenItIsAskedFor) {
  const std::string foreign = "arn:aws:lambda:eu-west-1:017000801446:layer:Powertools:7";
  EXPECT_THAT(refusal({foreign}, 403), HasSubstr("hearth layer import FILE --arn " + foreign));
  ASSERT_TRUE(leave_import(root_ + "/imports", foreign, some_zip()));
  EXPECT_EQ(create("f", {{"Layers", {foreign}}}).status, 201);
  EXPECT_TRUE(fs::is_empty(root_ + "/imports"));
  reopen();
  EXPECT_EQ(create("g", {{"Layers", {foreign}}}).status, 201);
  // A second import takes the place of the first, for functions made from now on.
  ASSERT_TRUE(leave_import(root_ + "/imports", foreign, some_zip("other")));
  const Answer got = call({.operation = "GetLayerVersionByArn", .query = {{"Arn", foreign}}});
  EXPECT_EQ(json::value_to<std::string>(got.body.at("Content").at("CodeSha256")),
            base64_encode(sha256(some_zip("other"))));
}

TEST_F(LayerHandlersTest, OnlyAReadablePackageUnderTheArnOfAVersionCanBeImported) {
  const std::string folder = root_ + "/imports";
  EXPECT_FALSE(leave_import(folder, arn("l:1"), "no zip"));
  for (const std::string& wrong :
       {arn("l"), arn("l:0"), arn("l:x"), arn("../../l:1"), arn("l:1", "12"), std::string("arn:aws:lambda:::layer:l:1"),
        std::string("arn:aws-cn:lambda:us-east-1:123456789012:layer:l:1"), std::string("l:1"), std::string()}) {
    EXPECT_FALSE(leave_import(folder, wrong, some_zip())) << wrong;
  }
  EXPECT_TRUE(fs::is_empty(folder));
  ASSERT_TRUE(leave_import(folder, arn("l:3"), some_zip()));
  std::ofstream(import_path(folder, *parse_layer_arn(arn("l:3")))) << "damaged";
  EXPECT_THAT(refusal({arn("l:3")}), HasSubstr("Could not unzip"));
}

TEST_F(LayerHandlersTest, AnotherListOfLayersIsAnotherVersionAndVersionsKeepTheirs) {
  publish("l");
  create("f");
  const auto publish_version = [&] {
    return call({.operation = "PublishVersion", .labels = {{"FunctionName", "f"}}, .body = "{}"});
  };
  EXPECT_EQ(publish_version().string("Version"), "1");
  call({.operation = "UpdateFunctionConfiguration",
        .labels = {{"FunctionName", "f"}},
        .body = json::serialize(json::object{{"Layers", json::array{arn("l:1")}}})});
  const Answer second = publish_version();
  EXPECT_EQ(second.string("Version"), "2");
  EXPECT_EQ(second.body.at("Layers").as_array().size(), 1U);
  EXPECT_EQ(publish_version().string("Version"), "2");
  EXPECT_FALSE(get("f:1").body.at("Configuration").as_object().contains("Layers"));
}

TEST_F(LayerHandlersTest, ContentIsCollectedWhenNeitherALayerNorAFunctionNorAVersionHasIt) {
  for (const char* name : {"published", "of_latest", "of_version", "of_nobody"}) publish(name, {}, some_zip(name));
  ASSERT_EQ(create("f", {{"Layers", {arn("of_version:1"), arn("published:1")}}, {"Publish", true}}).status, 201);
  ASSERT_EQ(create("g", {{"Layers", {arn("of_latest:1")}}}).status, 201);
  for (const char* name : {"of_latest", "of_version", "of_nobody"}) remove_layer(name, "1");
  const auto update = [&](const json::array& layers) {
    return call({.operation = "UpdateFunctionConfiguration",
                 .labels = {{"FunctionName", "f"}},
                 .body = json::serialize(json::object{{"Layers", layers}})});
  };
  ASSERT_EQ(update({}).status, 200);
  reopen();  // the first collection after a start has no scruples
  service_->start();
  loop_.spawn(service_->stop());
  loop_.run();
  const auto kept = [&](const std::string& text) { return blobs_.has({hex_encode(sha256(some_zip(text)))}); };
  EXPECT_TRUE(kept("published") && kept("of_latest") && kept("of_version"));
  EXPECT_FALSE(kept("of_nobody"));
  const auto version = registry_->find({"123456789012", "us-east-1", "f"}, "1");
  EXPECT_TRUE(
      fs::exists(root_ + "/trees/" + functions::merged_tree_id(functions::packages_of(version->layers))->sha256_hex));
}

TEST_F(LayerHandlersTest, LayersAndCodeHaveALimitTogether) {
  functions::CodeLimits limits;
  limits.unpacked = ByteCount{1000};
  codes_.emplace(loop_, pool_, blobs_, root_ + "/small", limits);
  publish("l", {}, some_zip(std::string(600, 'x')));
  publish("m", {}, some_zip(std::string(600, 'y')));
  EXPECT_EQ(refusal({arn("l:1"), arn("m:1")}), "Layers consume more than the available size of 1000 bytes");
  const json::object code{{"ZipFile", base64_encode(some_zip(std::string(500, 'z')))}};
  const Answer answer = create("f", {{"Layers", {arn("l:1")}}, {"Code", code}});
  EXPECT_EQ(
      answer.string("message"),
      "Function code combined with layers exceeds the maximum allowed size of 1000 bytes. The actual size is 1100 "
      "bytes.");
}

TEST(LayerNames, AnArnIsShortEnoughForTheNameOfAFile) {
  const auto layer_of = [](std::size_t region_length) {
    return "arn:aws:lambda:" + std::string(region_length, 'r') + ":123456789012:layer:l:1";
  };
  EXPECT_TRUE(parse_layer_arn(layer_of(32)));
  EXPECT_FALSE(parse_layer_arn(layer_of(33)));
}

}  // namespace
}  // namespace hearth::services::lambda
