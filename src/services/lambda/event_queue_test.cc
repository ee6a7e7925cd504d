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
  EventQueueTest() {
    registry_.emplace(functions_, keys_, clock_);
    reopen();
  }

  // As after a restart.
  void reopen() {
    queue_.emplace(loop_, turns_, store_, *registry_, invoker_, log_);
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
  // Functions f and told, and what becomes of the events of f.
  void set_rules(functions::EventRules rules) {
    for (const char* name : {"f", "told"}) {
      functions::FunctionVersion function;
      function.key = {"123456789012", "us-east-1", name};
      if (!registry_->latest(function.key)) ASSERT_TRUE(registry_->create(std::move(function), {}));
    }
    ASSERT_TRUE(registry_->set_event_rules({"123456789012", "us-east-1", "f"}, "", std::move(rules)));
  }
  static constexpr const char* kTold = "arn:aws:lambda:us-east-1:123456789012:function:told";
  // Runs what is due now to its end.
  void turn() {
    queue_->start_due();
    loop_.run();
  }

  FakeClock clock_;
  net::Loop loop_{clock_};
  net::FairTurns turns_{loop_, 1};
  storage::MemoryStore store_;
  storage::MemoryStore functions_;
  storage::KeyRing keys_ = storage::KeyRing::fresh();
  std::optional<functions::Registry> registry_;
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

TEST_F(EventQueueTest, AnEventIsTriedThoughTheClockJumpedAhead) {
  ASSERT_TRUE(queue_->accept(event()));
  clock_.set(clock_.now() + 24h * 365);
  turn();
  EXPECT_EQ(invoker_.runs, 1);
}

TEST_F(EventQueueTest, AClockThatGoesBackHoldsUpNoEvent) {
  ASSERT_TRUE(queue_->accept(event()));
  clock_.set(clock_.now() - 24h * 365);
  turn();
  EXPECT_EQ(invoker_.runs, 1);
  invoker_.outcome.function_error = "Unhandled";
  ASSERT_TRUE(queue_->accept(event()));
  turn();
  EXPECT_EQ(invoker_.runs, 2);
  clock_.set(clock_.now() - 24h);  // a retry waits for its minute, not for a day
  clock_.advance(1min);
  turn();
  EXPECT_EQ(invoker_.runs, 3);
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

TEST_F(EventQueueTest, SettingTheWallClockBackDelaysNoRetry) {
  invoker_.outcome.function_error = "Unhandled";
  ASSERT_TRUE(queue_->accept(event()));
  turn();
  clock_.set(clock_.now() - 2h);
  clock_.advance(1min);
  turn();
  EXPECT_EQ(invoker_.runs, 2);
  clock_.set(clock_.now() - 2h);
  reopen();  // the due time in the store is hours away
  clock_.advance(5min);
  turn();
  EXPECT_EQ(invoker_.runs, 3);
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

TEST_F(EventQueueTest, ItHoldsSoManyBytesAndTakesMoreWhenSomeHaveEnded) {
  queue_.emplace(loop_, turns_, store_, *registry_, invoker_, log_, EventLimits{.bytes = ByteCount::kib(64)});
  const auto large = [] { return event("\"" + std::string(20'000, 'x') + "\""); };
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(queue_->accept(large()));
  EXPECT_GE(queue_->stored().value, 60'000U);
  const Status refused = queue_->accept(large());
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(invocation::ErrorKind::kQueueFull));
  EXPECT_TRUE(queue_->accept(event())) << "a small one still fits";
  reopen();  // what is stored counts after a restart too
  EXPECT_GE(queue_->stored().value, 60'000U);
  turn();
  EXPECT_EQ(queue_->stored().value, 0U);
  EXPECT_TRUE(queue_->accept(large()));
  ASSERT_TRUE(queue_->clear());
  EXPECT_EQ(queue_->stored().value, 0U);
}

TEST_F(EventQueueTest, ItHoldsSoManyEvents) {
  queue_.emplace(loop_, turns_, store_, *registry_, invoker_, log_, EventLimits{.count = 2});
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(queue_->accept(event()));
  EXPECT_TRUE(queue_->accept(event()).error().is(invocation::ErrorKind::kQueueFull));
}

TEST_F(EventQueueTest, AFullDiskDoesNotLoseAnEventThatRan) {
  invoker_.outcome.function_error = "Unhandled";
  ASSERT_TRUE(queue_->accept(event()));
  store_.fail_writes("disk full");
  turn();
  EXPECT_EQ(queue_->waiting(), 1U);
  EXPECT_EQ(store_.rows().size(), 1U);
}

TEST_F(EventQueueTest, AFullDiskDoesNotAddRuns) {
  invoker_.outcome.function_error = "Unhandled";
  ASSERT_TRUE(queue_->accept(event()));
  store_.fail_writes("disk full");
  turn();
  for (const auto pause : {1min, 2min, 3min}) {
    clock_.advance(pause);
    turn();
  }
  EXPECT_EQ(invoker_.runs, 3);
  EXPECT_EQ(queue_->waiting(), 0U);
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
  EventQueue queue(loop_, turns_, store_, *registry_, slow, log_);
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(queue.accept(event("{}", "flood")));
  ASSERT_TRUE(queue.accept(event("{}", "other")));
  queue.start_due();
  // Each starts in a turn of its own; by then any further one would have started as well.
  const auto end_when_started = [](SlowInvoker& invoker) -> net::Task<> {
    for (int i = 0; i < 1000; ++i) co_await net::yield_turn();
    EXPECT_EQ(invoker.running["flood"], 50);
    EXPECT_EQ(invoker.running["other"], 1);
    for (const auto& end : invoker.ends) end->set(true);
  };
  loop_.spawn(end_when_started(slow));
  loop_.run();
  EXPECT_EQ(queue.waiting(), 250U);
}

TEST_F(EventQueueTest, TheRulesOfAFunctionSayHowOftenAndHowLong) {
  set_rules({.retries = 0, .oldest_s = {}, .on_success = {}, .on_failure = {}, .last_modified = {}});
  invoker_.outcome.function_error = "Unhandled";
  ASSERT_TRUE(queue_->accept(event()));
  turn();
  EXPECT_EQ(invoker_.runs, 1);
  EXPECT_TRUE(store_.rows().empty());

  set_rules({.retries = {}, .oldest_s = 60, .on_success = {}, .on_failure = {}, .last_modified = {}});
  invoker_.failure = Error(invocation::ErrorKind::kThrottled, "throttled");
  ASSERT_TRUE(queue_->accept(event()));
  for (int i = 0; i < 40; ++i) {
    clock_.advance(5s);
    turn();
  }
  EXPECT_TRUE(store_.rows().empty()) << "given up after a minute";
}

TEST_F(EventQueueTest, ADestinationGetsTheRecordOfASuccess) {
  set_rules({.retries = {}, .oldest_s = {}, .on_success = kTold, .on_failure = {}, .last_modified = {}});
  invoker_.outcome.payload = R"({"done":true})";
  ASSERT_TRUE(queue_->accept(event()));
  turn();
  reopen();  // the record is an event like any other: it survives
  EXPECT_EQ(queue_->waiting(), 1U);
  turn();
  EXPECT_EQ(invoker_.last.function.name, "told");
  const auto record = boost::json::parse(invoker_.last.payload).as_object();
  EXPECT_EQ(record.at("version"), "1.0");
  EXPECT_EQ(record.at("requestContext").at("condition"), "Success");
  EXPECT_EQ(record.at("requestContext").at("requestId"), "r1");
  EXPECT_EQ(record.at("requestContext").at("functionArn"), "arn:aws:lambda:us-east-1:123456789012:function:f:$LATEST");
  EXPECT_EQ(record.at("requestContext").at("approximateInvokeCount"), 1);
  EXPECT_EQ(record.at("requestPayload").at("a"), 1);
  EXPECT_EQ(record.at("responseContext").at("statusCode"), 200);
  EXPECT_EQ(record.at("responsePayload").at("done"), true);
}

TEST_F(EventQueueTest, WithNothingReservedAnEventIsGivenUpAtOnce) {
  set_rules({.retries = {}, .oldest_s = {}, .on_success = {}, .on_failure = kTold, .last_modified = {}});
  ASSERT_TRUE(registry_->set_reserved_concurrency(event().function, 0));
  invoker_.failure = Error(invocation::ErrorKind::kReservedThrottled, "Rate Exceeded.");
  ASSERT_TRUE(queue_->accept(event()));
  turn();
  invoker_.failure.reset();
  turn();
  EXPECT_EQ(invoker_.last.function.name, "told");
  const auto record = boost::json::parse(invoker_.last.payload).as_object();
  EXPECT_EQ(record.at("requestContext").at("condition"), "ZeroReservedConcurrency");
  EXPECT_TRUE(store_.rows().empty());
}

TEST_F(EventQueueTest, ADestinationGetsTheRecordOfAFailureAfterTheLastRetry) {
  set_rules({.retries = 1, .oldest_s = {}, .on_success = {}, .on_failure = kTold, .last_modified = {}});
  invoker_.outcome.function_error = "Unhandled";
  invoker_.outcome.payload = R"({"errorMessage":"no"})";
  ASSERT_TRUE(queue_->accept(event()));
  turn();
  clock_.advance(61s);
  turn();
  EXPECT_EQ(invoker_.runs, 2);
  invoker_.outcome.function_error.clear();
  turn();
  EXPECT_EQ(invoker_.last.function.name, "told");
  const auto record = boost::json::parse(invoker_.last.payload).as_object();
  EXPECT_EQ(record.at("requestContext").at("condition"), "RetriesExhausted");
  EXPECT_EQ(record.at("requestContext").at("approximateInvokeCount"), 2);
  EXPECT_EQ(record.at("responseContext").at("functionError"), "Unhandled");
  EXPECT_EQ(record.at("responsePayload").at("errorMessage"), "no");
  EXPECT_TRUE(store_.rows().empty());
}

}  // namespace
}  // namespace hearth::services::lambda
