#include "services/lambda/lambda_fixture.h"

namespace hearth::services::lambda {
namespace {

namespace json = boost::json;

class PolicyHandlers : public LambdaFixture {
 protected:
  void SetUp() override { ASSERT_EQ(create("f").status, 201); }
  Answer add(const json::object& more, const std::string& name = "f", const std::string& qualifier = "") {
    json::object body{{"Action", "lambda:InvokeFunction"}, {"StatementId", "s3"}, {"Principal", "s3.amazonaws.com"}};
    for (const auto& member : more) body[member.key()] = member.value();
    Request request{.operation = "AddPermission", .labels = {{"FunctionName", name}}, .body = json::serialize(body)};
    if (!qualifier.empty()) request.query = {{"Qualifier", qualifier}};
    return call(std::move(request));
  }
  Answer remove(const std::string& id, const std::string& name = "f",
                std::vector<std::pair<std::string, std::string>> query = {}) {
    return call({.operation = "RemovePermission",
                 .labels = {{"FunctionName", name}, {"StatementId", id}},
                 .query = std::move(query)});
  }
  Answer policy(const std::string& name = "f") {
    return call({.operation = "GetPolicy", .labels = {{"FunctionName", name}}});
  }
};

TEST_F(PolicyHandlers, AStatementIsRenderedAsAwsDoes) {
  const Answer added = add({{"SourceArn", "arn:aws:s3:::test-bucket"}, {"SourceAccount", "123456789012"}});
  EXPECT_EQ(added.status, 201) << added.text;
  EXPECT_EQ(
      added.string("Statement"),
      R"({"Sid":"s3","Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"lambda:InvokeFunction",)"
      R"("Resource":"arn:aws:lambda:us-east-1:123456789012:function:f",)"
      R"("Condition":{"StringEquals":{"AWS:SourceAccount":"123456789012"},"ArnLike":{"AWS:SourceArn":"arn:aws:s3:::test-bucket"}}})");
  const Answer got = policy();
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.string("Policy"),
            R"({"Version":"2012-10-17","Id":"default","Statement":[)" + added.string("Statement") + "]}");
  EXPECT_EQ(got.string("RevisionId"), std::string(get("f").body.at("Configuration").at("RevisionId").as_string()));
}

TEST_F(PolicyHandlers, PrincipalsAreServicesAccountsArnsOrEverybody) {
  const auto principal = [&](const std::string& text, const std::string& id) {
    const Answer added = add({{"Principal", text}, {"StatementId", id}});
    return added.status == 201 ? json::serialize(json::parse(added.string("Statement")).at("Principal"))
                               : added.string("message");
  };
  EXPECT_EQ(principal("logs.amazonaws.com", "a"), R"({"Service":"logs.amazonaws.com"})");
  EXPECT_EQ(principal("999999999999", "b"), R"({"AWS":"arn:aws:iam::999999999999:root"})");
  EXPECT_EQ(principal("arn:aws:iam::999999999999:user/u", "c"), R"({"AWS":"arn:aws:iam::999999999999:user/u"})");
  EXPECT_EQ(principal("*", "d"), R"("*")");
  EXPECT_EQ(principal("invalid.nonaws.com", "e"),
            "The provided principal was invalid. Please check the principal and try again.");
}

TEST_F(PolicyHandlers, AStatementIdIsTakenOnce) {
  add({});
  const Answer again = add({});
  EXPECT_EQ(again.status, 409);
  EXPECT_EQ(again.string("message"),
            "The statement id (s3) provided already exists. Please provide a new statement id, or remove the existing "
            "statement.");
}

TEST_F(PolicyHandlers, WhatDoesNotExistIsRefusedInAwsWords) {
  EXPECT_EQ(add({}, "doesnotexist").string("Message"),
            "Function not found: arn:aws:lambda:us-east-1:123456789012:function:doesnotexist");
  EXPECT_EQ(add({}, "f:alias-doesnotexist").string("Message"),
            "Cannot find alias arn: " + arn_ + ":alias-doesnotexist");
  EXPECT_EQ(add({}, "f", "42").string("Message"), "Function not found: " + arn_ + ":42");
  EXPECT_EQ(add({}, "f", "valid-with-$-but-doesnotexist").string("Message"),
            "Function not found: " + arn_ + ":valid-with-$-but-doesnotexist");
  EXPECT_EQ(add({}, "f:$LATEST", "$LATEST").string("message"),
            "We currently do not support adding policies for $LATEST.");
  EXPECT_EQ(policy("doesnotexist").string("Message"), "The resource you requested does not exist.");
  EXPECT_EQ(policy("f:77").string("Message"), "The resource you requested does not exist.");
  EXPECT_EQ(remove("s3", "doesnotexist").string("Message"),
            "No policy found for: arn:aws:lambda:us-east-1:123456789012:function:doesnotexist");
  EXPECT_EQ(remove("s3").string("Message"), "No policy is associated with the given resource.");
  EXPECT_EQ(remove("s3", "f:alias-doesnotexist").string("Message"),
            "Cannot find alias arn: " + arn_ + ":alias-doesnotexist");
  add({});
  EXPECT_EQ(remove("non-existent").string("Message"), "Statement non-existent is not found in resource policy.");
}

