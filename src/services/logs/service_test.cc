#include "services/logs/service.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "base/unique_fd.h"
#include "services/logs/errors.h"
#include "services/logs/filter_pattern.h"
#include "storage/memory_store.h"

namespace hearth::services::logs {
namespace {

class LogsTest : public testing::Test {
 protected:
  LogsTest() : null_(::open("/dev/null", O_WRONLY | O_CLOEXEC)) {
    EXPECT_TRUE(service_.create_group(kScope, Group{.name = "g"}));
    EXPECT_TRUE(service_.create_stream(kScope, "g", "a"));
    EXPECT_TRUE(service_.create_stream(kScope, "g", "b"));
  }
  std::int64_t now() const { return clock_.now().time_since_epoch().count(); }
  // What a task of the service returns.
  template <class T>
  T run(net::Task<T> task) {
    std::optional<T> result;
    loop_.spawn(note(std::move(task), result));
    loop_.run();
    return std::move(*result);
  }
  template <class T>
  static net::Task<> note(net::Task<T> task, std::optional<T>& result) {
    result = co_await std::move(task);
  }
  void put(const std::string& stream, std::int64_t at_ms, const std::string& message) {
    const auto put = run(service_.put_events(kScope, "g", stream, {{at_ms, message}}));
    ASSERT_TRUE(put) << put.error().message();
    ASSERT_FALSE(put->too_old_end || put->too_new_start || put->expired_end);
  }
  std::vector<std::string> messages(const FilterPage& page) const {
    std::vector<std::string> out;
    for (const FoundEvent& found : page.events) out.push_back(found.event.message);
    return out;
  }

