#include "gateway/dns_message.h"

#include <gtest/gtest.h>

#include "base/bytes.h"

namespace hearth::gateway {
namespace {

using std::string_literals::operator""s;

// A query as resolvers send it: id 0x1234, recursion desired, one question.
std::string query(std::string_view name, std::uint16_t type, std::string_view flags = "\x01\x00"s) {
  std::string packet = "\x12\x34" + std::string(flags) + "\x00\x01\x00\x00\x00\x00\x00\x00"s;
  while (!name.empty()) {
    const std::string_view label = name.substr(0, name.find('.'));
    packet += static_cast<char>(label.size());
    packet += label;
    name.remove_prefix(std::min(name.size(), label.size() + 1));
  }
  packet += '\0';
  packet += static_cast<char>(type >> 8U);
  packet += static_cast<char>(type & 0xFFU);
  return packet + "\x00\x01"s;
}

DnsAnswer answer_to(std::string_view name, DnsType type) {
  const DnsParsed parsed = parse_dns_query(query(name, static_cast<std::uint16_t>(type)));
  EXPECT_TRUE(parsed.question);
  return answer_in_sandbox(*parsed.question);
}

TEST(DnsMessage, ReadsAQuestionAndLowersItsName) {
  const DnsParsed parsed = parse_dns_query(query("STS.eu-West-1.amazonaws.com", 1));
  ASSERT_TRUE(parsed.question);
  EXPECT_EQ(parsed.question->name, "sts.eu-west-1.amazonaws.com");
  EXPECT_EQ(parsed.question->type, 1);
  EXPECT_EQ(parsed.question->id, 0x1234);
}

TEST(DnsMessage, EncodesAnAddressWithTheQuestionAsItWasAsked) {
  const std::string asked = query("sts.Amazonaws.com", 1);
  const DnsParsed parsed = parse_dns_query(asked);
  const std::string reply = encode_dns_answer(*parsed.question, answer_in_sandbox(*parsed.question));
  // header: response, authoritative, recursion desired and available, one question, one answer
  EXPECT_EQ(hex_encode(reply.substr(0, 12)), "123485800001000100000000");
  EXPECT_EQ(reply.substr(12, asked.size() - 12), asked.substr(12));
  EXPECT_EQ(hex_encode(reply.substr(asked.size())), "c00c000100010000003c00047f000001");
}

TEST(DnsMessage, AwsNamesAreHereAndHaveNoOtherRecords) {
  for (const char* name : {"sts.amazonaws.com", "lambda.us-west-2.api.aws", "a.b.s3.us-east-1.amazonaws.com",
                           "amazonaws.com", "sts.cn-north-1.amazonaws.com.cn"}) {
    EXPECT_EQ(answer_to(name, DnsType::kA).record.index(), 1U) << name;
    for (const DnsType type : {DnsType::kAaaa, DnsType::kHttps, DnsType::kSvcb}) {
      const DnsAnswer answer = answer_to(name, type);
      EXPECT_EQ(answer.code, DnsCode::kNoError) << name;
      EXPECT_TRUE(std::holds_alternative<std::monostate>(answer.record)) << name;
    }
  }
}

TEST(DnsMessage, OtherNamesDoNotExist) {
  for (const char* name :
       {"example.com", "amazonaws.com.evil.example", "evilamazonaws.com", "metadata.google.internal", "aws", ""}) {
    EXPECT_EQ(answer_to(name, DnsType::kA).code, DnsCode::kNameError) << name;
  }
}

TEST(DnsMessage, LocalhostIsThisMachine) {
  EXPECT_EQ(std::get<Ipv4>(answer_to("localhost", DnsType::kA).record), (Ipv4{127, 0, 0, 1}));
  EXPECT_EQ(std::get<Ipv6>(answer_to("x.localhost", DnsType::kAaaa).record)[15], 1);
  const DnsAnswer pointer = answer_to("1.0.0.127.in-addr.arpa", DnsType::kPtr);
  EXPECT_EQ(std::get<std::string>(pointer.record), "localhost");
  const DnsParsed parsed = parse_dns_query(query("1.0.0.127.in-addr.arpa", 12));
  EXPECT_TRUE(encode_dns_answer(*parsed.question, pointer).ends_with("\x00\x0b\x09localhost\x00"s));
}

TEST(DnsMessage, ResponsesAndStumpsAreDropped) {
  EXPECT_TRUE(parse_dns_query("").refusal.empty());
  EXPECT_TRUE(parse_dns_query("\x12\x34\x01\x00\x00\x01"s).refusal.empty());
  const DnsParsed response = parse_dns_query(query("sts.amazonaws.com", 1, "\x81\x80"s));
  EXPECT_FALSE(response.question);
  EXPECT_TRUE(response.refusal.empty());
}

TEST(DnsMessage, MalformedQuestionsAreAnsweredFormatError) {
  const std::string good = query("sts.amazonaws.com", 1);
  std::string two = good;
  two[5] = '\x02';
  std::string pointer = good.substr(0, 12) + "\xC0\x0C\x00\x01\x00\x01"s;
  std::string long_label = good.substr(0, 12) + "\x40" + std::string(64, 'a') + "\x00\x00\x01\x00\x01"s;
  std::string long_name = good.substr(0, 12);
  for (int i = 0; i < 5; ++i) long_name += "\x3F" + std::string(63, 'a');
  long_name += "\x00\x00\x01\x00\x01"s;
  std::string hidden_dot = good.substr(0, 12) + "\x03" + "a.b"s + "\x00\x00\x01\x00\x01"s;
  for (const std::string& packet :
       {two, pointer, long_label, long_name, hidden_dot, good.substr(0, 20), good.substr(0, good.size() - 1)}) {
    const DnsParsed parsed = parse_dns_query(packet);
    EXPECT_FALSE(parsed.question);
    ASSERT_EQ(parsed.refusal.size(), 12U);
    EXPECT_EQ(parsed.refusal[3] & 0x0F, 1);
    EXPECT_EQ(parsed.refusal.substr(0, 2), "\x12\x34");
  }
}

TEST(DnsMessage, OtherOperationsAreNotImplemented) {
  const DnsParsed parsed = parse_dns_query(query("sts.amazonaws.com", 1, "\x28\x00"s));  // UPDATE
  ASSERT_EQ(parsed.refusal.size(), 12U);
  EXPECT_EQ(parsed.refusal[3] & 0x0F, 4);
}

TEST(DnsMessage, EveryPrefixOfAQueryIsSurvived) {
  const std::string good = query("sts.amazonaws.com", 28);
  for (std::size_t size = 0; size <= good.size(); ++size) {
    const DnsParsed parsed = parse_dns_query(good.substr(0, size));
    EXPECT_EQ(parsed.question.has_value(), size == good.size());
  }
}

}  // namespace
}  // namespace hearth::gateway
