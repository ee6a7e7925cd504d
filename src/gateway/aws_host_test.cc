#include "gateway/aws_host.h"

#include <gtest/gtest.h>

namespace hearth::gateway {
namespace {

TEST(AwsHost, ServiceAndRegionAreReadFromTheName) {
  const auto read = [](std::string_view name) {
    const AwsHost host = parse_aws_host(name);
    return host.service + "|" + host.region;
  };
  EXPECT_EQ(read("sts.amazonaws.com"), "sts|");
  EXPECT_EQ(read("sts.eu-west-1.amazonaws.com"), "sts|eu-west-1");
  EXPECT_EQ(read("lambda.us-west-2.amazonaws.com"), "lambda|us-west-2");
  EXPECT_EQ(read("logs.ap-southeast-2.api.aws"), "logs|ap-southeast-2");
  EXPECT_EQ(read("sts-fips.us-gov-west-1.amazonaws.com"), "sts|us-gov-west-1");
  EXPECT_EQ(read("lambda.cn-north-1.amazonaws.com.cn"), "lambda|cn-north-1");
  EXPECT_EQ(read("bucket.s3.dualstack.us-east-1.amazonaws.com"), "s3|us-east-1");
  EXPECT_EQ(read("lambda.us-east-1.localhost"), "lambda|us-east-1");
  EXPECT_EQ(read("amazonaws.com"), "|");
  EXPECT_EQ(read("sts.eu-west-1.example.com"), "|");
  EXPECT_EQ(read("localhost"), "|");
  EXPECT_EQ(read("127.0.0.1"), "|");
}

TEST(AwsHost, OnlyNamesBelowTheDomainsAreAws) {
  EXPECT_TRUE(is_aws_name("amazonaws.com"));
  EXPECT_TRUE(is_aws_name("x.api.aws"));
  EXPECT_FALSE(is_aws_name("evilamazonaws.com"));
  EXPECT_FALSE(is_aws_name("amazonaws.com.evil.example"));
  EXPECT_FALSE(is_aws_name(""));
}

TEST(AwsHost, AHostHeaderIsTakenApart) {
  EXPECT_EQ(parse_host("LocalHost:4566").name, "localhost");
  EXPECT_EQ(parse_host("LocalHost:4566").port, "4566");
  EXPECT_EQ(parse_host("[::1]:80").name, "::1");
  EXPECT_EQ(parse_host("[::1]:80").port, "80");
  EXPECT_EQ(parse_host("[::1]").name, "::1");
  EXPECT_EQ(parse_host("sts.amazonaws.com.").name, "sts.amazonaws.com");
  EXPECT_EQ(parse_host("[::1").name, "");
  EXPECT_EQ(parse_host("fd00::5").name, "fd00::5");
  EXPECT_EQ(parse_host("fd00::5").port, "");
}

TEST(AwsHost, RegionsAreToldFromOtherLabels) {
  for (const char* region : {"us-east-1", "us-gov-west-1", "ap-southeast-12", "eu-isoe-west-1"}) {
    EXPECT_TRUE(looks_like_region(region)) << region;
  }
  for (const char* other : {"", "sts", "us-east", "us-1", "us-east-", "us-east-123", "-east-1", "US-EAST-1", "a-b-1",
                            "us-far-too-long-to-be-any-region-1"}) {
    EXPECT_FALSE(looks_like_region(other)) << other;
  }
}

}  // namespace
}  // namespace hearth::gateway
