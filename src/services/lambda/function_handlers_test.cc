#include "services/lambda/lambda_fixture.h"

namespace hearth::services::lambda {
namespace {

namespace json = boost::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

class FunctionHandlers : public LambdaFixture {
 protected:
  Answer update_configuration(const json::object& body, const std::string& name = "f") {
    return call({.operation = "UpdateFunctionConfiguration",
                 .labels = {{"FunctionName", name}},
                 .body = json::serialize(body)});
  }
  Answer update_code(json::object body) {
    if (!body.contains("ZipFile") && !body.contains("S3Bucket")) body["ZipFile"] = base64_encode(some_zip("# v2\n"));
    return call({.operation = "UpdateFunctionCode", .labels = {{"FunctionName", "f"}}, .body = json::serialize(body)});
  }
  // The message of a CreateFunction that must be refused with `code`.
  std::string refusal(const json::object& more, const std::string& code = "InvalidParameterValueException") {
    const Answer answer = create("f", more);
    EXPECT_THAT(answer.header("x-amzn-ErrorType"), StartsWith(code)) << answer.text;
    EXPECT_EQ(registry_->count(), 0U);
    return answer.body.contains("message") ? answer.string("message") : answer.string("Message");
  }
};

TEST_F(FunctionHandlers, CreateAnswersPendingAndThenTheFunctionIsActive) {
  const Answer created = create("f", {{"Environment", json::object{{"Variables", json::object{}}}}});
  EXPECT_EQ(created.status, 201) << created.text;
  EXPECT_THAT(created.keys(),
              ElementsAre("Architectures", "CodeSha256", "CodeSize", "Description", "Environment", "EphemeralStorage",
                          "FunctionArn", "FunctionName", "Handler", "LastModified", "LoggingConfig", "MemorySize",
                          "PackageType", "RevisionId", "Role", "Runtime", "RuntimeVersionConfig", "SnapStart", "State",
                          "StateReason", "StateReasonCode", "Timeout", "TracingConfig", "Version"));
  EXPECT_EQ(created.string("State"), "Pending");
  EXPECT_EQ(created.string("StateReason"), "The function is being created.");
  EXPECT_EQ(created.string("FunctionArn"), arn_);
  EXPECT_EQ(created.string("CodeSha256"), base64_encode(sha256(some_zip())));
  EXPECT_THAT(created.string("LastModified"), testing::MatchesRegex("....-..-..T..:..:......[+]0000"));

  const Answer got = get("f");
  EXPECT_EQ(got.status, 200);
  EXPECT_THAT(got.keys(), ElementsAre("Code", "Configuration"));
  const auto& configuration = got.body.at("Configuration").as_object();
  EXPECT_EQ(configuration.at("State"), "Active");
  EXPECT_EQ(configuration.at("LastUpdateStatus"), "Successful");
  EXPECT_FALSE(configuration.contains("StateReason"));
  EXPECT_EQ(got.body.at("Code").at("Location").as_string(),
            "http://127.0.0.1:4566/code/" + hex_encode(sha256(some_zip())));
  EXPECT_EQ(got.body.at("Code").at("RepositoryType"), "S3");
  EXPECT_EQ(authorizer_.asked, "lambda:GetFunction " + arn_);
}

TEST_F(FunctionHandlers, AllFormsOfANameMeanTheSameFunction) {
  create("f");
  for (const std::string name :
       {"f", "f:$LATEST", "123456789012:function:f", "function:f", "us-east-1:123456789012:function:f",
        "arn:aws:lambda:us-east-1:123456789012:function:f",
        "arn:aws:lambda:us-east-1:123456789012:function:f:$LATEST"}) {
    const Answer got = get(name);
    ASSERT_EQ(got.status, 200) << name << got.text;
    EXPECT_EQ(got.body.at("Configuration").at("FunctionArn").as_string(),
              name.ends_with("$LATEST") ? arn_ + ":$LATEST" : arn_)
        << name;
  }
}

TEST_F(FunctionHandlers, UnknownNamesAndQualifiersAreNotFoundByTheirArn) {
  const Answer missing = get("f");
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(missing.string("Message"), "Function not found: " + arn_);
  EXPECT_EQ(missing.string("Type"), "User");
  create("f");
  EXPECT_EQ(get("f:7").string("Message"), "Function not found: " + arn_ + ":7");
  const Answer alias = call(
      {.operation = "GetFunctionConfiguration", .labels = {{"FunctionName", "f"}}, .query = {{"Qualifier", "live"}}});
  EXPECT_EQ(alias.string("Message"), "Function not found: " + arn_ + ":live");
}

TEST_F(FunctionHandlers, OtherRegionsAndAccountsAreRefused) {
  EXPECT_EQ(create("arn:aws:lambda:ap-southeast-1:123456789012:function:f").string("Message"),
            "Functions from 'ap-southeast-1' are not reachable in this region ('us-east-1')");
  const Answer foreign = create("arn:aws:lambda:us-east-1:999999999999:function:f");
  EXPECT_EQ(foreign.status, 403);
  EXPECT_THAT(foreign.header("x-amzn-ErrorType"), StartsWith("AccessDeniedException"));
}

TEST_F(FunctionHandlers, TwoQualifiersMustAgree) {
  create("f");
  const Answer answer =
      call({.operation = "GetFunction", .labels = {{"FunctionName", "f:1"}}, .query = {{"Qualifier", "2"}}});
  EXPECT_EQ(answer.string("message"),
            "The derived qualifier from the function name does not match the specified qualifier.");
}

TEST_F(FunctionHandlers, ANameIsCreatedOnce) {
  create("f");
  const Answer again = create("f");
  EXPECT_EQ(again.status, 409);
  EXPECT_EQ(again.string("message"), "Function already exist: f");
}

TEST_F(FunctionHandlers, PackagesAreRefusedInAwsWords) {
  const auto code = [](const std::string& bytes) {
    return json::object{{"Code", json::object{{"ZipFile", base64_encode(bytes)}}}};
  };
  EXPECT_EQ(refusal(code("no zip")),
            "Could not unzip uploaded file. Please check your file, then try to upload again.");
  EXPECT_EQ(refusal({{"Code", json::object{}}}), "Please provide a source for function code.");
  EXPECT_EQ(refusal({{"Code", json::object{{"S3Bucket", "some-bucket"}, {"S3Key", "x.zip"}}}}),
            "Error occurred while GetObject. S3 Error Code: NoSuchBucket. S3 Error Message: The specified bucket does "
            "not exist");
  EXPECT_THAT(refusal({{"Code", json::object{{"ImageUri", "repo:tag"}}}}), HasSubstr("ImageUri"));
}

TEST_F(FunctionHandlers, ALargeRequestIsDecodedOnThePoolAndAnsweredAlike) {
  std::string noise(400'000, ' ');
  for (std::size_t i = 0; i < noise.size(); ++i) noise[i] = static_cast<char>(i * i >> 7);
  const std::string zip = functions::ZipBuilder().add("index.py", "").add("noise", noise).finish();
  const Answer created = create("f", {{"Code", json::object{{"ZipFile", base64_encode(zip)}}}});
  EXPECT_EQ(created.status, 201) << created.text;
  EXPECT_EQ(created.string("CodeSha256"), base64_encode(sha256(zip)));
  const Answer bad = create("g", {{"Code", json::object{{"ZipFile", base64_encode(zip)}}}, {"Role", "r1"}});
  EXPECT_THAT(bad.string("message"), HasSubstr("Value 'r1' at 'role' failed to satisfy constraint"));
}

TEST_F(FunctionHandlers, MembersWithoutAnEngineAreRefusedByName) {
  EXPECT_EQ(refusal({{"VpcConfig", json::object{{"SubnetIds", {"subnet-0123456789abcdef0"}},
                                                {"SecurityGroupIds", {"sg-0123456789abcdef0"}}}}}),
            "Error occurred while DescribeSubnets. EC2 Error Code: InvalidSubnetID.NotFound. EC2 Error Message: The "
            "subnet ID 'subnet-0123456789abcdef0' "
            "does not exist");
  EXPECT_THAT(refusal({{"Layers", {"arn:aws:lambda:us-east-1:123456789012:layer:l:1"}}}),
              HasSubstr("layer:l:1 does not exist"));
  EXPECT_THAT(refusal({{"KMSKeyArn", "arn:aws:kms:us-east-1:123456789012:key/k"}}), HasSubstr("KMSKeyArn"));
  EXPECT_THAT(refusal({{"TracingConfig", json::object{{"Mode", "Active"}}}}), HasSubstr("TracingConfig"));
  EXPECT_THAT(refusal({{"DeadLetterConfig", json::object{{"TargetArn", "arn:aws:sqs:us-east-1:123456789012:q"}}}}),
              HasSubstr("DeadLetterConfig"));
  EXPECT_THAT(
      refusal({{"FileSystemConfigs",
                {json::object{
                    {"Arn", "arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/fsap-12345678901234567"},
                    {"LocalMountPath", "/mnt/a"}}}}}),
      HasSubstr("FileSystemConfigs"));
  EXPECT_THAT(refusal({{"SnapStart", json::object{{"ApplyOn", "PublishedVersions"}}}}), HasSubstr("SnapStart"));
  EXPECT_THAT(refusal({{"PackageType", "Image"}}), HasSubstr("PackageType"));
  EXPECT_THAT(refusal({{"PublishTo", "LATEST_PUBLISHED"}}), HasSubstr("PublishTo"));
  EXPECT_THAT(refusal({{"CodeSigningConfigArn",
                        "arn:aws:lambda:us-east-1:123456789012:code-signing-config:csc-0123456789abcdef0"}},
                      "CodeSigningConfigNotFoundException"),
              HasSubstr("csc-0123456789abcdef0"));
  json::object no_runtime = create_body("f");
  no_runtime.erase("Runtime");
  EXPECT_EQ(call({.operation = "CreateFunction", .body = json::serialize(no_runtime)}).string("message"),
            "Runtime and Handler are mandatory parameters for functions created with deployment packages.");
}

TEST_F(FunctionHandlers, MembersThatMeanNoneAreAccepted) {
  const Answer created =
      create("f", {{"VpcConfig", json::object{{"SubnetIds", json::array{}}, {"SecurityGroupIds", json::array{}}}},
                   {"Layers", json::array{}},
                   {"KMSKeyArn", ""},
                   {"TracingConfig", json::object{{"Mode", "PassThrough"}}},
                   {"SnapStart", json::object{{"ApplyOn", "None"}}},
                   {"PackageType", "Zip"},
                   {"Publish", false}});
  EXPECT_EQ(created.status, 201) << created.text;
}

TEST_F(FunctionHandlers, TooManyTagsAndReservedVariablesAreRefused) {
  json::object tags;
  for (int i = 0; i < 51; ++i) tags[std::to_string(i) + "_key"] = "v";
  EXPECT_EQ(refusal({{"Tags", tags}}), "Number of tags exceeds resource tag limit.");
  EXPECT_THAT(refusal({{"Environment",
                        json::object{{"Variables", json::object{{"AWS_REGION", "x"}, {"LAMBDA_TASK_ROOT", "y"}}}}}}),
              HasSubstr("Reserved keys used in this request: AWS_REGION, LAMBDA_TASK_ROOT"));
  EXPECT_THAT(
      refusal({{"Environment", json::object{{"Variables", json::object{{"LARGE_VAR", std::string(5000, 'x')}}}}}}),
      HasSubstr("exceeded the 4KB limit. String measured: {\"LARGE_VAR\":\"xxx"));
}

TEST_F(FunctionHandlers, ARuntimeThatIsNotHereIsRefusedWithHowToGetIt) {
  EXPECT_THAT(refusal({{"Runtime", "java21"}}), HasSubstr("apt-get install default-jdk-headless"));
}

TEST_F(FunctionHandlers, ARuntimeThatIsNotTheExactOneIsSaidAloud) {
  create("f", {{"Runtime", "python3.12"}});
  EXPECT_THAT(warnings_, ElementsAre("python3.12 runs on Python 3.11.2 (/usr/bin/python3)"));
}

TEST_F(FunctionHandlers, Arm64RunsHereAndIsSaidAloud) {
  const Answer created = create("f", {{"Architectures", {"arm64"}}});
  EXPECT_EQ(created.body.at("Architectures").at(0), "arm64");
  EXPECT_THAT(warnings_, ElementsAre(HasSubstr("arm64")));
}

TEST_F(FunctionHandlers, ARoleThatLambdaCannotAssumeIsRefused) {
  roles_.answer = RoleAnswer::kMissing;
  EXPECT_EQ(refusal({}), "The role defined for the function cannot be assumed by Lambda.");
  roles_.answer = RoleAnswer::kAssumable;
  EXPECT_EQ(refusal({{"Role", "arn:aws:iam::999999999999:role/r"}}, "AccessDeniedException"),
            "Cross-account pass role is not allowed.");
  EXPECT_EQ(create("f").status, 201);
}

TEST_F(FunctionHandlers, AConfigurationUpdateIsInProgressAndThenSuccessful) {
  create("f");
  const Answer updated =
      update_configuration({{"Runtime", "python3.11"},
                            {"Description", "Changed"},
                            {"MemorySize", 512},
                            {"Timeout", 10},
                            {"Environment", json::object{{"Variables", json::object{{"ENV_A", "a"}}}}}});
  EXPECT_EQ(updated.status, 200) << updated.text;
  EXPECT_EQ(updated.string("State"), "Active");
  EXPECT_EQ(updated.string("LastUpdateStatus"), "InProgress");
  EXPECT_EQ(updated.string("LastUpdateStatusReason"), "The function is being created.");
  EXPECT_EQ(updated.string("LastUpdateStatusReasonCode"), "Creating");
  EXPECT_EQ(updated.string("Description"), "Changed");
  EXPECT_EQ(updated.string("Handler"), "index.handler");
  const auto configuration = get("f").body.at("Configuration").as_object();
  EXPECT_EQ(configuration.at("LastUpdateStatus"), "Successful");
  EXPECT_FALSE(configuration.contains("LastUpdateStatusReason"));
  EXPECT_EQ(configuration.at("MemorySize"), 512);
  EXPECT_EQ(configuration.at("Environment").at("Variables").at("ENV_A"), "a");
}

TEST_F(FunctionHandlers, UpdatesOfWhatDoesNotExistAreNotFound) {
  EXPECT_EQ(update_configuration({}).string("Message"), "Function not found: " + arn_);
  EXPECT_EQ(update_code({}).string("Message"), "Function not found: " + arn_);
  create("f");
  EXPECT_EQ(update_configuration({}, "f:3").string("Message"), "Function not found: " + arn_ + ":3");
}

TEST_F(FunctionHandlers, ACodeUpdateChangesTheHashAndTheRevision) {
  const Answer created = create("f");
  const Answer updated = update_code({});
  EXPECT_EQ(updated.status, 200) << updated.text;
  EXPECT_EQ(updated.string("LastUpdateStatus"), "InProgress");
  EXPECT_NE(updated.string("CodeSha256"), created.string("CodeSha256"));
  EXPECT_NE(updated.string("RevisionId"), created.string("RevisionId"));
  EXPECT_EQ(get("f").body.at("Configuration").at("CodeSha256").as_string(), updated.string("CodeSha256"));
}

TEST_F(FunctionHandlers, ADryRunOfACodeUpdateChangesNothing) {
  create("f");
  const auto before = registry_->latest({"123456789012", "us-east-1", "f"});
  const Answer dry = update_code({{"DryRun", true}});
  EXPECT_EQ(dry.status, 200) << dry.text;
  EXPECT_NE(dry.string("CodeSha256"), before->code.sha256_base64);
  EXPECT_EQ(registry_->latest({"123456789012", "us-east-1", "f"}), before);
}

TEST_F(FunctionHandlers, AWrongRevisionIsAFailedPrecondition) {
  create("f");
  for (const Answer& answer :
       {update_code({{"RevisionId", "wrong"}}), update_configuration({{"RevisionId", "wrong"}})}) {
    EXPECT_EQ(answer.status, 412);
    EXPECT_THAT(answer.string("message"),
                StartsWith("The Revision Id provided does not match the latest Revision Id."));
  }
}

TEST_F(FunctionHandlers, ChangesWhileAnUpdateRunsConflict) {
  create("f");
  ASSERT_TRUE(registry_->update({"123456789012", "us-east-1", "f"}, std::nullopt, [](functions::FunctionVersion&) {}));
  const Answer answer = update_configuration({{"Timeout", 9}});
  EXPECT_EQ(answer.status, 409);
  EXPECT_EQ(answer.string("message"),
            "The operation cannot be performed at this time. An update is in progress for resource: " + arn_);
}

TEST_F(FunctionHandlers, DeleteAnswers204AndTheFunctionIsGone) {
  create("f");
  const auto remove = [&](const std::string& name) {
    return call({.operation = "DeleteFunction", .labels = {{"FunctionName", name}}});
  };
  EXPECT_EQ(remove("f:$LATEST").string("message"), "$LATEST version cannot be deleted without deleting the function.");
  const Answer removed = remove("f");
  EXPECT_EQ(removed.status, 204);
  EXPECT_EQ(removed.text, "");
  EXPECT_EQ(remove("f").string("Message"), "Function not found: " + arn_);
}

TEST_F(FunctionHandlers, ListingPagesThroughFunctionsWithoutTheirStates) {
  for (const char* name : {"c", "a", "b"}) create(name);
  const Answer first = call({.operation = "ListFunctions", .query = {{"MaxItems", "2"}}});
  ASSERT_EQ(first.body.at("Functions").as_array().size(), 2U);
  EXPECT_EQ(first.body.at("Functions").at(0).at("FunctionName"), "a");
  EXPECT_FALSE(first.body.at("Functions").at(0).as_object().contains("State"));
  const Answer second =
      call({.operation = "ListFunctions",
            .query = {{"MaxItems", "2"}, {"Marker", first.string("NextMarker")}, {"FunctionVersion", "ALL"}}});
  ASSERT_EQ(second.body.at("Functions").as_array().size(), 1U);
  EXPECT_EQ(second.body.at("Functions").at(0).at("FunctionArn").as_string(),
            "arn:aws:lambda:us-east-1:123456789012:function:c:$LATEST");
  EXPECT_FALSE(second.body.contains("NextMarker"));
  EXPECT_THAT(call({.operation = "ListFunctions", .query = {{"Marker", "?"}}}).string("message"), HasSubstr("marker"));
}

TEST_F(FunctionHandlers, TheOnlyVersionIsLatest) {
  create("f");
  const Answer versions = call({.operation = "ListVersionsByFunction", .labels = {{"FunctionName", "f"}}});
  ASSERT_EQ(versions.body.at("Versions").as_array().size(), 1U) << versions.text;
  EXPECT_EQ(versions.body.at("Versions").at(0).at("FunctionArn").as_string(), arn_ + ":$LATEST");
  EXPECT_EQ(versions.body.at("Versions").at(0).at("Version"), "$LATEST");
}

TEST_F(FunctionHandlers, WhatTerraformReadsAfterCreateIsAsWithNothingConfigured) {
  create("f");
  const auto read = [&](const std::string& operation) {
    return call({.operation = operation, .labels = {{"FunctionName", "f"}}});
  };
  EXPECT_EQ(read("GetFunctionCodeSigningConfig").text, "{}");
  EXPECT_EQ(read("GetFunctionConcurrency").text, "{}");
  EXPECT_EQ(read("GetRuntimeManagementConfig").string("UpdateRuntimeOn"), "Auto");
  EXPECT_EQ(read("GetPolicy").status, 404);
  const Answer account = call({.operation = "GetAccountSettings"});
  EXPECT_EQ(account.body.at("AccountUsage").at("FunctionCount"), 1);
  EXPECT_EQ(account.body.at("AccountLimit").at("ConcurrentExecutions"), 1000);
}

TEST_F(FunctionHandlers, WhatACrashLeftPendingIsSettledAtTheNextStart) {
  create("f");
  const functions::FunctionKey key{"123456789012", "us-east-1", "f"};
  ASSERT_TRUE(
      registry_->update(key, std::nullopt, [](functions::FunctionVersion& function) { function.memory_mib = 300; }));
  std::filesystem::remove_all(root_ + "/trees");
  reopen();
  EXPECT_EQ(registry_->latest(key)->update_status, functions::UpdateStatus::kInProgress);
  ASSERT_TRUE(service_->load());
  service_->start();
  loop_.spawn(service_->stop());
  loop_.run();
  EXPECT_EQ(registry_->latest(key)->update_status, functions::UpdateStatus::kSuccessful);
  EXPECT_EQ(registry_->running(key)->memory_mib, 300U);
  EXPECT_TRUE(std::filesystem::exists(root_ + "/trees/" + registry_->latest(key)->code.blob.sha256_hex + "/index.py"));
}

TEST_F(FunctionHandlers, AFunctionWhosePackageIsLostFailsWithAReason) {
  create("f");
  const functions::FunctionKey key{"123456789012", "us-east-1", "f"};
  ASSERT_TRUE(registry_->update(key, std::nullopt, [](functions::FunctionVersion&) {}));
  ASSERT_TRUE(blobs_.remove(registry_->latest(key)->code.blob));
  std::filesystem::remove_all(root_ + "/trees");
  reopen();
  ASSERT_TRUE(service_->load());
  service_->start();
  loop_.spawn(service_->stop());
  loop_.run();
  EXPECT_EQ(registry_->latest(key)->update_status, functions::UpdateStatus::kFailed);
  EXPECT_EQ(registry_->latest(key)->update_reason_code, "InternalError");
}

TEST_F(FunctionHandlers, AFailingStoreIsAServiceException) {
  store_.fail_writes("disk full");
  const Answer answer = create("f");
  EXPECT_EQ(answer.status, 500);
  EXPECT_THAT(answer.header("x-amzn-ErrorType"), StartsWith("ServiceException"));
  EXPECT_EQ(registry_->count(), 0U);
}

TEST_F(FunctionHandlers, ClearForgetsFunctionsAndPackages) {
  create("f");
  std::optional<Status> cleared;
  struct Clear {
    static net::Task<> run(LambdaService& service, std::optional<Status>& status) { status = co_await service.clear(); }
  };
  loop_.spawn(Clear::run(*service_, cleared));
  loop_.run();
  EXPECT_TRUE(*cleared);
  EXPECT_EQ(get("f").status, 404);
  EXPECT_TRUE(std::filesystem::is_empty(root_ + "/trees"));
}

}  // namespace
}  // namespace hearth::services::lambda
