#include "environment/runtime_process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hearth::environment {
namespace {

using namespace std::chrono_literals;

ProcessSpec shell(const std::string& script, std::chrono::milliseconds deadline = 10s) {
  return {.argv = {"/bin/sh", "-c", script}, .env = {"A=1"}, .search_path = "/bin", .deadline = deadline};
}

TEST(RunProcess, ReturnsWhatTheProgramWrote) {
  const auto output = run_process(shell("echo one; echo two >&2"));
  ASSERT_TRUE(output) << output.error().message();
  EXPECT_EQ(*output, "one\n");
}

TEST(RunProcess, GivesNothingOfOurOwnEnvironment) {
  ASSERT_EQ(::setenv("HEARTH_SECRET", "x", 1), 0);
  const auto output = run_process(shell("echo $A${HEARTH_SECRET-none}"));
  ASSERT_TRUE(output);
  EXPECT_EQ(*output, "1none\n");
}

TEST(RunProcess, LooksTheProgramUpInTheGivenFolders) {
  auto spec = shell("echo found");
  spec.argv[0] = "sh";
  spec.search_path = "/nowhere:/bin";
  EXPECT_EQ(run_process(spec).value_or(""), "found\n");
}

TEST(RunProcess, AFailureCarriesStatusAndErrorOutput) {
  const auto output = run_process(shell("echo broken >&2; exit 3"));
  ASSERT_FALSE(output);
  EXPECT_TRUE(output.error().is(ProcessError::kFailed));
  EXPECT_EQ(output.error().message(), "/bin/sh ended with status 3: broken");
}

TEST(RunProcess, AProgramThatIsMissingIsNotStarted) {
  const auto output = run_process({.argv = {"no-such-program"}, .env = {}, .search_path = "/bin", .deadline = 1s});
  ASSERT_FALSE(output);
  EXPECT_TRUE(output.error().is(ProcessError::kNotStarted));
}

TEST(RunProcess, WhatDoesNotEndIsKilledWithItsChildren) {
  const auto begin = std::chrono::steady_clock::now();
  const auto output = run_process(shell("sleep 60 & sleep 60", 100ms));
  ASSERT_FALSE(output);
  EXPECT_TRUE(output.error().is(ProcessError::kTimeout));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 20s);
}

}  // namespace
}  // namespace hearth::environment
