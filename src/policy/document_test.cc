#include "policy/document.h"

#include <gtest/gtest.h>

namespace hearth::policy {
namespace {

std::string refusal(std::string_view text, DocumentKind kind = DocumentKind::kIdentity) {
  const auto document = parse_document(text, kind);
  if (document) return "accepted";
  EXPECT_TRUE(document.error().is(ErrorKind::kMalformed));
  return document.error().message();
}

std::string in_statement(std::string_view members) {
  return R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow",)" + std::string(members) + "}]}";
}

TEST(Document, AStatementMayStandAloneOrInAList) {
  EXPECT_EQ(refusal(R"({"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}})"), "accepted");
  EXPECT_EQ(refusal(in_statement(R"("Sid":"A","NotAction":["s3:*","iam:Get?ole"],"NotResource":["arn:aws:s3:::b/*"])")),
            "accepted");
}

TEST(Document, NothingThatIsNotKnownIsSkipped) {
  for (const char* text : {"", "[]", "{", "{}", R"({"Statement":"x"})", R"({"Statement":[1]})",
                           R"({"Statment":[],"Statement":[]})", R"({"Id":1,"Statement":[]})"}) {
    EXPECT_EQ(refusal(text), "Syntax errors in policy.") << text;
  }
  EXPECT_EQ(refusal(in_statement(R"("Action":"s3:*","Resource":"*","Conditions":{})")), "Syntax errors in policy.");
  EXPECT_EQ(refusal(in_statement(R"("Action":"s3:*","NotAction":"s3:*","Resource":"*")")), "Syntax errors in policy.");
  EXPECT_EQ(refusal(in_statement(R"("Action":[],"Resource":"*")")), "Syntax errors in policy.");
  EXPECT_EQ(refusal(in_statement(R"("Action":[1],"Resource":"*")")), "Syntax errors in policy.");
  EXPECT_EQ(refusal(in_statement(R"("Action":"s3:*","Resource":"*","Condition":{"StringSame":{"a:b":"c"}})")),
            "Invalid Condition type : StringSame.");
  EXPECT_EQ(refusal(in_statement(R"("Action":"s3:*","Resource":"*","Condition":{"NullIfExists":{"a:b":"true"}})")),
            "Invalid Condition type : NullIfExists.");
  EXPECT_EQ(refusal(in_statement(R"("Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"a:b":{}}})")),
            "Syntax errors in policy.");
  EXPECT_EQ(refusal(in_statement(R"("Action":"s3:*","Resource":"arn:aws:s3:::${aws:username")")),
            "Syntax errors in policy.");
}

TEST(Document, RefusalsAreWordedAsAwsWordsThem) {
  EXPECT_EQ(refusal(R"({"Version":"2013-01-01","Statement":[]})"), "The policy must contain a valid version string");
  EXPECT_EQ(refusal(R"({"Statement":{"Effect":"allow","Action":"s3:*","Resource":"*"}})"), "Invalid effect: allow");
  EXPECT_EQ(refusal(in_statement(R"("Resource":"*")")), "Policy statement must contain actions.");
  EXPECT_EQ(refusal(in_statement(R"("Action":"s3:*")")), "Policy statement must contain resources.");
  EXPECT_EQ(refusal(in_statement(R"("Action":"invalid","Resource":"*")")),
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.");
  EXPECT_EQ(refusal(in_statement(R"("Action":"a:b:c","Resource":"*")")),
            "Actions/Condition can contain only one colon.");
  EXPECT_EQ(refusal(in_statement(R"("Action":"a a:b","Resource":"*")")), "Vendor a a is not valid");
  EXPECT_EQ(refusal(in_statement(R"("Action":"s3:*","Resource":"bucket")")),
            "Resource bucket must be in ARN format or \"*\".");
  EXPECT_EQ(refusal(in_statement(R"("Action":"s3:*","Resource":"*","Principal":"*")")),
            "Policy document should not specify a principal.");
  EXPECT_EQ(refusal(R"({"Statement":[{"Sid":"A","Effect":"Allow","Action":"s3:*","Resource":"*"},
                                     {"Sid":"A","Effect":"Allow","Action":"s3:*","Resource":"*"}]})"),
            "Statement IDs (SID) in a single policy must be unique.");
}

TEST(Document, TrustPoliciesNamePrincipalsAndNoResources) {
  const auto trust = [](std::string_view members) { return refusal(in_statement(members), DocumentKind::kTrust); };
  EXPECT_EQ(trust(R"("Action":"sts:AssumeRole","Principal":{"Service":"lambda.amazonaws.com"})"), "accepted");
  EXPECT_EQ(
      trust(R"("Action":"sts:AssumeRole","Principal":{"AWS":["111122223333","arn:aws:iam::111122223333:root","*"]})"),
      "accepted");
  EXPECT_EQ(trust(R"("Action":"sts:AssumeRole")"), "Missing required field Principal");
  EXPECT_EQ(trust(R"("Action":"sts:AssumeRole","Principal":"*","Resource":"*")"), "Has prohibited field Resource");
  EXPECT_EQ(trust(R"("Principal":"*")"), "Missing required field Action");
  EXPECT_EQ(trust(R"("Action":"sts:AssumeRole","Principal":{"AWS":"bob"})"),
            "Invalid principal in policy: \"AWS\":\"bob\"");
  EXPECT_EQ(trust(R"("Action":"sts:AssumeRole","Principal":{"AWS":"arn:aws:iam::111122223333:user/*"})"),
            "Invalid principal in policy: \"AWS\":\"arn:aws:iam::111122223333:user/*\"");
  EXPECT_EQ(refusal("x", DocumentKind::kTrust), "This policy contains invalid Json");
}

TEST(Document, ValuesAreOfTheirOperatorsType) {
  for (const char* condition : {R"({"NumericEquals":{"a:b":"x"}})", R"({"DateEquals":{"a:b":"x"}})",
                                R"({"Bool":{"a:b":"yes"}})", R"({"IpAddress":{"a:b":"10.0.0.0/33"}})",
                                R"({"IpAddress":{"a:b":"10.0.0.0\u0000/8"}})", R"({"BinaryEquals":{"a:b":"%"}})"}) {
    EXPECT_NE(refusal(in_statement(std::string(R"("Action":"s3:*","Resource":"*","Condition":)") + condition)),
              "accepted")
        << condition;
  }
}

}  // namespace
}  // namespace hearth::policy