  const Scope kScope{"000000000000", "us-east-1"};
  UniqueFd null_;
  storage::MemoryStore store_;
  FakeClock clock_;
  net::Loop loop_{clock_};
  net::FairTurns turns_{loop_, 1};
  observe::Logger log_{null_.get(), observe::Level::kError, observe::LogFormat::kText};
  Service service_{store_, turns_, clock_, log_};
};

TEST_F(LogsTest, NamesAreTakenOnce) {
  EXPECT_TRUE(service_.create_group(kScope, Group{.name = "g"}).error().is(ErrorKind::kGroupExists));
  EXPECT_TRUE(service_.create_stream(kScope, "g", "a").error().is(ErrorKind::kStreamExists));
  EXPECT_TRUE(service_.create_stream(kScope, "missing", "a").error().is(ErrorKind::kGroupNotFound));
}

TEST_F(LogsTest, ASearchMergesAllStreamsByTime) {
  put("a", now() - 30, "one");
  put("b", now() - 20, "two");
  put("a", now() - 10, "three");
  const auto page = run(service_.filter_events(kScope, "g", {}));
  ASSERT_TRUE(page);
  EXPECT_EQ(messages(*page), (std::vector<std::string>{"one", "two", "three"}));
  EXPECT_EQ(page->next_token, "");
}

TEST_F(LogsTest, ASearchContinuesWhereItsPageEnded) {
  for (int i = 0; i < 7; ++i) put(i % 2 == 0 ? "a" : "b", now() - 5, std::to_string(i));
  FilterQuery query;
  query.range.limit = 3;
  std::vector<std::string> all;
  for (int pages = 0; pages < 4; ++pages) {
    const auto page = run(service_.filter_events(kScope, "g", query));
    ASSERT_TRUE(page);
    for (const std::string& message : messages(*page)) all.push_back(message);
    query.token = page->next_token;
    if (query.token.empty()) break;
  }
  EXPECT_EQ(all, (std::vector<std::string>{"0", "1", "2", "3", "4", "5", "6"}));
}

TEST_F(LogsTest, ATimeRangeIncludesItsStartAndExcludesItsEnd) {
  for (std::int64_t at = 1; at <= 5; ++at) put("a", now() - 100 + at, std::to_string(at));
  FilterQuery query;
  query.range = {now() - 98, now() - 96};
  const auto page = run(service_.filter_events(kScope, "g", query));
  ASSERT_TRUE(page);
  EXPECT_EQ(messages(*page), (std::vector<std::string>{"2", "3"}));
}

TEST_F(LogsTest, AStreamIsReadFromEitherEnd) {
  for (std::int64_t at = 1; at <= 5; ++at) put("a", now() - 100 + at, std::to_string(at));
  const EventQuery two{std::nullopt, std::nullopt, 2};
  auto tail = run(service_.get_events(kScope, "g", "a", two, "", Service::Begin::kTail));
  ASSERT_TRUE(tail);
  EXPECT_EQ(tail->events.front().message + tail->events.back().message, "45");
  auto before = run(service_.get_events(kScope, "g", "a", two, tail->backward_token, Service::Begin::kTail));
  ASSERT_TRUE(before);
  EXPECT_EQ(before->events.front().message + before->events.back().message, "23");
  auto head = run(service_.get_events(kScope, "g", "a", two, "", Service::Begin::kHead));
  ASSERT_TRUE(head);
  EXPECT_EQ(head->events.front().message + head->events.back().message, "12");
}

TEST_F(LogsTest, TheTokenAtTheEndOfAStreamStaysTheSame) {
  put("a", now(), "only");
  auto page = run(service_.get_events(kScope, "g", "a", {}, "", Service::Begin::kHead));
  ASSERT_TRUE(page);
  const std::string token = page->forward_token;
  page = run(service_.get_events(kScope, "g", "a", {}, token, Service::Begin::kHead));
  ASSERT_TRUE(page);
  EXPECT_TRUE(page->events.empty());
  EXPECT_EQ(page->forward_token, token);
}

TEST_F(LogsTest, OutputOfFunctionsMakesItsGroupAndStream) {
  service_.append("000000000000", "us-east-1", "/aws/lambda/f", "s", {{clock_.now(), "hello"}});
  const auto page = run(service_.get_events(kScope, "/aws/lambda/f", "s", {}, "", Service::Begin::kHead));
  ASSERT_TRUE(page) << page.error().message();
  ASSERT_EQ(page->events.size(), 1U);
  EXPECT_EQ(page->events[0].message, "hello");
}

TEST_F(LogsTest, EventsOutOfOrderOrOfAnotherAgeAreRefused) {
  EXPECT_TRUE(
      run(service_.put_events(kScope, "g", "a", {{now(), "x"}, {now() - 1, "y"}})).error().is(ErrorKind::kInvalid));
  constexpr std::int64_t kDay = 24LL * 3600 * 1000;
  const auto old = run(service_.put_events(kScope, "g", "a", {{now() - 15 * kDay, "old"}}));
  ASSERT_TRUE(old);
  EXPECT_EQ(old->too_old_end, 1);
  const auto future = run(service_.put_events(kScope, "g", "a", {{now(), "now"}, {now() + kDay / 2, "new"}}));
  ASSERT_TRUE(future);
  EXPECT_EQ(future->too_new_start, 1);
}

TEST_F(LogsTest, RetentionDeletesWhatIsOlder) {
  put("a", now(), "old");
  clock_.advance(std::chrono::hours(30));
  put("a", now(), "young");
  ASSERT_TRUE(service_.set_retention(kScope, "g", 1));
  const auto expired = run(service_.expire(100));
  ASSERT_TRUE(expired);
  EXPECT_EQ(*expired, 1U);
  const auto page = run(service_.filter_events(kScope, "g", {}));
  ASSERT_TRUE(page);
  EXPECT_EQ(messages(*page), std::vector<std::string>{"young"});
}

TEST_F(LogsTest, DeletingAGroupTakesItsEventsAlong) {
  put("a", now(), "x");
  ASSERT_TRUE(run(service_.delete_group(kScope, "g")));
  ASSERT_TRUE(service_.create_group(kScope, Group{.name = "g"}));
  ASSERT_TRUE(service_.create_stream(kScope, "g", "a"));
  const auto page = run(service_.get_events(kScope, "g", "a", {}, "", Service::Begin::kHead));
  ASSERT_TRUE(page);
  EXPECT_TRUE(page->events.empty());
}

// So many events that every task takes several turns.
TEST_F(LogsTest, LongWorkIsCutIntoTurnsAndComplete) {
  constexpr int kEvents = 5'000;
  std::vector<InputEvent> events;
  for (int i = 0; i < kEvents; ++i) events.push_back({now(), std::to_string(i)});
  const auto put = run(service_.put_events(kScope, "g", "a", std::move(events)));
  ASSERT_TRUE(put) << put.error().message();

  std::uint64_t other_turns = 0;
  bool searched = false;
  const auto count_turns = [](std::uint64_t& turns, const bool& until) -> net::Task<> {
    do {
      co_await net::yield_turn();
      ++turns;
    } while (!until);
  };
  const auto search = [](Service& service, Scope scope, std::vector<std::string>& found, bool& done) -> net::Task<> {
    FilterQuery query;
    for (;;) {
      auto searching = service.filter_events(scope, "g", query);
      const auto page = co_await std::move(searching);
      if (!page) break;
      for (const FoundEvent& event : page->events) found.push_back(event.event.message);
      query.token = page->next_token;
      if (query.token.empty()) break;
    }
    done = true;
  };
  std::vector<std::string> found;
  loop_.spawn(search(service_, kScope, found, searched));
  loop_.spawn(count_turns(other_turns, searched));
  loop_.run();
  ASSERT_EQ(found.size(), static_cast<std::size_t>(kEvents));
  EXPECT_EQ(found.back(), std::to_string(kEvents - 1));
  EXPECT_GT(other_turns, 2U) << "others ran in between";

  ASSERT_TRUE(run(service_.delete_group(kScope, "g")));
  EXPECT_TRUE(store_.rows().empty());
}

TEST(FilterPattern, TermsPhrasesExclusionsAndAlternatives) {
  const auto matches = [](std::string_view pattern, std::string_view message) {
    const auto parsed = FilterPattern::parse(pattern);
    EXPECT_TRUE(parsed) << pattern;
    return parsed && parsed->matches(message);
  };
  EXPECT_TRUE(matches("", "anything"));
  EXPECT_TRUE(matches("ERROR disk", "disk ERROR"));
  EXPECT_FALSE(matches("ERROR disk", "ERROR only"));
  EXPECT_FALSE(matches("error", "ERROR"));
  EXPECT_TRUE(matches("\"two words\"", "has two words"));
  EXPECT_FALSE(matches("\"two words\"", "two other words"));
  EXPECT_FALSE(matches("ERROR -timeout", "ERROR timeout"));
  EXPECT_TRUE(matches("?WARN ?ERROR", "WARN x"));
  EXPECT_FALSE(matches("?WARN ?ERROR", "INFO"));
}

TEST(FilterPattern, WhatIsNotBuiltIsNamed) {
  for (const std::string_view pattern : {"{ $.a = 1 }", "[a, b]", "%x+%"}) {
    const auto parsed = FilterPattern::parse(pattern);
    ASSERT_FALSE(parsed) << pattern;
    EXPECT_TRUE(parsed.error().is(ErrorKind::kUnsupported));
  }
  EXPECT_TRUE(FilterPattern::parse("\"open").error().is(ErrorKind::kInvalid));
}

}  // namespace
}  // namespace hearth::services::logs
