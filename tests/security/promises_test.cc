// Every attempt fails against the launcher as it is installed, and succeeds, alone, where its barrier is left out.

#include "promises.h"

#include <gmock/gmock.h>
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include "outside_attempts.h"
#include "world.h"

namespace hearth::security {

void PrintTo(const Mutant& mutant, std::ostream* out) { *out << mutant.name(); }

namespace {

std::set<std::string> broken(const Outcomes& outcomes) {
  std::set<std::string> names;
  for (const auto& [name, outcome] : outcomes) {
    if (outcome.starts_with("broke")) names.insert(name);
  }
  return names;
}

std::string to_text(const Outcomes& outcomes) {
  std::string text;
  for (const auto& [name, outcome] : outcomes) text += name + " " + outcome + "\n";
  return text;
}

// An attempt that says nothing proves nothing, but for the one that is killed for what it tries.
void expect_all_spoke(const Outcomes& outcomes) {
  for (const auto& [name, outcome] : outcomes) {
    if (name != "memory" && name != "signal_init") {
      EXPECT_TRUE(outcome.starts_with("held") || outcome.starts_with("broke")) << name << " " << outcome;
    }
  }
}

class Promises : public testing::Test {
 protected:
  void SetUp() override {
    if (const std::string reason = reason_to_skip(); !reason.empty()) GTEST_SKIP() << reason;
    const bool apart = enter_test_namespaces();
    if (tier_under_test() == "namespace") ASSERT_TRUE(apart);
  }
};

TEST_F(Promises, EachAttemptHasARowInTheTableAndEachRowAnAttempt) {
  std::set<std::string> attempts, rows;
  const AttemptNames names = list_attempts();
  attempts.insert(names.together.begin(), names.together.end());
  attempts.insert(names.alone.begin(), names.alone.end());
  for (const OutsideAttempt& attempt : outside_attempts()) attempts.insert(attempt.name);
  for (const Promise& promise : load_promises("namespace").promises) {
    EXPECT_TRUE(rows.insert(promise.attempt).second) << promise.attempt << " is there twice";
  }
  EXPECT_EQ(attempts, rows);
}

std::string bytes_of(const char* path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

TEST_F(Promises, ThereIsNoSwitchForBarriersInWhatIsInstalled) {
  EXPECT_THAT(bytes_of(HEARTH_LAUNCHER_MUTANT), testing::HasSubstr("HEARTH_LEFT_OUT"));
  const std::string installed = bytes_of(HEARTH_LAUNCHER);
  EXPECT_GT(installed.size(), 100'000U);
  EXPECT_EQ(installed.find("HEARTH_LEFT_OUT"), std::string::npos);
  EXPECT_EQ(installed.find("kPidNamespace"), std::string::npos);
}

TEST_F(Promises, AreKeptAsTheTableSays) {
  World world("");
  const Outcomes outcomes = world.run_all();
  for (const Promise& promise : load_promises(tier_under_test()).promises) {
    const auto found = outcomes.find(promise.attempt);
    const std::string outcome = found == outcomes.end() ? "was not tried" : found->second;
    if (promise.holds == "yes") {
      EXPECT_THAT(outcome, testing::Not(testing::StartsWith("broke"))) << promise.text << ": " << promise.attempt;
    } else {
      std::printf("[  table   ] %s (%s): %s\n", promise.attempt.c_str(), promise.holds.c_str(), outcome.c_str());
    }
  }
  if (tier_under_test() == "namespace") expect_all_spoke(outcomes);
}

class LeavingOut : public Promises, public testing::WithParamInterface<Mutant> {
 protected:
  void SetUp() override {
    if (tier_under_test() != "namespace") GTEST_SKIP() << "mutants are of the namespace tier";
    Promises::SetUp();
  }
};

// Of several barriers left out at once each is needed: with any one of them up, less succeeds. What Landlock adds is up
// to the kernel.
void expect_none_is_idle(const Mutant& mutant) {
  for (const std::string& kept : mutant.without) {
    if (kept == "kLandlock") continue;
    Mutant fewer = mutant;
    std::erase(fewer.without, kept);
    std::set<std::string> successes = mutant.perhaps;
    {
      // Some sandboxes cannot even be built like this: then nothing succeeds in them, and that is no failure.
      testing::TestPartResultArray ignored;
      const testing::ScopedFakeTestPartResultReporter reporter(&ignored);
      World world(fewer.barriers());
      successes.merge(broken(world.run_all()));
    }
    EXPECT_NE(successes, mutant.breaks) << kept << " is not needed for it";
  }
}

TEST_P(LeavingOut, LetsExactlyItsAttemptsSucceed) {
  World world(GetParam().barriers());
  const Outcomes outcomes = world.run_all();
  std::set<std::string> successes = broken(outcomes);
  for (const std::string& name : GetParam().perhaps) successes.insert(name);
  EXPECT_EQ(successes, GetParam().breaks) << to_text(outcomes);
  expect_all_spoke(outcomes);
  if (std::getenv("HEARTH_FULL") != nullptr) expect_none_is_idle(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Mutants, LeavingOut, testing::ValuesIn(load_promises("namespace").mutants),
                         [](const auto& mutant) { return mutant.param.name(); });

// The machine's core handler, for as long as this lives.
class CorePattern {
 public:
  explicit CorePattern(const std::string& pattern) { write(pattern); }
  ~CorePattern() { write(before_); }
  CorePattern(const CorePattern&) = delete;
  CorePattern& operator=(const CorePattern&) = delete;

 private:
  static constexpr const char* kFile = "/proc/sys/kernel/core_pattern";
  static void write(const std::string& pattern) {
    std::ofstream file(kFile);
    file << pattern << std::flush;
    EXPECT_TRUE(file.good()) << kFile;
  }
  std::string before_ = bytes_of(kFile);
};

// Only on a machine that is thrown away (tests/vm): core_pattern is the whole machine's.
class CoreHandler : public Promises, public testing::WithParamInterface<std::string> {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(CoreHandler);

TEST_P(CoreHandler, IsStartedByNoCrashInsideUnlessTheBarrierIsLeftOut) {
  Harness harness(GetParam());
  const std::string mark = harness.source_folder() + "/started";
  {
    const CorePattern touches("|/usr/bin/touch " + mark);
    const auto inside = harness.start({"helper", "signal", "6"});
    ASSERT_NE(inside, nullptr);
    ASSERT_TRUE(inside->wait_exit());
    // The handler was started before that, or never; it may need a moment.
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(3);
    while (!std::filesystem::exists(mark) && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  EXPECT_EQ(std::filesystem::exists(mark), !GetParam().empty());
}

std::vector<std::string> launchers_to_crash_in() {
  if (std::getenv("HEARTH_MACHINE_IS_MINE") == nullptr || tier_under_test() != "namespace") return {};
  return {"", "kCoreLimit"};
}
INSTANTIATE_TEST_SUITE_P(Launchers, CoreHandler, testing::ValuesIn(launchers_to_crash_in()),
                         [](const auto& left_out) { return left_out.param.empty() ? "Real" : left_out.param; });

}  // namespace
}  // namespace hearth::security
