// What one sandbox does at its limits, and that a neighbour and the host do not notice.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>

#include "harness.h"

namespace hearth::security {
namespace {

class Neighbours : public testing::Test {
 protected:
  void SetUp() override {
    if (const std::string reason = reason_to_skip(); !reason.empty()) GTEST_SKIP() << reason;
    harness_ = std::make_unique<Harness>();
    neighbour_ = harness_->start({"helper", "tick"});
    ASSERT_NE(neighbour_, nullptr);
    ASSERT_EQ(neighbour_->read_line(), "tick");
  }
  void TearDown() override { neighbour_.reset(); }

  void expect_neighbour_unharmed() {
    for (int i = 0; i < 5; ++i) EXPECT_EQ(neighbour_->read_line(), "tick");
    EXPECT_FALSE(neighbour_->wait_exit(std::chrono::milliseconds(0)));
  }

  std::unique_ptr<Harness> harness_;
  std::unique_ptr<Inside> neighbour_;
};

TEST_F(Neighbours, AForkBombEndsAtItsOwnLimit) {
  sandbox::SandboxSpec spec = harness_->spec({"fork_bomb", "64"});
  spec.pids = 64;
  const auto bomb = harness_->start(std::move(spec));
  ASSERT_NE(bomb, nullptr);
  if (tier_under_test() == "landlock") {
    // Nothing counts its processes as they are made: it is ended by the launcher's next look.
    const auto exit = bomb->wait_exit();
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->signal, SIGKILL);
    expect_neighbour_unharmed();
    return;
  }
  EXPECT_EQ(bomb->read_line(), "made 63");
  expect_neighbour_unharmed();
  const pid_t pid = ::fork();  // the host still forks
  if (pid == 0) ::_exit(0);
  EXPECT_GT(pid, 0);
  bomb->with_sandbox([](sandbox::Sandbox& inside) { inside.kill(); });
  const auto exit = bomb->wait_exit();
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->signal, SIGKILL);
}

TEST_F(Neighbours, AMemoryBombIsKilledAloneAndReportedAsOutOfMemory) {
  const auto bomb = harness_->start({"memory_bomb", "2048"});
  ASSERT_NE(bomb, nullptr);
  const auto exit = bomb->wait_exit();
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->signal, SIGKILL);
  EXPECT_TRUE(exit->oom_killed);
  EXPECT_EQ(bomb->read_stdout(), "started\n");
  expect_neighbour_unharmed();
}

TEST_F(Neighbours, FilesInTmpCountAsMemoryOfTheirSandboxAlone) {
  sandbox::SandboxSpec spec = harness_->spec({"helper", "tmp", "200"});
  spec.tmp_size = ByteCount::mib(400);  // more than its memory: the limit holds for both together
  const auto bomb = harness_->start(std::move(spec));
  ASSERT_NE(bomb, nullptr);
  const auto exit = bomb->wait_exit();
  ASSERT_TRUE(exit);
  EXPECT_TRUE(exit->oom_killed);
  expect_neighbour_unharmed();
}

TEST_F(Neighbours, WhatOneWritesToTmpAnotherDoesNotSee) {
  const auto writer = harness_->start({"helper", "write_file", "/tmp/mine", "secret"});
  ASSERT_NE(writer, nullptr);
  ASSERT_EQ(writer->read_line(), "ready");
  const auto reader = harness_->start({"helper", "cat", "/tmp/mine"});
  ASSERT_NE(reader, nullptr);
  const auto exit = reader->wait_exit();
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->code, ENOENT);
  EXPECT_FALSE(std::filesystem::exists("/tmp/mine"));
}

TEST_F(Neighbours, AFrozenOneStopsWhileOthersGoOn) {
  const auto other = harness_->start({"helper", "tick"});
  ASSERT_NE(other, nullptr);
  ASSERT_EQ(other->read_line(), "tick");
  const Status frozen = other->with_sandbox([](sandbox::Sandbox& inside) { return inside.freeze(); });
  EXPECT_TRUE(frozen);
  expect_neighbour_unharmed();
}

}  // namespace
}  // namespace hearth::security
