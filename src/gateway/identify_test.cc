#include "gateway/identify.h"

#include <gtest/gtest.h>

#include "gateway/test_support.h"
#include "wire/sigv4_text.h"

namespace hearth::gateway {
namespace {

// The real services: their models decide what is recognised.
class IdentifyTest : public testing::Test {
 protected:
  IdentifyTest() : table_(make_service_table({none(), none(), none(), none()})) {}
  static services::OperationTable none() { return services::OperationTable({}); }

  std::string read(const net::HttpRequest& sent, std::string_view scope_service = {}) {
    const Target target = split_target(sent.head.target);
    const Parameters query = wire::split_query(target.query);
    const Parameters form = is_form(sent.head) ? wire::split_query(sent.body) : Parameters{};
    std::optional<wire::SignatureClaim> claim;
    if (!scope_service.empty()) {
      claim.emplace();
      claim->service = scope_service;
      claim->region = "us-west-2";
    }
    const Identified found = identify(table_, {sent.head, target, query, form, claim}, "eu-central-1");
    const std::string service = found.service ? std::string(found.service->model->name) : "!" + found.foreign_service;
    return service + "|" + found.region;
  }

  ServiceTable table_;
};

TEST_F(IdentifyTest, TheScopeOfTheSignatureNamesTheServiceAtHearthsOwnAddress) {
  for (const char* service : {"lambda", "iam", "sts", "logs"}) {
    EXPECT_EQ(read(request("POST", "/"), service), std::string(service) + "|us-west-2");
  }
  EXPECT_EQ(read(request("GET", "/bucket"), "s3"), "!s3|us-west-2");
}

TEST_F(IdentifyTest, AnAwsHostNameNamesServiceAndRegion) {
  const auto at = [&](const char* host, std::string_view scope = {}) {
    return read(request("GET", "/", {{"Host", host}}), scope);
  };
  EXPECT_EQ(at("sts.eu-west-1.amazonaws.com"), "sts|eu-west-1");
  EXPECT_EQ(at("sts.amazonaws.com"), "sts|us-east-1");
  EXPECT_EQ(at("iam.amazonaws.com:443"), "iam|us-east-1");
  EXPECT_EQ(at("logs.ap-south-1.api.aws"), "logs|ap-south-1");
  EXPECT_EQ(at("s3.eu-west-1.amazonaws.com"), "!s3|eu-west-1");
  // The name wins over the scope, so that a signature for another service is refused as AWS refuses it.
  EXPECT_EQ(at("lambda.eu-west-1.amazonaws.com", "sts"), "lambda|us-west-2");
}

TEST_F(IdentifyTest, UnsignedRequestsAreKnownByTheirLooks) {
  EXPECT_EQ(read(request("GET", "/2015-03-31/functions/")), "lambda|eu-central-1");
  EXPECT_EQ(read(request("POST", "/2015-03-31/functions/f/invocations")), "lambda|eu-central-1");
  EXPECT_EQ(read(request("POST", "/", {{"X-Amz-Target", "Logs_20140328.DescribeLogGroups"}})), "logs|eu-central-1");
  const std::vector<Header> form{{"Content-Type", "application/x-www-form-urlencoded"}};
  EXPECT_EQ(read(request("POST", "/", form, "Action=ListRoles&Version=2010-05-08")), "iam|eu-central-1");
  EXPECT_EQ(read(request("GET", "/?Action=GetCallerIdentity&Version=2011-06-15")), "sts|eu-central-1");
  EXPECT_EQ(read(request("GET", "/")), "!|eu-central-1");
  EXPECT_EQ(read(request("GET", "/favicon.ico")), "!|eu-central-1");
}

TEST_F(IdentifyTest, RegionNamesHoldNothingThatCouldBreakAKey) {
  EXPECT_TRUE(is_region_name("us-east-1"));
  EXPECT_TRUE(is_region_name("local"));
  for (const std::string& bad :
       {std::string(), std::string("US-EAST-1"), std::string("a/b"), std::string("a\0b", 3), std::string(33, 'a')}) {
    EXPECT_FALSE(is_region_name(bad)) << bad;
  }
}

TEST_F(IdentifyTest, InvokeTakesLessThanAnUploadOfCode) {
  const ServiceEntry& lambda = *table_.by_signing_name("lambda");
  const BodyLimit invoke = body_limit_of(lambda, lambda.model->find_by_name("Invoke"));
  const BodyLimit create = body_limit_of(lambda, lambda.model->find_by_name("CreateFunction"));
  EXPECT_GT(invoke.bytes, ByteCount{6'291'556});
  EXPECT_EQ(invoke.operation, "InvokeFunction");
  EXPECT_GT(create.bytes, ByteCount{52'428'800 / 3 * 4});
}

}  // namespace
}  // namespace hearth::gateway
