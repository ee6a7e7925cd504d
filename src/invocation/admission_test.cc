#include "invocation/admission.h"

#include <gtest/gtest.h>

#include <vector>

#include "invocation/invoker.h"

namespace hearth::invocation {
namespace {

using Concurrency = Admission::Concurrency;

functions::FunctionKey function(const std::string& account, const std::string& name = "f") {
  return {account, "eu-west-1", name};
}

std::vector<AdmissionTicket> take(Admission& admission, const functions::FunctionKey& key, int count,
                                  const Concurrency& concurrency = {}) {
  std::vector<AdmissionTicket> tickets;
  for (int i = 0; i < count; ++i) tickets.push_back(admission.admit(key, concurrency).value());
  return tickets;
}

TEST(Admission, RefusesBeyondTheLimitOfTheAccountAndRegionAndOnlyThere) {
  Admission admission(2);
  const auto tickets = take(admission, function("a"), 2);
  const auto refused = admission.admit(function("a"), {});
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(ErrorKind::kThrottled));
  EXPECT_FALSE(admission.check(function("a", "another"), {}));
  EXPECT_TRUE(admission.admit(function("b"), {}));
  EXPECT_TRUE(admission.admit({"a", "us-east-1", "f"}, {}));
}

TEST(Admission, ATicketGivesItsSlotBackOnceHoweverItIsMoved) {
  Admission admission(1);
  const auto in_use = [&] { return admission.in_use(); };
  {
    AdmissionTicket first = admission.admit(function("a"), {}).value();
    AdmissionTicket second = std::move(first);
    AdmissionTicket third;
    third = std::move(second);
    EXPECT_EQ(in_use(), 1U);
    third = AdmissionTicket();
    EXPECT_EQ(in_use(), 0U);
  }
  EXPECT_EQ(in_use(), 0U);
  EXPECT_TRUE(admission.admit(function("a"), {}));
}

TEST(Admission, TicketsMayOutliveIt) {
  AdmissionTicket ticket;
  {
    Admission admission(1);
    ticket = admission.admit(function("a"), {}).value();
  }
}

TEST(Admission, AFunctionRunsWithinItsReservedShareAlone) {
  Admission admission(10);
  const Concurrency of_two{.reserved = 2, .reserved_by_all = 2};
  auto tickets = take(admission, function("a", "reserved"), 2, of_two);
  const auto refused = admission.admit(function("a", "reserved"), of_two);
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(ErrorKind::kReservedThrottled));
  tickets.pop_back();
  EXPECT_TRUE(admission.admit(function("a", "reserved"), of_two));
}

TEST(Admission, NoFloodTakesWhatIsReservedForAnother) {
  Admission admission(10);
  const Concurrency others{.reserved = {}, .reserved_by_all = 4};
  const auto flood = take(admission, function("a", "flood"), 6, others);
  const auto refused = admission.admit(function("a", "flood"), others);
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(ErrorKind::kThrottled));
  EXPECT_EQ(take(admission, function("a", "reserved"), 4, {.reserved = 4, .reserved_by_all = 4}).size(), 4U);
}

TEST(Admission, AShareOfNothingRefusesEverything) {
  Admission admission(10);
  const auto refused = admission.admit(function("a"), {.reserved = 0, .reserved_by_all = 0});
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(ErrorKind::kReservedThrottled));
}

TEST(Admission, AFunctionMadeAgainStartsWithAnEmptyShare) {
  Admission admission(10);
  const Concurrency of_one{.reserved = 1, .reserved_by_all = 1};
  const auto former = take(admission, function("a"), 1, of_one);
  admission.forget(function("a"));
  EXPECT_TRUE(admission.admit(function("a"), of_one));
}

}  // namespace
}  // namespace hearth::invocation
