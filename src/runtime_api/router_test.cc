#include "runtime_api/router.h"

#include <gtest/gtest.h>

namespace hearth::runtime_api {
namespace {

TEST(Router, KnowsTheCallsOfTheRuntimeApi) {
  EXPECT_EQ(route("GET", "/2018-06-01/runtime/invocation/next").call, Call::kNext);
  EXPECT_EQ(route("POST", "/2018-06-01/runtime/init/error").call, Call::kInitError);
  const Route response = route("POST", "/2018-06-01/runtime/invocation/8476a536-e9f4-11e8/response");
  EXPECT_EQ(response.call, Call::kResponse);
  EXPECT_EQ(response.request_id, "8476a536-e9f4-11e8");
  EXPECT_EQ(route("POST", "/2018-06-01/runtime/invocation/x/error?a=b").call, Call::kError);
}

TEST(Router, TellsAWrongMethodFromAnUnknownPath) {
  EXPECT_EQ(route("POST", "/2018-06-01/runtime/invocation/next").call, Call::kWrongMethod);
  EXPECT_EQ(route("GET", "/2018-06-01/runtime/invocation/x/response").call, Call::kWrongMethod);
  for (const char* target : {"/", "", "/2018-06-01/runtime/", "/2018-06-01/runtime/invocation//response",
                             "/2018-06-01/runtime/invocation/a/b/response", "/2018-06-01/runtime/invocation/response",
                             "/2018-06-01/runtime/invocation/next/", "/2015-03-31/functions"}) {
    EXPECT_EQ(route("POST", target).call, Call::kUnknown) << target;
  }
}

}  // namespace
}  // namespace hearth::runtime_api
