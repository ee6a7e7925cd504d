#include "environment/fault.h"

#include <gtest/gtest.h>

#include <csignal>

namespace hearth::environment {
namespace {

TEST(Fault, AnExitIsToldByItsStatusOrSignal) {
  EXPECT_EQ(
      exit_fault("id", {.code = 7}).payload,
      R"({"errorType":"Runtime.ExitError","errorMessage":"RequestId: id Error: Runtime exited with error: exit status 7"})");
  EXPECT_EQ(exit_fault("id", {.code = 0, .signal = SIGSEGV}).reason,
            "Runtime exited with error: signal: segmentation fault");
  EXPECT_EQ(exit_fault("id", {}).reason, "Runtime exited without providing a reason");
}

TEST(Fault, OutOfMemoryIsItsOwnType) {
  const Fault fault = exit_fault("id", {.code = 0, .signal = SIGKILL, .oom_killed = true});
  EXPECT_EQ(
      fault.payload,
      R"({"errorType":"Runtime.OutOfMemory","errorMessage":"RequestId: id Error: Runtime exited with error: signal: killed"})");
}

TEST(Fault, ATimeoutNamesTheLimit) {
  EXPECT_EQ(
      timeout_fault("id", 3).payload,
      R"({"errorType":"Sandbox.Timedout","errorMessage":"RequestId: id Error: Task timed out after 3.00 seconds"})");
}

TEST(Fault, ErrorTypesOfRuntimesAreTakenOnlyIfTheyLookLikeOne) {
  EXPECT_EQ(reported_error_type("Runtime.ImportModuleError"), "Runtime.ImportModuleError");
  EXPECT_EQ(reported_error_type(""), "Runtime.Unknown");
  EXPECT_EQ(reported_error_type("ValueError"), "Runtime.Unknown");
  EXPECT_EQ(reported_error_type("Runtime.\"x\nSTART"), "Runtime.Unknown");
}

}  // namespace
}  // namespace hearth::environment
