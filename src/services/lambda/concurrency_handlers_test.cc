#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "services/lambda/lambda_fixture.h"

namespace hearth::services::lambda {
namespace {

using testing::HasSubstr;

class ConcurrencyHandlers : public LambdaFixture {
 protected:
  Answer about(const std::string& operation, const std::string& name, const std::string& body = {}) {
    return call({.operation = operation, .labels = {{"FunctionName", name}}, .body = body});
  }
  Answer reserve(const std::string& name, int count) {
    return about("PutFunctionConcurrency", name, R"({"ReservedConcurrentExecutions":)" + std::to_string(count) + "}");
  }
};

TEST_F(ConcurrencyHandlers, WhatIsReservedIsShownUntilItIsDeleted) {
  create("f");
  EXPECT_EQ(reserve("f", 0).text, R"({"ReservedConcurrentExecutions":0})");
  EXPECT_EQ(about("GetFunctionConcurrency", "f").text, R"({"ReservedConcurrentExecutions":0})");
  EXPECT_EQ(reserve("f", 7).status, 200);
  EXPECT_EQ(about("GetFunction", "f").body.at("Concurrency").at("ReservedConcurrentExecutions"), 7);
  EXPECT_EQ(call({.operation = "GetAccountSettings"}).body.at("AccountLimit").at("UnreservedConcurrentExecutions"),
            993);
  EXPECT_EQ(about("DeleteFunctionConcurrency", "f").status, 204);
  EXPECT_EQ(about("GetFunctionConcurrency", "f").text, "{}");
  EXPECT_FALSE(about("GetFunction", "f").body.contains("Concurrency"));
  EXPECT_EQ(about("DeleteFunctionConcurrency", "f").status, 204);
}

TEST_F(ConcurrencyHandlers, AHundredAlwaysStayForTheOthers) {
  create("f");
  create("g");
  EXPECT_EQ(reserve("f", 600).status, 200);
  EXPECT_EQ(reserve("g", 300).status, 200);
  const Answer refused = reserve("g", 301);
  EXPECT_EQ(refused.status, 400);
  EXPECT_THAT(refused.text, HasSubstr("below its minimum value of [100]"));
  // What a function has already does not count against it.
  EXPECT_EQ(reserve("f", 500).status, 200);
  EXPECT_EQ(reserve("g", 400).status, 200);
}

TEST_F(ConcurrencyHandlers, VersionsAndMissingFunctionsHaveNone) {
  create("f");
  for (const char* operation : {"PutFunctionConcurrency", "GetFunctionConcurrency", "DeleteFunctionConcurrency"}) {
    const std::string body = R"({"ReservedConcurrentExecutions":1})";
    EXPECT_EQ(about(operation, "none", body).status, 404) << operation;
    const Answer qualified = about(operation, "f:1", body);
    EXPECT_EQ(qualified.status, 400) << operation;
    EXPECT_THAT(qualified.text, HasSubstr("unqualified function ARN")) << operation;
  }
  EXPECT_EQ(reserve("f", -1).status, 400);
}

TEST_F(ConcurrencyHandlers, ItEndsWithItsFunction) {
  create("f");
  EXPECT_EQ(reserve("f", 900).status, 200);
  EXPECT_EQ(about("DeleteFunction", "f").status, 204);
  create("g");
  EXPECT_EQ(reserve("g", 900).status, 200);
  create("f");
  EXPECT_EQ(about("GetFunctionConcurrency", "f").text, "{}");
}

}  // namespace
}  // namespace hearth::services::lambda
