#include "environment/platform_lines.h"

#include <gtest/gtest.h>

namespace hearth::environment {
namespace {

const TimePoint kNow{std::chrono::milliseconds{1'767'225'599'007}};
const PlatformLines kText(LineFormat::kText, "f", "$LATEST");
const PlatformLines kJson(LineFormat::kJson, "f", "$LATEST");

TEST(PlatformLines, AreWordedAsAwsWordsThem) {
  EXPECT_EQ(kText.start(kNow, "id"), "START RequestId: id Version: $LATEST");
  EXPECT_EQ(kText.end("id"), "END RequestId: id");
  EXPECT_EQ(kText.timed_out(kNow, "id", 3), "2025-12-31T23:59:59.007Z id Task timed out after 3.00 seconds\n");
  EXPECT_EQ(kText.failed("id", "Runtime exited with error: exit status 1", "Runtime.ExitError"),
            "RequestId: id Error: Runtime exited with error: exit status 1\nRuntime.ExitError");
  EXPECT_EQ(kText.init_report(kNow, Milliseconds(154.031), Phase::kInit, {"error", "Runtime.ExitError"}),
            "INIT_REPORT Init Duration: 154.03 ms\tPhase: init\tStatus: error\tError Type: Runtime.ExitError");
  EXPECT_EQ(kText.init_report(kNow, Milliseconds(9999.79), Phase::kInit, {"timeout", ""}),
            "INIT_REPORT Init Duration: 9999.79 ms\tPhase: init\tStatus: timeout");
}

TEST(PlatformLines, ReportBillsTheInitialisationRoundedUpToAMillisecond) {
  EXPECT_EQ(
      kText.report(kNow, "id", {Milliseconds(2.37), Milliseconds(423.98), 1024, 95, {}}),
      "REPORT RequestId: id\tDuration: 2.37 ms\tBilled Duration: 427 ms\tMemory Size: 1024 MB\tMax Memory Used: 95 MB\t"
      "Init Duration: 423.98 ms\t");
  EXPECT_EQ(billed_ms({Milliseconds(3000.0), std::nullopt, 128, 1, {}}), 3000);
  EXPECT_EQ(billed_ms({Milliseconds(0.011), std::nullopt, 128, 1, {}}), 1);
}

TEST(PlatformLines, ReportSaysHowItEndedWhenItEndedBadly) {
  EXPECT_EQ(kText.report(kNow, "id", {Milliseconds(3000), std::nullopt, 128, 127, {"timeout", ""}}),
            "REPORT RequestId: id\tDuration: 3000.00 ms\tBilled Duration: 3000 ms\tMemory Size: 128 MB\t"
            "Max Memory Used: 127 MB\tStatus: timeout");
  EXPECT_EQ(kText.report(kNow, "id", {Milliseconds(1), std::nullopt, 128, 128, {"error", "Runtime.OutOfMemory"}}),
            "REPORT RequestId: id\tDuration: 1.00 ms\tBilled Duration: 1 ms\tMemory Size: 128 MB\t"
            "Max Memory Used: 128 MB\tStatus: error\tError Type: Runtime.OutOfMemory");
}

TEST(PlatformLines, AreEventsWhenTheLogFormatIsJson) {
  EXPECT_EQ(
      kJson.start(kNow, "id"),
      R"({"time":"2025-12-31T23:59:59.007Z","type":"platform.start","record":{"requestId":"id","version":"$LATEST"}})");
  EXPECT_EQ(
      kJson.report(kNow, "id", {Milliseconds(2.37), Milliseconds(4), 128, 30, {"error", "Runtime.ExitError"}}),
      R"({"time":"2025-12-31T23:59:59.007Z","type":"platform.report","record":{"requestId":"id",)"
      R"("metrics":{"durationMs":2.370,"billedDurationMs":7,"memorySizeMB":128,"maxMemoryUsedMB":30,"initDurationMs":4.000},)"
      R"("status":"error","errorType":"Runtime.ExitError"}})");
  EXPECT_EQ(kJson.end("id"), "");
}

TEST(PlatformLines, LogStreamsAreNamedByDayVersionAndARandomNumber) {
  EXPECT_EQ(log_stream_name(kNow, "$LATEST", "00ff"), "2025/12/31/[$LATEST]00ff");
}

}  // namespace
}  // namespace hearth::environment
