#include "services/lambda/event_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "services/lambda/lambda_fixture.h"

namespace hearth::services::lambda {
namespace {

using namespace std::chrono_literals;

class EventQueueTest : public testing::Test {
 protected:
  EventQueueTest() { reopen(); }

  // As after a restart.
  void reopen() {
    queue_.emplace(loop_, store_, invoker_, log_);
    ASSERT_TRUE(queue_->load());
  }
  static invocation::InvokeRequest event(const std::string& payload = R"({"a":1})", const std::string& name = "f") {
    invocation::InvokeRequest request;
    request.function = {"123456789012", "us-east-1", name};
    request.invoked_arn = "arn:aws:lambda:us-east-1:123456789012:function:" + name;
    request.request_id = "r1";
    request.payload = payload;
    return request;
  }
  // Runs what is due now to its end.
  void turn() {
    queue_->start_due();
    loop_.run();
  }

  FakeClock clock_;
  net::Loop loop_{clock_};
  storage::MemoryStore store_;
  FakeInvoker invoker_;
  observe::Logger log_{-1, observe::Level::kError, observe::LogFormat::kText};
  std::optional<EventQueue> queue_;
};

TEST_F(EventQueueTest, AnEventRunsOnceAndIsErased) {
  ASSERT_TRUE(queue_->accept(event()));
  EXPECT_EQ(store_.rows().size(), 1U);
  turn();
  EXPECT_EQ(invoker_.runs, 1);
  EXPECT_EQ(invoker_.last.payload, R"({"a":1})");
  EXPECT_EQ(invoker_.last.request_id, "r1");
  EXPECT_TRUE(store_.rows().empty());
  turn();
  EXPECT_EQ(invoker_.runs, 1);
}

TEST_F(EventQueueTest, WhatWasAcceptedRunsAfterARestart) {
  ASSERT_TRUE(queue_->accept(event(R"({"kept":true})")));
  reopen();
  EXPECT_EQ(queue_->waiting(), 1U);
  turn();
  EXPECT_EQ(invoker_.last.payload, R"({"kept":true})");
  ASSERT_TRUE(queue_->accept(event()));
  reopen();
  EXPECT_EQ(queue_->waiting(), 1U);
}

TEST_F(EventQueueTest, AFunctionErrorIsRetriedAfterOneAndTwoMinutesAndThenGivenUp) {
  invoker_.outcome.function_error = "Unhandled";
  ASSERT_TRUE(queue_->accept(event()));
  turn();
  EXPECT_EQ(invoker_.runs, 1);
  clock_.advance(59s);
  turn();
  EXPECT_EQ(invoker_.runs, 1);
  clock_.advance(1s);
  reopen();  // the count of runs survives
  turn();
  EXPECT_EQ(invoker_.runs, 2);
  clock_.advance(119s);
  turn();
  EXPECT_EQ(invoker_.runs, 2);
  clock_.advance(1s);
  turn();
  EXPECT_EQ(invoker_.runs, 3);
  EXPECT_TRUE(store_.rows().empty());
  EXPECT_EQ(queue_->waiting(), 0U);
}

TEST_F(EventQueueTest, AThrottledEventIsAcceptedAndTriedAgainWithGrowingPauses) {
  invoker_.failure = Error(invocation::ErrorKind::kThrottled, "Rate Exceeded.");
  ASSERT_TRUE(queue_->accept(event()));
  turn();
  EXPECT_EQ(invoker_.runs, 1);
  for (const auto pause : {1s, 2s, 4s}) {
    clock_.advance(pause - 1ms);
    const int before = invoker_.runs;
    turn();
    EXPECT_EQ(invoker_.runs, before);
    clock_.advance(1ms);
    turn();
    EXPECT_EQ(invoker_.runs, before + 1);
  }
  invoker_.failure.reset();
  clock_.advance(8s);
  turn();
  EXPECT_TRUE(store_.rows().empty());
}

TEST_F(EventQueueTest, AnEventIsGivenUpAfterSixHours) {
  invoker_.failure = Error(invocation::ErrorKind::kThrottled, "Rate Exceeded.");
  ASSERT_TRUE(queue_->accept(event()));
  turn();
  clock_.advance(6h + 1s);
  turn();
  EXPECT_EQ(invoker_.runs, 1);
  EXPECT_TRUE(store_.rows().empty());
}

TEST_F(EventQueueTest, AnEventOfADeletedFunctionEnds) {
  ASSERT_TRUE(queue_->accept(event()));
  invoker_.failure = Error(invocation::ErrorKind::kNotFound, "Function not found");
  turn();
  EXPECT_TRUE(store_.rows().empty());
}

TEST_F(EventQueueTest, WhatCannotBeInvokedOrStoredIsNotAccepted) {
  EXPECT_TRUE(queue_->accept(event(std::string(1'048'577, ' '))).error().is(invocation::ErrorKind::kTooLarge));
  EXPECT_TRUE(queue_->accept(event("\"" + std::string(1'048'574, ' ') + "\"")));
  invoker_.failure = Error(invocation::ErrorKind::kNotJson, "Could not parse request body into json: x");
  EXPECT_TRUE(queue_->accept(event()).error().is(invocation::ErrorKind::kNotJson));
  invoker_.failure.reset();
  store_.fail_writes("disk full");
  EXPECT_TRUE(queue_->accept(event()).error().is(storage::ErrorKind::kUnavailable));
  EXPECT_EQ(queue_->waiting(), 1U);
}

TEST_F(EventQueueTest, AFullDiskDoesNotLoseAnEventThatRan) {
  invoker_.outcome.function_error = "Unhandled";
  ASSERT_TRUE(queue_->accept(event()));
  store_.fail_writes("disk full");
  turn();
  EXPECT_EQ(queue_->waiting(), 1U);
  EXPECT_EQ(store_.rows().size(), 1U);
}

TEST_F(EventQueueTest, AClosedQueueStartsNothingAndKeepsItsEvents) {
  ASSERT_TRUE(queue_->accept(event()));
  queue_->close();
  turn();
  EXPECT_EQ(invoker_.runs, 0);
  EXPECT_EQ(store_.rows().size(), 1U);
}

TEST_F(EventQueueTest, ClearForgetsEveryEvent) {
  ASSERT_TRUE(queue_->accept(event()));
  ASSERT_TRUE(queue_->clear());
  turn();
  EXPECT_EQ(invoker_.runs, 0);
  EXPECT_TRUE(store_.rows().empty());
}

// Keeps every invocation waiting, to see how many run at once.
class SlowInvoker final : public invocation::Invoker {
 public:
  explicit SlowInvoker(net::Loop& loop) : loop_(loop) {}
  net::Task<Result<invocation::InvokeOutcome>> invoke(invocation::InvokeRequest request) override {
    ++running[request.function.name];
    auto end = std::make_shared<net::OneShot<bool>>(loop_.executor());
    ends.push_back(end);
    co_await end->wait();
    co_return invocation::InvokeOutcome{};
  }
  Status check(const invocation::InvokeRequest&) override { return {}; }
  std::map<std::string, int> running;
  std::vector<std::shared_ptr<net::OneShot<bool>>> ends;

 private:
  net::Loop& loop_;
};

TEST_F(EventQueueTest, AFloodOfOneFunctionHoldsUpNoOther) {
  SlowInvoker slow(loop_);
  EventQueue queue(loop_, store_, slow, log_);
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(queue.accept(event("{}", "flood")));
  ASSERT_TRUE(queue.accept(event("{}", "other")));
  queue.start_due();
  // Behind the tasks that were just started.
  loop_.post([&] {
    EXPECT_EQ(slow.running["flood"], 50);
    EXPECT_EQ(slow.running["other"], 1);
    for (const auto& end : slow.ends) end->set(true);
  });
  loop_.run();
  EXPECT_EQ(queue.waiting(), 250U);
}

}  // namespace
}  // namespace hearth::services::lambda
