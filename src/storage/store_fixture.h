#pragma once
// What the tests of stores share: a loop, a folder, and a way to wait for the disk.

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.h"
#include "net/loop.h"
#include "observe/log.h"
#include "storage/faulty_disk.h"
#include "storage/rocks_store.h"

namespace hearth::storage {

class StoreFixture : public ::testing::Test {
 protected:
  StoreFixture() { options_.path = folder_ / "db"; }

  void open() {
    store_.reset();
    auto opened = RocksStore::open(options_, loop_, log_);
    ASSERT_TRUE(opened) << opened.error().message();
    store_ = std::move(*opened);
  }

  // Runs the loop until `ticket` is durable or failed.
  Status wait(Ticket ticket) {
    std::optional<Status> result;
    loop_.spawn(note_durable(*store_, ticket, result));
    loop_.run();
    return result.value_or(Status());
  }
  Status wait() { return wait(store_->last_ticket()); }

  Ticket put(const std::string& key, const std::string& value, Urgency urgency = Urgency::kForeground) {
    Batch batch;
    batch.put(key, value);
    const Result<Ticket> ticket = store_->commit(std::move(batch), urgency);
    EXPECT_TRUE(ticket) << ticket.error().message();
    return ticket.value_or(0);
  }
  bool try_put(const std::string& key, const std::string& value) {
    Batch batch;
    batch.put(key, value);
    return store_->commit(std::move(batch)).has_value();
  }
  std::optional<std::string> get(const std::string& key) {
    auto value = store_->get(key);
    EXPECT_TRUE(value) << value.error().message();
    return value ? *value : std::nullopt;
  }

  static Task<> note_durable(RocksStore& store, Ticket ticket, std::optional<Status>& result) {
    Status status = co_await store.durable(ticket);
    result = std::move(status);
  }

  TemporaryFolder folder_;
  SystemClock clock_;
  net::Loop loop_{clock_};
  observe::Logger log_{-1, observe::Level::kError, observe::LogFormat::kText};
  RocksStoreOptions options_;
  std::unique_ptr<RocksStore> store_;
};

}  // namespace hearth::storage
