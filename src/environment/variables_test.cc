#include "environment/variables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace hearth::environment {
namespace {

using testing::Contains;
using testing::Not;

struct VariablesTest : testing::Test {
  VariablesTest() {
    function.key = {"123456789012", "eu-west-1", "f"};
    function.handler = "app.handler";
    function.memory_mib = 256;
    function.log_group = "/aws/lambda/f";
    runtime.env = {"AWS_EXECUTION_ENV=AWS_Lambda_python3.12", "PYTHONPATH=/var/runtime"};
  }
  std::vector<std::string> list() {
    return variables({function, runtime, {"AKIA", "secret", "token"}, "2026/01/01/[$LATEST]00", "en_US.UTF-8"});
  }
  functions::FunctionVersion function;
  RuntimeChoice runtime;
};

TEST_F(VariablesTest, SayWhatTheFunctionIs) {
  const auto all = list();
  for (const char* expected :
       {"_HANDLER=app.handler", "AWS_REGION=eu-west-1", "AWS_DEFAULT_REGION=eu-west-1", "AWS_LAMBDA_FUNCTION_NAME=f",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256", "AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
        "AWS_LAMBDA_LOG_STREAM_NAME=2026/01/01/[$LATEST]00", "AWS_ACCESS_KEY_ID=AKIA", "AWS_SESSION_TOKEN=token",
        "AWS_EXECUTION_ENV=AWS_Lambda_python3.12", "AWS_LAMBDA_RUNTIME_API=127.0.0.1:9001", "TZ=:UTC",
        "PYTHONPATH=/var/runtime", "AWS_ENDPOINT_URL=http://127.0.0.1:80", "_LAMBDA_TELEMETRY_LOG_FD=3"}) {
    EXPECT_THAT(all, Contains(expected));
  }
}

TEST_F(VariablesTest, OfTheFunctionReplaceDefaultsButNotReservedNames) {
  function.environment = {{"PATH", "/mine"},      {"TZ", "Europe/Berlin"},
                          {"AWS_REGION", "evil"}, {"AWS_EXECUTION_ENV", "evil"},
                          {"EMPTY", ""},          {"PYTHONPATH", "/mine"}};
  const auto all = list();
  for (const char* expected : {"PATH=/mine", "TZ=Europe/Berlin", "AWS_REGION=eu-west-1", "EMPTY=", "PYTHONPATH=/mine",
                               "AWS_EXECUTION_ENV=AWS_Lambda_python3.12"}) {
    EXPECT_THAT(all, Contains(expected));
  }
  EXPECT_EQ(std::count_if(all.begin(), all.end(), [](const auto& s) { return s.starts_with("PATH="); }), 1);
}

TEST_F(VariablesTest, WithoutValueFromAwsAreAbsentWhateverTheFunctionSays) {
  function.environment = {{"AWS_LAMBDA_LOG_LEVEL", "x"}};
  runtime.env = {};
  for (const auto& setting : list()) {
    EXPECT_FALSE(setting.starts_with("AWS_LAMBDA_LOG_LEVEL=")) << setting;
    EXPECT_FALSE(setting.starts_with("AWS_EXECUTION_ENV=")) << setting;
  }
}

}  // namespace
}  // namespace hearth::environment
