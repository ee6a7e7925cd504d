#include "storage/rocks_store.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "base/check.h"
#include "storage/store_fixture.h"

namespace hearth::storage {
namespace {

using namespace std::chrono_literals;

class RocksStoreTest : public StoreFixture {
 protected:
  RocksStoreTest() { open(); }

  std::vector<std::string> keys(Result<std::vector<Entry>> entries) {
    EXPECT_TRUE(entries) << entries.error().message();
    std::vector<std::string> names;
    for (const Entry& entry : entries.value_or(std::vector<Entry>())) names.push_back(entry.key);
    return names;
  }
};

TEST_F(RocksStoreTest, WritesAreSeenAtOnceAndDurableAfterTheWait) {
  const Ticket ticket = put("a", "1");
  EXPECT_EQ(get("a"), "1");
  EXPECT_FALSE(store_->is_durable(ticket));
  ASSERT_TRUE(wait(ticket));
  EXPECT_TRUE(store_->is_durable(ticket));
  EXPECT_EQ(get("a"), "1");
  EXPECT_EQ(get("b"), std::nullopt);
}

TEST_F(RocksStoreTest, NothingWrittenIsDurable) {
  EXPECT_EQ(store_->last_ticket(), 0U);
  EXPECT_TRUE(store_->is_durable(0));
  EXPECT_TRUE(wait(0));
}

TEST_F(RocksStoreTest, ABatchIsAppliedOnlyIfAllItsConditionsHold) {
  put("exists", "1");
  Batch creates;
  creates.require_absent("exists").put("other", "2");
  EXPECT_TRUE(store_->commit(std::move(creates)).error().is(ErrorKind::kConflict));
  EXPECT_EQ(get("other"), std::nullopt);

  Batch wrong;
  wrong.require_absent("other").require_equal("exists", "0").put("other", "2");
  EXPECT_TRUE(store_->commit(std::move(wrong)).error().is(ErrorKind::kConflict));

  ASSERT_TRUE(wait());
  Batch right;
  right.require_absent("other").require_equal("exists", "1").put("exists", "2").erase("gone");
  EXPECT_TRUE(store_->commit(std::move(right)));
  EXPECT_EQ(get("exists"), "2");
}

TEST_F(RocksStoreTest, ConditionsSeeErasuresThatAreNotOnDiskYet) {
  put("a", "1");
  ASSERT_TRUE(wait());
  Batch erases;
  erases.erase("a");
  ASSERT_TRUE(store_->commit(std::move(erases)));
  Batch creates;
  creates.require_absent("a").put("a", "2");
  EXPECT_TRUE(store_->commit(std::move(creates)));
  ASSERT_TRUE(wait());
  EXPECT_EQ(get("a"), "2");
}

TEST_F(RocksStoreTest, ARefusedOrEmptyBatchTakesNoTicket) {
  const Ticket ticket = put("a", "1");
  Batch conflict;
  conflict.require_absent("a").put("b", "1");
  EXPECT_FALSE(store_->commit(std::move(conflict)));
  EXPECT_EQ(store_->commit(Batch()).value(), ticket);
  EXPECT_EQ(store_->last_ticket(), ticket);
  EXPECT_EQ(put("c", "1"), ticket + 1);
}

TEST_F(RocksStoreTest, AllBatchesOfATurnShareOneSync) {
  loop_.post([this] {
    for (int i = 0; i < 100; ++i) put("key" + std::to_string(i), "value");
  });
  loop_.run();
  ASSERT_TRUE(wait());
  EXPECT_EQ(store_->sync_count(), 1U);
  EXPECT_EQ(get("key99"), "value");
}

TEST_F(RocksStoreTest, TheLastWriteOfAKeyWinsWithinABatchAndATurn) {
  Batch batch;
  batch.put("a", "1").erase("a").put("a", "2").put("b", "1").erase("b");
  ASSERT_TRUE(store_->commit(std::move(batch)));
  put("a", "3");
  EXPECT_EQ(get("a"), "3");
  ASSERT_TRUE(wait());
  EXPECT_EQ(get("a"), "3");
  EXPECT_EQ(get("b"), std::nullopt);
}

Task<> await_durable_then(RocksStore& store, Ticket ticket, std::vector<std::string>& order, std::string name) {
  const Status status = co_await store.durable(ticket);
  order.push_back(status ? name : "failed");
}

TEST_F(RocksStoreTest, WaitingForWhatIsSyncedDoesNotSuspend) {
  const Ticket ticket = put("a", "1");
  ASSERT_TRUE(wait(ticket));
  std::vector<std::string> order;
  loop_.spawn(await_durable_then(*store_, ticket, order, "durable"));
  loop_.post([&] { order.push_back("next in line"); });
  loop_.run();
  EXPECT_EQ(order, (std::vector<std::string>{"durable", "next in line"}));
}

TEST_F(RocksStoreTest, WaitersWakeInTheOrderOfTheirTickets) {
  std::vector<std::string> order;
  const Ticket first = put("a", "1");
  const Ticket second = put("b", "1");
  loop_.spawn(await_durable_then(*store_, second, order, "second"));
  loop_.spawn(await_durable_then(*store_, first, order, "first"));
  loop_.run();
  EXPECT_EQ(order, (std::vector<std::string>{"first", "second"}));
}

TEST_F(RocksStoreTest, BackgroundWritesHoldUpNoReplyAndRideAlong) {
  options_.background_delay = 1h;
  open();
  put("log", "line", Urgency::kBackground);
  EXPECT_EQ(store_->last_ticket(), 0U);
  EXPECT_EQ(get("log"), "line");
  loop_.run();
  EXPECT_EQ(store_->sync_count(), 0U);
  const Ticket ticket = put("a", "1");
  ASSERT_TRUE(wait(ticket));
  EXPECT_EQ(store_->sync_count(), 1U);
  EXPECT_TRUE(store_->is_durable(ticket - 1));
}

TEST_F(RocksStoreTest, BackgroundWritesAloneAreSyncedAfterTheirDelay) {
  options_.background_delay = 20ms;
  open();
  const Ticket ticket = put("log", "line", Urgency::kBackground);
  const auto give_up = std::chrono::steady_clock::now() + 10s;
  while (!store_->is_durable(ticket) && std::chrono::steady_clock::now() < give_up) {
    loop_.spawn(net::sleep_for(1ms));
    loop_.run();
  }
  EXPECT_TRUE(store_->is_durable(ticket));
}

TEST_F(RocksStoreTest, ABackgroundWriteThatSomebodyWaitsForIsHurried) {
  options_.background_delay = 1h;
  open();
  const Ticket same_turn = put("log", "1", Urgency::kBackground);
  ASSERT_TRUE(wait(same_turn));
  const Ticket later_turn = put("log", "2", Urgency::kBackground);
  loop_.run();
  ASSERT_TRUE(wait(later_turn));
}

TEST_F(RocksStoreTest, EverythingIsThereAfterReopening) {
  put("a", "1");
  ASSERT_TRUE(wait());
  put("b", "2", Urgency::kBackground);
  open();  // closing writes what was not
  EXPECT_EQ(get("a"), "1");
  EXPECT_EQ(get("b"), "2");
}

TEST_F(RocksStoreTest, ScansStayWithinTheirPrefixAndLimits) {
  for (const char* key : {"a", "b/1", "b/2", "b/3", "b0", "c"}) put(key, "v");
  for (int synced = 0; synced < 2; ++synced) {
    EXPECT_EQ(keys(store_->scan("b/", "", 10)), (std::vector<std::string>{"b/1", "b/2", "b/3"}));
    EXPECT_EQ(keys(store_->scan("b/", "b/1", 1)), (std::vector<std::string>{"b/2"}));
    EXPECT_EQ(keys(store_->scan("b/", "b/3", 10)), std::vector<std::string>());
    EXPECT_EQ(keys(store_->scan("b/", "a", 10)).size(), 3U) << "a start before the prefix is its start";
    EXPECT_EQ(keys(store_->scan("b/", "c", 10)), std::vector<std::string>());
    EXPECT_EQ(keys(store_->scan("", "", 10)).size(), 6U);
    EXPECT_EQ(keys(store_->scan("b/", "", 0)), std::vector<std::string>());
    EXPECT_EQ(keys(store_->scan_back("b/", "", 10)), (std::vector<std::string>{"b/3", "b/2", "b/1"}));
    EXPECT_EQ(keys(store_->scan_back("b/", "b/3", 1)), (std::vector<std::string>{"b/2"}));
    EXPECT_EQ(keys(store_->scan_back("b/", "b/1", 9)), std::vector<std::string>());
    EXPECT_EQ(keys(store_->scan_back("b/", "z", 9)).size(), 3U) << "an end after the prefix is its end";
    EXPECT_EQ(keys(store_->scan_back("b/", "a", 9)), std::vector<std::string>());
    ASSERT_TRUE(wait());
  }
}

TEST_F(RocksStoreTest, ErasingAPrefixLeavesItsNeighbours) {
  for (int i = 0; i < 50; ++i) put("p/" + std::to_string(i), "v");
  put("o", "v");
  put("p", "v");
  put("p0", "v");
  ASSERT_TRUE(wait());
  put("p/late", "v");
  ASSERT_TRUE(store_->erase_prefix("p/"));
  EXPECT_EQ(keys(store_->scan("", "", 100)), (std::vector<std::string>{"o", "p", "p0"}));
  ASSERT_TRUE(wait());
  open();
  EXPECT_EQ(keys(store_->scan("", "", 100)), (std::vector<std::string>{"o", "p", "p0"}));
  ASSERT_TRUE(store_->erase_prefix(""));
  put("new", "v");
  ASSERT_TRUE(wait());
  EXPECT_EQ(keys(store_->scan("", "", 100)), std::vector<std::string>{"new"});
}

TEST_F(RocksStoreTest, ErasesMoreKeysThanOnePieceHolds) {
  Batch batch;
  for (int i = 0; i < 25'000; ++i) batch.put("many/" + std::to_string(i), "");
  ASSERT_TRUE(store_->commit(std::move(batch)));
  ASSERT_TRUE(wait());
  ASSERT_TRUE(store_->erase_prefix("many/"));
  ASSERT_TRUE(wait());
  EXPECT_EQ(keys(store_->scan("", "", 10)), std::vector<std::string>());
}

TEST_F(RocksStoreTest, WaitingForATicketThatWasNeverGivenIsOurBug) {
  const auto ask = [this] { return store_->durable(7); };
  std::optional<std::string> caught;
  struct Catcher {
    static Task<> run(Task<Status> wait, std::optional<std::string>& caught) {
      try {
        const Status status = co_await std::move(wait);
      } catch (const CheckFailed& failure) {
        caught = failure.what();
      }
    }
  };
  loop_.spawn(Catcher::run(ask(), caught));
  loop_.run();
  EXPECT_TRUE(caught);
}

// Against a std::map that is told the same: whatever part is in the overlay and whatever on disk.
TEST_F(RocksStoreTest, BehavesAsAnOrderedMapWhateverIsSynced) {
  std::mt19937 random(1);  // NOLINT: the same story every time
  const auto below = [&](unsigned n) { return std::uniform_int_distribution<unsigned>(0, n - 1)(random); };
  const auto some_key = [&] {
    std::string key;
    for (unsigned length = below(4); key.size() < length;)
      key.push_back(
          std::string("\0\x01"
                      "ab\xff",
                      5)[below(5)]);
    return key;
  };
  std::map<std::string, std::string> model;
  for (int round = 0; round < 1500; ++round) {
    switch (below(6)) {
      case 0:
      case 1: {
        Batch batch;
        for (unsigned i = below(4) + 1; i > 0; --i) {
          const std::string key = some_key();
          const std::string value = std::to_string(round);
          batch.put(key, value);
          model[key] = value;
        }
        ASSERT_TRUE(store_->commit(std::move(batch), below(2) ? Urgency::kForeground : Urgency::kBackground));
        break;
      }
      case 2: {
        const std::string key = some_key();
        Batch batch;
        batch.erase(key);
        model.erase(key);
        ASSERT_TRUE(store_->commit(std::move(batch)));
        break;
      }
      case 3:
        loop_.run();  // whatever the storage thread has finished by now
        break;
      case 4:
        if (below(8) == 0) ASSERT_TRUE(wait());
        break;
      case 5:
        if (below(20) == 0 && model.size() > 30) {
          const std::string prefix = some_key();
          ASSERT_TRUE(store_->erase_prefix(prefix));
          std::erase_if(model, [&](const auto& row) { return row.first.starts_with(prefix); });
        }
        break;
    }
    const std::string prefix = some_key();
    const std::string edge = below(2) ? some_key() : std::string();
    const std::size_t limit = below(12);
    std::vector<std::string> forward;
    std::vector<std::string> backward;
    for (const auto& [key, value] : model) {
      if (!key.starts_with(prefix)) continue;
      if (edge.empty() || key > edge) forward.push_back(key);
      if (edge.empty() || key < edge) backward.insert(backward.begin(), key);
    }
    if (forward.size() > limit) forward.resize(limit);
    if (backward.size() > limit) backward.resize(limit);
    ASSERT_EQ(keys(store_->scan(prefix, edge, limit)), forward) << round;
    ASSERT_EQ(keys(store_->scan_back(prefix, edge, limit)), backward) << round;
    const std::string key = some_key();
    const auto found = model.find(key);
    ASSERT_EQ(get(key), found == model.end() ? std::nullopt : std::optional(found->second)) << round;
  }
  ASSERT_TRUE(wait());
  open();
  for (const auto& [key, value] : model) ASSERT_EQ(get(key), value);
  EXPECT_EQ(keys(store_->scan("", "", 10'000)).size(), model.size());
}

}  // namespace
}  // namespace hearth::storage
