#include "sandbox/fake_sandbox.h"

#include <gtest/gtest.h>

#include <csignal>

#include "base/clock.h"

namespace hearth::sandbox {
namespace {

class FakeSandboxFactoryTest : public testing::Test {
 protected:
  // Runs `create` on the loop and returns what it gave.
  Result<std::unique_ptr<Sandbox>> create(SandboxSpec spec) {
    Result<std::unique_ptr<Sandbox>> result;
    loop_.spawn(create_into(std::move(spec), &result));
    loop_.run();
    return result;
  }

  SystemClock clock_;
  net::Loop loop_{clock_};
  FakeSandboxFactory factory_{loop_};

 private:
  net::Task<> create_into(SandboxSpec spec, Result<std::unique_ptr<Sandbox>>* out) {
    *out = co_await factory_.create(std::move(spec));
  }
};

TEST_F(FakeSandboxFactoryTest, WhatTheProcessWritesArrivesInThePipesAndEndsWithIt) {
  auto sandbox = create({.name = "a"});
  ASSERT_TRUE(sandbox);
  FakeProcess& process = *factory_.processes().at(0);
  process.write_stdout("hello");
  process.exit({.code = 3});
  const UniqueFd out = (*sandbox)->take_stdout();
  char buffer[16];
  EXPECT_EQ(::read(out.get(), buffer, sizeof buffer), 5);
  EXPECT_EQ(::read(out.get(), buffer, sizeof buffer), 0);
  EXPECT_EQ(factory_.alive_count(), 0U);
}

TEST_F(FakeSandboxFactoryTest, AConnectionOfTheProcessWaitsAtTheListener) {
  auto sandbox = create({.name = "a"});
  ASSERT_TRUE(sandbox);
  const UniqueFd client = factory_.processes().at(0)->connect(FakeProcess::Listener::kRuntimeApi);
  EXPECT_TRUE(client);
  const SandboxListeners listeners = (*sandbox)->take_listeners();
  EXPECT_TRUE(listeners.dns_udp);
  EXPECT_FALSE((*sandbox)->take_listeners().runtime_api);
}

TEST_F(FakeSandboxFactoryTest, AScriptedFailureIsReturnedOnce) {
  factory_.fail_next(Error(ErrorKind::kNoResources, "no more"));
  auto failed = create({.name = "a"});
  ASSERT_FALSE(failed);
  EXPECT_TRUE(failed.error().is(ErrorKind::kNoResources));
  EXPECT_TRUE(factory_.processes().empty());
}

TEST_F(FakeSandboxFactoryTest, DestroyingASandboxEndsItsProcess) {
  auto sandbox = create({.name = "a"});
  ASSERT_TRUE(sandbox);
  sandbox->reset();
  EXPECT_TRUE(factory_.processes().at(0)->is_destroyed());
  EXPECT_FALSE(factory_.processes().at(0)->is_alive());
}

}  // namespace
}  // namespace hearth::sandbox
