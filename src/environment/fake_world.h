#pragma once
// FakeWorld: everything around environments, for unit tests: time that stands still, sandboxes that run nothing.
//
// A test is a script that runs on the loop: world.run([](FakeWorld& world) -> Task<> { ... }). Between its steps
// `co_await world.settle()` lets everything happen that can happen without time passing; `advance` passes time.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "environment/environment.h"
#include "net/alarm.h"
#include "sandbox/fake_sandbox.h"

namespace hearth::environment {

class FakeLogSink final : public LogSink {
 public:
  void append(const std::string&, const std::string&, const std::string& group, const std::string& stream,
              std::vector<LogLine> lines) override {
    target = group + " " + stream;
    for (auto& line : lines) all.push_back(std::move(line.text));
  }
  // All lines, one after the other.
  std::string text() const {
    std::string joined;
    for (const auto& line : all) joined += line;
    return joined;
  }
  std::string target;
  std::vector<std::string> all;
};

class FakeCode final : public CodeSource {
 public:
  net::Task<Result<std::string>> tree(functions::CodePackage) override {
    ++calls;
    if (problem) co_return fail(*problem);
    co_return path;
  }
  net::Task<Result<std::string>> layers(std::vector<functions::CodePackage> packages) override {
    if (problem) co_return fail(*problem);
    co_return packages.empty() ? std::string() : "/nonexistent/layers-" + std::to_string(packages.size());
  }
  int calls = 0;
  std::string path = "/nonexistent/tree";
  std::optional<Error> problem;
};

class FakeRuntimes final : public RuntimeCatalog {
 public:
  Result<RuntimeChoice> choose(const std::string& runtime) const override {
    if (runtime == "missing") return fail(RuntimeError::kNotInstalled, "run hearth runtime add");
    RuntimeChoice choice = the_choice;
    choice.name = runtime;
    return choice;
  }
  std::vector<RuntimeStatus> status() const override { return {}; }
  RuntimeChoice the_choice{.name = {},
                           .argv = {"/usr/bin/python3", "/var/runtime/bootstrap.py"},
                           .env = {},
                           .mounts = {},
                           .abi = {},
                           .interpreter_version = "3.11.2",
                           .note = "python3.12 runs on Python 3.11.2"};
};

// Doors that open nothing: tests speak for the runtime through the environment's own methods.
class FakeDoors : public Doors {
 public:
  std::unique_ptr<OpenDoor> open_runtime_api(Environment& environment, UniqueFd) override {
    current = &environment;
    return std::make_unique<OpenDoor>();
  }
  std::unique_ptr<OpenDoor> open_endpoint(EndpointIdentity, UniqueFd, UniqueFd, UniqueFd, UniqueFd) override {
    return std::make_unique<OpenDoor>();
  }
  net::Task<WayHome> way_home(EndpointIdentity) override {
    co_return WayHome{.credentials = {"AKIA", "secret", "token"}, .trust_bundle_path = "/bundle.crt"};
  }
  Environment* current = nullptr;  // the newest whose Runtime API was opened
};

struct FakeWorld {
  FakeWorld() {
    auto made = std::make_shared<functions::FunctionVersion>();
    made->key = {"123456789012", "eu-west-1", "f"};
    made->arn = "arn:aws:lambda:eu-west-1:123456789012:function:f";
    made->runtime = "python3.12";
    made->handler = "app.handler";
    made->log_group = "/aws/lambda/f";
    made->state = functions::State::kActive;
    function = std::move(made);
  }

  EnvironmentParts parts() {
    return {loop, turns, alarms, clock, sandboxes, code, runtimes, *doors, logs, log, "C.UTF-8"};
  }

  // Runs `script(*this)` and everything it set going; returns when the script has ended.
  void run(Task<> (*script)(FakeWorld&)) {
    loop.spawn(run_script(*this, script));
    loop.run();
  }
  Task<> settle() {
    for (int i = 0; i < 12; ++i) co_await net::sleep_for(std::chrono::nanoseconds(0));
  }
  Task<> advance(std::chrono::milliseconds by) {
    clock.advance(by);
    alarms.ring_due();
    co_await settle();
  }
  std::shared_ptr<Invocation> invocation(std::string id, std::string payload = "{}") {
    auto made = std::make_shared<Invocation>(loop.executor());
    made->request_id = std::move(id);
    made->payload = std::move(payload);
    made->invoked_arn = function->arn;
    return made;
  }
  // The newest process.
  sandbox::FakeProcess& process() { return *sandboxes.processes().back(); }

  FakeClock clock;
  net::FakeAlarms alarms{clock};
  net::Loop loop{clock};
  net::FairTurns turns{loop, 4};
  sandbox::FakeSandboxFactory sandboxes{loop};
  FakeCode code;
  FakeRuntimes runtimes;
  FakeDoors own_doors;
  Doors* doors = &own_doors;
  FakeLogSink logs;
  observe::Logger log{-1, observe::Level::kError, observe::LogFormat::kText};
  functions::FunctionSnapshot function;

 private:
  static Task<> run_script(FakeWorld& world, Task<> (*script)(FakeWorld&)) {
    co_await script(world);
    world.loop.stop();
  }
};

}  // namespace hearth::environment
