#include "observe/metrics_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hearth::observe {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using testing::HasSubstr;

TEST(DurationHistogram, CountsByPowersOfTwoOfAMicrosecond) {
  DurationHistogram histogram;
  histogram.add(std::chrono::nanoseconds(300));
  histogram.add(microseconds(1));
  histogram.add(microseconds(3));
  histogram.add(std::chrono::hours(1));
  EXPECT_EQ(histogram.buckets()[0], 1U);
  EXPECT_EQ(histogram.buckets()[1], 1U);
  EXPECT_EQ(histogram.buckets()[2], 1U);
  EXPECT_EQ(histogram.buckets()[DurationHistogram::kBuckets - 1], 1U);
  EXPECT_EQ(histogram.count(), 4U);
  EXPECT_EQ(histogram.longest(), std::chrono::hours(1));
}

TEST(MetricsText, SaysNameHelpTypeAndValue) {
  MetricsText text;
  text.counter("hearth_things_total", "Things.", 7);
  text.gauge("hearth_level", "Level.", 0.5);
  EXPECT_EQ(text.take(),
            "# HELP hearth_things_total Things.\n# TYPE hearth_things_total counter\nhearth_things_total 7\n"
            "# HELP hearth_level Level.\n# TYPE hearth_level gauge\nhearth_level 0.5\n");
}

TEST(MetricsText, BucketsOfAHistogramAreCumulative) {
  DurationHistogram histogram;
  histogram.add(microseconds(1));
  histogram.add(microseconds(3));
  histogram.add(milliseconds(6));
  histogram.add(std::chrono::hours(1));
  MetricsText text;
  text.histogram("hearth_wait_seconds", "Waits.", histogram);
  const std::string said = text.take();
  EXPECT_THAT(said, HasSubstr("# TYPE hearth_wait_seconds histogram\n"));
  EXPECT_THAT(said, HasSubstr("hearth_wait_seconds_bucket{le=\"1e-06\"} 0\n"));
  EXPECT_THAT(said, HasSubstr("hearth_wait_seconds_bucket{le=\"2e-06\"} 1\n"));
  EXPECT_THAT(said, HasSubstr("hearth_wait_seconds_bucket{le=\"4e-06\"} 2\n"));
  EXPECT_THAT(said, HasSubstr("hearth_wait_seconds_bucket{le=\"0.008192\"} 3\n"));
  EXPECT_THAT(said, HasSubstr("hearth_wait_seconds_bucket{le=\"+Inf\"} 4\nhearth_wait_seconds_sum 3600.00600"));
  EXPECT_THAT(said, HasSubstr("hearth_wait_seconds_count 4\n"));
}

}  // namespace
}  // namespace hearth::observe
