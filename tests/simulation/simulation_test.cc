#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "seed_runner.h"

namespace hearth::simulation {
namespace {

constexpr unsigned kJobs = 2;

TEST(Simulation, TheSameSeedIsTheSameStoryByteForByte) {
  for (const std::uint64_t seed : {1U, 2U, 3U, 4U, 5U, 6U}) {
    const SeedResult first = run_seed({.seed = seed});
    const SeedResult second = run_seed({.seed = seed});
    EXPECT_GT(first.end.lines, 100U);
    EXPECT_EQ(first.end.lines, second.end.lines) << "seed " << seed;
    EXPECT_EQ(first.end.trace_hash, second.end.trace_hash) << "seed " << seed;
  }
}

TEST(Simulation, AnotherSeedIsAnotherStory) {
  EXPECT_NE(run_seed({.seed = 1}).end.trace_hash, run_seed({.seed = 2}).end.trace_hash);
}

TEST(Patience, DoesNotCountTheTimeInWhichOthersRan) {
  using namespace std::chrono_literals;
  EXPECT_EQ(time_it_was_given(200s, "1000000000 190000000000 3"), 10s);
  EXPECT_EQ(time_it_was_given(200s, "1000000000 0 3"), 200s) << "it slept";
  EXPECT_EQ(time_it_was_given(200s, "199000000000 2000000000 3"), 199s);
  EXPECT_EQ(time_it_was_given(200s, ""), 200s) << "a kernel that does not count";
}

class PlantedBug : public testing::TestWithParam<MutantName> {};

TEST_P(PlantedBug, IsFoundWithinFortySeeds) {
  std::string found;
  const StoryOptions options{.seed = 1, .mutant = GetParam().mutant};
  run_seeds(options, 1, 40, kJobs, [&](const SeedResult& result) {
    if (result.end.violations.empty()) return true;
    found = "seed " + std::to_string(result.seed) + ": " + result.end.violations.front();
    return false;
  });
  EXPECT_FALSE(found.empty()) << "nobody noticed";
  std::printf("%s\n", found.c_str());
}

INSTANTIATE_TEST_SUITE_P(Each, PlantedBug, testing::ValuesIn(kMutants), [](const auto& info) {
  std::string name;
  for (const char c : info.param.name) name += c == '-' ? '_' : c;
  return name;
});

}  // namespace
}  // namespace hearth::simulation
