#include "services/lambda/lambda_fixture.h"

namespace hearth::services::lambda {
namespace {

using testing::HasSubstr;

class InvokeHandlers : public LambdaFixture {
 protected:
  Answer invoke(std::vector<Header> headers = {}, const std::string& payload = "{\"a\":1}",
                const std::string& name = "f") {
    return call(
        {.operation = "Invoke", .labels = {{"FunctionName", name}}, .headers = std::move(headers), .body = payload});
  }
};

TEST_F(InvokeHandlers, AnAnswerIsTheFunctionsPayload) {
  invoker_.outcome.payload = "[1, 2]";
  const Answer answer = invoke();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.text, "[1, 2]");
  EXPECT_EQ(answer.header("X-Amz-Executed-Version"), "$LATEST");
  EXPECT_EQ(answer.header("X-Amz-Function-Error"), "");
  EXPECT_EQ(answer.header("X-Amz-Log-Result"), "");
  EXPECT_EQ(invoker_.last.payload, "{\"a\":1}");
  EXPECT_EQ(invoker_.last.invoked_arn, arn_);
  EXPECT_EQ(invoker_.last.request_id, context_.request_id);
  EXPECT_FALSE(invoker_.last.tail_log);
}

TEST_F(InvokeHandlers, AFunctionErrorIsStill200) {
  invoker_.outcome.function_error = "Unhandled";
  invoker_.outcome.payload = R"({"errorMessage":"x"})";
  const Answer answer = invoke();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("X-Amz-Function-Error"), "Unhandled");
  EXPECT_EQ(answer.string("errorMessage"), "x");
}

TEST_F(InvokeHandlers, TheTailOfTheLogComesAsBase64) {
  invoker_.outcome.log_tail = "START\nEND\n";
  const Answer answer = invoke({{"X-Amz-Log-Type", "Tail"}});
  EXPECT_TRUE(invoker_.last.tail_log);
  EXPECT_EQ(answer.header("X-Amz-Log-Result"), base64_encode("START\nEND\n"));
}

TEST_F(InvokeHandlers, TheClientContextReachesTheFunctionDecoded) {
  invoke({{"X-Amz-Client-Context", base64_encode(R"({"custom":{"a":"b"}})")}});
  EXPECT_EQ(invoker_.last.client_context, R"({"custom":{"a":"b"}})");
  for (const std::string& bad :
       {std::string("***"), base64_encode("not json"), base64_encode("\"" + std::string(4000, 'x') + "\"")}) {
    const Answer answer = invoke({{"X-Amz-Client-Context", bad}});
    EXPECT_EQ(answer.status, 400);
    EXPECT_THAT(answer.string("message"), HasSubstr("Client context must be"));
  }
}

TEST_F(InvokeHandlers, ADryRunOnlyChecks) {
  const Answer answer = invoke({{"X-Amz-Invocation-Type", "DryRun"}});
  EXPECT_EQ(answer.status, 204);
  EXPECT_EQ(answer.text, "");
  invoker_.failure = Error(invocation::ErrorKind::kNotFound, "Function not found: x");
  EXPECT_EQ(invoke({{"X-Amz-Invocation-Type", "DryRun"}}).status, 404);
}

TEST_F(InvokeHandlers, AnEventIsKeptBeforeItIsAnswered) {
  const Answer answer = invoke({{"X-Amz-Invocation-Type", "Event"}});
  EXPECT_EQ(answer.status, 202);
  EXPECT_EQ(answer.text, "");
  EXPECT_EQ(service_->events().waiting(), 1U);
  EXPECT_EQ(store_.rows().size(), 1U);
  invoker_.failure = Error(invocation::ErrorKind::kNotFound, "Function not found: x");
  EXPECT_EQ(invoke({{"X-Amz-Invocation-Type", "Event"}}).status, 404);
  store_.fail_writes("disk full");
  invoker_.failure.reset();
  EXPECT_EQ(invoke({{"X-Amz-Invocation-Type", "Event"}}).status, 500);
  EXPECT_EQ(service_->events().waiting(), 1U);
}

TEST_F(InvokeHandlers, TheFormerOperationForEventsKeepsThemTheSameWay) {
  const auto invoke_async = [&](std::string name, std::string body) {
    return call({.operation = "InvokeAsync", .labels = {{"FunctionName", std::move(name)}}, .body = std::move(body)});
  };
  const Answer answer = invoke_async("f", R"({"a":1})");
  EXPECT_EQ(answer.status, 202) << answer.text;
  EXPECT_EQ(service_->events().waiting(), 1U);
  invoker_.failure = Error(invocation::ErrorKind::kNotFound, "Function not found: x");
  EXPECT_EQ(invoke_async("x", "{}").status, 404);
}

TEST_F(InvokeHandlers, RefusalsOfTheInvokerHaveTheirAwsCodes) {
  const auto code_of = [&](invocation::ErrorKind kind) {
    invoker_.failure = Error(kind, "why");
    const Answer answer = invoke();
    return std::to_string(answer.status) + " " +
           answer.header("x-amzn-ErrorType").substr(0, answer.header("x-amzn-ErrorType").find(':'));
  };
  EXPECT_EQ(code_of(invocation::ErrorKind::kNotFound), "404 ResourceNotFoundException");
  EXPECT_EQ(code_of(invocation::ErrorKind::kPending), "409 ResourceConflictException");
  EXPECT_EQ(code_of(invocation::ErrorKind::kFailed), "409 ResourceConflictException");
  EXPECT_EQ(code_of(invocation::ErrorKind::kThrottled), "429 TooManyRequestsException");
  EXPECT_EQ(code_of(invocation::ErrorKind::kReservedThrottled), "429 TooManyRequestsException");
  EXPECT_EQ(code_of(invocation::ErrorKind::kKeyNotFound), "502 KMSNotFoundException");
  EXPECT_EQ(code_of(invocation::ErrorKind::kQueueFull), "429 TooManyRequestsException");
  EXPECT_EQ(code_of(invocation::ErrorKind::kTooLarge), "413 RequestEntityTooLargeException");
  EXPECT_EQ(code_of(invocation::ErrorKind::kNotJson), "400 InvalidRequestContentException");
  EXPECT_EQ(code_of(invocation::ErrorKind::kUnavailable), "500 ServiceException");
}

TEST_F(InvokeHandlers, AnotherAccountsFunctionIsRefused) {
  EXPECT_EQ(invoke({}, "{}", "arn:aws:lambda:us-east-1:999999999999:function:f").status, 403);
}

}  // namespace
}  // namespace hearth::services::lambda