TEST_F(PolicyHandlers, RevisionsGuardBothChanges) {
  add({});
  EXPECT_EQ(add({{"StatementId", "s4"}, {"RevisionId", "wrong"}}).string("message"),
            "The Revision Id provided does not match the latest Revision Id. Call the GetPolicy API to retrieve the "
            "latest Revision Id");
  EXPECT_EQ(remove("s3", "f", {{"RevisionId", "wrong"}}).status, 412);
  EXPECT_EQ(add({{"StatementId", "s4"}, {"RevisionId", policy().string("RevisionId")}}).status, 201);
  EXPECT_EQ(remove("s3", "f", {{"RevisionId", policy().string("RevisionId")}}).status, 204);
}

TEST_F(PolicyHandlers, AfterTheLastStatementThereIsNoPolicy) {
  add({});
  EXPECT_EQ(remove("s3").status, 204);
  EXPECT_EQ(policy().status, 404);
}

TEST_F(PolicyHandlers, APolicyGrowsTo20KilobytesAtMost) {
  Answer last;
  int count = 0;
  for (; count < 200; ++count) {
    last = add({{"StatementId", "s" + std::to_string(count)}, {"SourceArn", "arn:aws:s3:::" + std::string(200, 'b')}});
    if (last.status != 201) break;
  }
  EXPECT_GT(count, 20);
  EXPECT_EQ(last.status, 400);
  EXPECT_THAT(last.string("message"), testing::HasSubstr("is bigger than the limit (20480)."));
}

class TagHandlers : public LambdaFixture {
 protected:
  void SetUp() override { ASSERT_EQ(create("f", {{"Tags", json::object{{"a", "1"}}}}).status, 201); }
  Answer tag(const json::object& tags, const std::string& resource) {
    return call({.operation = "TagResource",
                 .labels = {{"Resource", resource}},
                 .body = json::serialize(json::object{{"Tags", tags}})});
  }
  Answer list(const std::string& resource) {
    return call({.operation = "ListTags", .labels = {{"Resource", resource}}});
  }
};

TEST_F(TagHandlers, TagsAreAddedReplacedAndRemoved) {
  EXPECT_EQ(tag({{"a", "2"}, {"b", "3"}}, arn_).status, 204);
  EXPECT_EQ(list(arn_).text, R"({"Tags":{"a":"2","b":"3"}})");
  EXPECT_EQ(get("f").body.at("Tags").at("b"), "3");
  EXPECT_EQ(call({.operation = "UntagResource",
                  .labels = {{"Resource", arn_}},
                  .query = {{"tagKeys", "a"}, {"tagKeys", "none"}}})
                .status,
            204);
  EXPECT_EQ(list(arn_).text, R"({"Tags":{"b":"3"}})");
}

TEST_F(TagHandlers, AFunctionHasFiftyTagsAtMost) {
  json::object many;
  for (int i = 0; i < 50; ++i) many["k" + std::to_string(i)] = "v";
  EXPECT_EQ(tag(many, arn_).string("message"), "Number of tags exceeds resource tag limit.");
  EXPECT_EQ(list(arn_).text, R"({"Tags":{"a":"1"}})");
  EXPECT_EQ(tag({{"aws:x", "1"}}, arn_).status, 400);
}

TEST_F(TagHandlers, OnlyWholeFunctionsThatExistHaveTags) {
  EXPECT_EQ(list(arn_ + "x").string("Message"), "Function not found: " + arn_ + "x");
  EXPECT_EQ(list(arn_ + ":1").string("message"),
            "Tags on function aliases and versions are not supported. Please specify a function ARN.");
  EXPECT_EQ(
      list("arn:aws:lambda:us-east-1:123456789012:event-source-mapping:12345678-1234-1234-1234-123456789012").status,
      404);
}

}  // namespace
}  // namespace hearth::services::lambda
