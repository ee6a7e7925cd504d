#include "invocation/admission.h"

#include <gtest/gtest.h>

#include <vector>

#include "invocation/invoker.h"

namespace hearth::invocation {
namespace {

TEST(Admission, RefusesBeyondTheLimitOfTheAccountAndOnlyThere) {
  Admission admission(2);
  std::vector<AdmissionTicket> tickets;
  for (int i = 0; i < 2; ++i) tickets.push_back(admission.admit("a").value());
  const auto refused = admission.admit("a");
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(ErrorKind::kThrottled));
  EXPECT_FALSE(admission.check("a"));
  EXPECT_TRUE(admission.admit("b"));
}

TEST(Admission, ATicketGivesItsSlotBackOnceHoweverItIsMoved) {
  Admission admission(1);
  {
    AdmissionTicket first = admission.admit("a").value();
    AdmissionTicket second = std::move(first);
    AdmissionTicket third;
    third = std::move(second);
    EXPECT_EQ(admission.in_use("a"), 1U);
    third = AdmissionTicket();
    EXPECT_EQ(admission.in_use("a"), 0U);
  }
  EXPECT_EQ(admission.in_use("a"), 0U);
  EXPECT_TRUE(admission.admit("a"));
}

TEST(Admission, TicketsMayOutliveIt) {
  AdmissionTicket ticket;
  {
    Admission admission(1);
    ticket = admission.admit("a").value();
  }
}

}  // namespace
}  // namespace hearth::invocation
