// What RocksStore promises when the disk is full, fails, hangs, or loses power at any moment.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <random>
#include <set>
#include <thread>

#include "storage/rocks_store.h"
#include "storage/store_fixture.h"

namespace hearth::storage {
namespace {

using namespace std::chrono_literals;

class RocksStoreFaultTest : public StoreFixture {
 protected:
  RocksStoreFaultTest() {
    options_.watch = &disk_;
    options_.first_retry = 5ms;
    options_.background_delay = 5ms;
    open();
  }
  void TearDown() override {
    disk_.heal();  // a rule may refer to what the test body had
    store_.reset();
  }

  // Runs the loop until the store is, or is not, in trouble; false if it takes too long.
  bool await_trouble(bool expected) {
    const auto give_up = std::chrono::steady_clock::now() + 20s;
    while (store_->trouble().has_value() != expected) {
      if (std::chrono::steady_clock::now() > give_up) return false;
      loop_.spawn(net::sleep_for(1ms));
      loop_.run();
    }
    return true;
  }
  void fill_disk() {
    disk_.set_rule([](const DiskCall& call) {
      const bool needs_space = call.operation == DiskOperation::kWrite || call.operation == DiskOperation::kCreate;
      return needs_space ? ENOSPC : 0;
    });
  }

  FaultyDisk disk_;
};

TEST_F(RocksStoreFaultTest, AFullDiskStopsAcknowledgingSaysSoAndRecovers) {
  put("before", "1");
  ASSERT_TRUE(wait());
  fill_disk();
  const Ticket lost = put("during", "2");
  const Status status = wait(lost);
  ASSERT_FALSE(status);
  EXPECT_TRUE(status.error().is(ErrorKind::kUnavailable));
  ASSERT_TRUE(store_->trouble());
  EXPECT_NE(store_->trouble()->find("No space left on device"), std::string::npos) << *store_->trouble();

  Batch refused;
  refused.put("refused", "3");
  EXPECT_TRUE(store_->commit(std::move(refused)).error().is(ErrorKind::kUnavailable));
  EXPECT_FALSE(wait(lost)) << "further waiters fail at once";
  EXPECT_EQ(get("before"), "1") << "reads go on";
  EXPECT_EQ(get("during"), "2");
  EXPECT_EQ(store_->scan("", "", 10).value().size(), 2U);
  EXPECT_FALSE(store_->erase_prefix(""));

  disk_.heal();
  ASSERT_TRUE(await_trouble(false));
  EXPECT_TRUE(wait(lost)) << "what was kept is on disk now";
  put("after", "4");
  ASSERT_TRUE(wait());
  options_.watch = nullptr;
  open();
  EXPECT_EQ(get("before"), "1");
  EXPECT_EQ(get("during"), "2");
  EXPECT_EQ(get("refused"), std::nullopt);
  EXPECT_EQ(get("after"), "4");
}

TEST_F(RocksStoreFaultTest, AFailureThatPassesIsNotNoticed) {
  put("a", "1");
  ASSERT_TRUE(wait());
  std::atomic<bool> failed = false;
  disk_.set_rule([&](const DiskCall& call) {
    if (failed || call.operation != DiskOperation::kSync) return 0;
    failed = true;
    return EIO;
  });
  put("b", "2");
  EXPECT_TRUE(wait());
  EXPECT_TRUE(failed);
  EXPECT_FALSE(store_->trouble());
  put("c", "3");
  EXPECT_TRUE(wait());
  open();
  EXPECT_EQ(store_->scan("", "", 10).value().size(), 3U);
}

TEST_F(RocksStoreFaultTest, WhatFollowedAFailedWriteStaysInOrder) {
  put("key", "0");
  ASSERT_TRUE(wait());
  fill_disk();
  put("key", "1");
  loop_.post([this] { put("key", "2"); });  // a later turn, maybe queued behind the failing batch
  loop_.run();
  ASSERT_TRUE(await_trouble(true));
  disk_.heal();
  ASSERT_TRUE(await_trouble(false));
  ASSERT_TRUE(wait());
  EXPECT_EQ(get("key"), "2");
  open();
  EXPECT_EQ(get("key"), "2");
}

// Space that a file system promised may be missing when it is to be written: then only a sync tells.
TEST_F(RocksStoreFaultTest, ADiskThatIsFullOnlyWhenSyncedStaysReadableBecauseTheProbeIsSynced) {
  put("before", "1");
  ASSERT_TRUE(wait());
  for (const bool probe_tells : {true, false}) {
    disk_.set_rule([=](const DiskCall& call) {
      const bool syncs = call.operation == DiskOperation::kSync || call.operation == DiskOperation::kSyncFolder;
      return syncs && (probe_tells || call.site.name != "rows.probe") ? ENOSPC : 0;
    });
    put("during", "2");
    EXPECT_FALSE(wait());
    bool readable = true;
    const auto end = std::chrono::steady_clock::now() + 100ms;  // several attempts
    while (std::chrono::steady_clock::now() < end) {
      readable = readable && store_->get("before").has_value();
      std::this_thread::sleep_for(1ms);
    }
    EXPECT_EQ(readable, probe_tells) << "without the probe's sync the open database is given up for one that fails";
    disk_.heal();
    ASSERT_TRUE(await_trouble(false));
    EXPECT_EQ(get("during"), "2");
  }
}

TEST_F(RocksStoreFaultTest, ClosingWhileTheDiskIsFullEnds) {
  fill_disk();
  put("a", "1");
  ASSERT_FALSE(wait());
  store_.reset();
  disk_.heal();
  open();
  put("b", "1");
  EXPECT_TRUE(wait());
}

TEST_F(RocksStoreFaultTest, AFullDiskAtTheStartIsSaidInASentence) {
  store_.reset();
  fill_disk();
  options_.path = folder_ / "other";
  const auto opened = RocksStore::open(options_, loop_, log_);
  ASSERT_FALSE(opened);
  EXPECT_TRUE(opened.error().is(ErrorKind::kIo));
  EXPECT_NE(opened.error().message().find("No space left"), std::string::npos) << opened.error().message();
}

// A disk whose next sync hangs until it is let go.
class HangingDisk final : public DiskWatch {
 public:
  int before(const DiskCall& call) override {
    std::unique_lock lock(mutex_);
    if (call.operation == DiskOperation::kSync) free_.wait(lock, [this] { return !hanging_; });
    return 0;
  }
  void after(const DiskCall& call) override { (void)call; }
  void hang() {
    const std::lock_guard guard(mutex_);
    hanging_ = true;
  }
  void let_go() {
    {
      const std::lock_guard guard(mutex_);
      hanging_ = false;
    }
    free_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable free_;
  bool hanging_ = false;
};

TEST_F(RocksStoreFaultTest, ADiskThatHangsFailsWaitersAtTheDeadlineAndIsForgivenWhenItGoesOn) {
  HangingDisk disk;
  options_.watch = &disk;
  options_.write_deadline = 30ms;
  open();
  disk.hang();
  const Ticket ticket = put("a", "1");
  const Status status = wait(ticket);
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message().find("has not finished a write for 30 ms"), std::string::npos);
  EXPECT_TRUE(store_->trouble());
  EXPECT_FALSE(try_put("b", "1"));
  disk.let_go();
  ASSERT_TRUE(await_trouble(false));
  EXPECT_TRUE(wait(ticket));
  store_.reset();
}

TEST_F(RocksStoreFaultTest, MoreThanItsShareOfUnsyncedBytesIsRefused) {
  HangingDisk disk;
  options_.watch = &disk;
  options_.max_pending = ByteCount::kib(64);
  open();
  disk.hang();
  int accepted = 0;
  while (accepted < 1000 && try_put("key" + std::to_string(accepted), std::string(1024, 'x'))) ++accepted;
  EXPECT_GE(accepted, 63);
  EXPECT_LT(accepted, 70);
  disk.let_go();
  ASSERT_TRUE(wait());
  EXPECT_TRUE(try_put("after", "x"));
  ASSERT_TRUE(wait());
  store_.reset();
}

// A story of numbered writes, some to new keys and some over and over to one, in turns of one to three.
struct Story {
  std::set<int> acknowledged;
  int attempted = 0;
};

class RocksStoreEveryStepTest : public RocksStoreFaultTest {
 protected:
  // A value that does not compress, so that small buffers fill.
  static std::string noise(int number) {
    std::mt19937 random(static_cast<unsigned>(number));
    std::string bytes(700, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    return bytes;
  }

  // Writes until `count` were tried, noting what was acknowledged.
  void tell(Story& story, int count) {
    while (story.attempted < count) {
      std::vector<int> turn;
      for (int i = 0; i <= story.attempted % 3; ++i) {
        const int number = story.attempted + i;
        Batch batch;
        batch.put("row/" + std::to_string(100'000 + number), noise(number)).put("newest", std::to_string(number));
        if (store_->commit(std::move(batch))) turn.push_back(number);
      }
      story.attempted += 1 + story.attempted % 3;
      if (!turn.empty() && wait()) story.acknowledged.insert(turn.begin(), turn.end());
    }
  }
  // Everything acknowledged is there, and "newest" is not older than the newest acknowledged.
  void check(const Story& story, const std::string& when) {
    std::set<int> found;
    const auto rows = store_->scan("row/", "", 10'000);
    ASSERT_TRUE(rows) << when << ": " << rows.error().message();
    for (const Entry& row : *rows) {
      const int number = std::stoi(row.key.substr(4)) - 100'000;
      EXPECT_EQ(row.value, noise(number)) << when;
      found.insert(number);
    }
    for (const int number : story.acknowledged) {
      ASSERT_TRUE(found.contains(number)) << when << ": write " << number << " was acknowledged and is lost";
    }
    if (found.empty()) return;
    const auto newest = store_->get("newest");
    ASSERT_TRUE(newest && *newest) << when;
    EXPECT_EQ(std::stoi(**newest), *found.rbegin()) << when << ": a batch was torn";
  }
};

TEST_F(RocksStoreEveryStepTest, AfterAFailureAtAnyStepNothingAcknowledgedIsLost) {
  for (const int error : {ENOSPC, EIO}) {
    std::uint64_t steps = 1;
    for (std::uint64_t step = 0; step < steps; ++step) {
      store_.reset();
      options_.path = folder_ / ("db" + std::to_string(error) + "-" + std::to_string(step));
      open();
      std::atomic<std::uint64_t> calls = 0;
      // The step and the five after it, so that the repeated attempt fails as well.
      disk_.set_rule([&](const DiskCall&) {
        const std::uint64_t now = calls++;
        return now >= step && now < step + 6 ? error : 0;
      });
      Story story;
      tell(story, 12);
      const std::string when = "errno " + std::to_string(error) + " at step " + std::to_string(step);
      ASSERT_TRUE(await_trouble(false)) << when;
      tell(story, 18);
      steps = std::min<std::uint64_t>(calls.load(), 20);
      disk_.heal();
      ASSERT_TRUE(await_trouble(false)) << when;
      ASSERT_TRUE(wait()) << when;
      check(story, when);
      open();
      check(story, when + ", reopened");
      EXPECT_FALSE(story.acknowledged.empty()) << when;
    }
    EXPECT_GT(steps, 15U);
  }
}

TEST_F(RocksStoreEveryStepTest, AfterAPowerCutAtAnyStepNothingAcknowledgedIsLost) {
  for (const std::uint64_t kept_tail : {0U, 100U}) {
    std::uint64_t steps = 1;
    for (std::uint64_t step = 0; step < steps; ++step) {
      store_.reset();
      options_.path = folder_ / ("db" + std::to_string(kept_tail) + "-" + std::to_string(step));
      open();
      std::atomic<std::uint64_t> calls = 0;
      disk_.set_rule([&](const DiskCall&) { return calls++ >= step ? EIO : 0; });
      Story story;
      tell(story, 12);
      disk_.cut_power();
      store_.reset();
      disk_.heal();
      disk_.lose_unsynced(kept_tail);
      steps = std::min<std::uint64_t>(calls.load(), 20);
      open();
      const std::string when = "power cut at step " + std::to_string(step) + ", tail " + std::to_string(kept_tail);
      check(story, when);
      tell(story, 20);
      EXPECT_TRUE(wait()) << when;
      check(story, when + ", gone on");
    }
    EXPECT_GT(steps, 15U);
  }
}

TEST_F(RocksStoreEveryStepTest, AfterAPowerCutWhileOpeningNothingAcknowledgedIsLost) {
  Story story;
  tell(story, 12);
  bool opened_in_full = false;
  std::uint64_t step = 0;
  for (; !opened_in_full; ++step) {
    store_.reset();
    std::atomic<std::uint64_t> calls = 0;
    disk_.set_rule([&](const DiskCall&) { return calls++ >= step ? EIO : 0; });
    {
      const auto opened = RocksStore::open(options_, loop_, log_);  // it may fail; only the disk's state matters
      disk_.cut_power();
    }
    disk_.heal();
    disk_.lose_unsynced();
    opened_in_full = calls <= step;
    open();
    check(story, "power cut while opening, at step " + std::to_string(step));
    tell(story, story.attempted + 1);
  }
  EXPECT_GT(step, 8U);
}

// With a buffer so small that rows move from the log to files, and files are merged, all the time: faults hit those
// too.
TEST_F(RocksStoreEveryStepTest, AtRandomStepsOfFlushAndCompactionNothingAcknowledgedIsLost) {
  std::mt19937 random(7);  // NOLINT: the same story every time
  const auto below = [&](unsigned n) { return std::uniform_int_distribution<unsigned>(0, n - 1)(random); };
  store_.reset();
  options_.buffer = ByteCount::kib(64);
  options_.path = folder_ / "small";
  open();
  Story story;
  for (int round = 0; round < 40; ++round) {
    const bool power_cut = below(2) == 0;
    const int error = below(2) == 0 ? ENOSPC : EIO;
    const std::uint64_t first = below(150);
    const std::uint64_t last = first + 1 + below(12);
    const std::string when =
        fmt::format("round {}: {} at {} to {}", round, power_cut ? "power cut" : "failure", first, last);
    std::atomic<std::uint64_t> calls = 0;
    disk_.set_rule([&](const DiskCall&) {
      const std::uint64_t now = calls++;
      return now >= first && (power_cut || now < last) ? error : 0;
    });
    tell(story, story.attempted + 60);
    if (power_cut) {
      disk_.cut_power();
      store_.reset();
      disk_.heal();
      disk_.lose_unsynced(below(257));
      open();
    } else {
      disk_.heal();
      ASSERT_TRUE(await_trouble(false)) << when;
    }
    check(story, when);
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(story.acknowledged.size(), 200U);
}

TEST_F(RocksStoreEveryStepTest, APowerCutWouldShowIfSyncsWereLeftOut) {
  // The test above is worth something only if this disk loses what is not synced.
  put("synced", "1");
  ASSERT_TRUE(wait());
  Story story;
  disk_.set_rule([](const DiskCall& call) { return call.operation == DiskOperation::kSync ? EIO : 0; });
  put("unsynced", "1");
  EXPECT_FALSE(wait());
  disk_.cut_power();
  store_.reset();
  disk_.heal();
  disk_.lose_unsynced();
  open();
  EXPECT_EQ(get("synced"), "1");
  EXPECT_EQ(get("unsynced"), std::nullopt);
}

}  // namespace
}  // namespace hearth::storage
