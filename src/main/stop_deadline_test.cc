#include "main/stop_deadline.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <latch>

#include "net/thread_pool.h"

namespace hearth::main {
namespace {

using namespace std::chrono_literals;

const observe::Logger& error_log() {
  static const observe::Logger log(STDERR_FILENO, observe::Level::kError, observe::LogFormat::kText);
  return log;
}

// As the server stops: the pool's destructor waits for its work.
void stop_with_stuck_work() {
  std::latch never(1);
  StopDeadline deadline(error_log());
  net::ThreadPool pool(1);
  pool.post([&] { never.wait(); });
  pool.post([] {});
  deadline.begin(200ms);
  deadline.waiting_for("work of the pool", [&pool] {
    return std::to_string(pool.load().running) + " running, " + std::to_string(pool.load().waiting) + " waiting";
  });
}

TEST(StopDeadlineDeathTest, WorkThatHangsIsAbandonedAndNamed) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(stop_with_stuck_work(), testing::ExitedWithCode(StopDeadline::kAbandonedStatus),
              "abandoned.*work of the pool: 1 running, 1 waiting");
}

TEST(StopDeadline, WhatEndsInTimeIsNotHeardOf) {
  const auto begun = std::chrono::steady_clock::now();
  {
    StopDeadline deadline(error_log());
    deadline.begin(1h);
    deadline.waiting_for("nothing");
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 1min);
}

}  // namespace
}  // namespace hearth::main
