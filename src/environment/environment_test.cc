#include "environment/environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>

#include "environment/fake_world.h"

namespace hearth::environment {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

// Notes what it is told; gives `next` to whoever asks for work or failed its init.
class Owner final : public EnvironmentOwner {
 public:
  void on_idle(Environment& environment) override {
    ++idle;
    if (next) EXPECT_TRUE(environment.run(std::exchange(next, nullptr)));
  }
  void on_finishing(Environment&) override { ++finishing; }
  void on_init_failed(Environment& environment) override {
    ++init_failed;
    if (next) environment.rerun(std::exchange(next, nullptr));
  }
  void on_start_failed(Environment&, const Error& error) override { start_error = error.message(); }
  void on_reclaimable(Environment& environment) override { environment.end(); }
  void on_dead(Environment&) override { ++dead; }

  std::shared_ptr<Invocation> next;
  int idle = 0, finishing = 0, init_failed = 0, dead = 0;
  std::string start_error;
};

// One environment and what the tests do with it.
struct Subject {
  explicit Subject(FakeWorld& the_world, functions::FunctionSnapshot function = nullptr)
      : world(the_world), parts(world.parts()), gate(world.loop) {
    environment = std::make_shared<Environment>(parts, times, gate, owner, function ? function : world.function);
    environment->start();
  }
  // Until the runtime has asked for work.
  Task<> until_idle() {
    co_await world.settle();
    slot = environment->ask_next().value();
    co_await world.settle();
  }
  Task<Work> work() {
    Result<Work> work = co_await slot->wait();
    co_return std::move(work).value();
  }
  Task<> next() {
    slot = environment->ask_next().value();
    co_await world.settle();
  }
  Task<Answer> answer_of(std::shared_ptr<Invocation> invocation) {
    EXPECT_TRUE(invocation->done.is_set());
    if (!invocation->done.is_set()) co_return Answer{};
    Result<Answer> answer = co_await invocation->done.wait();
    EXPECT_TRUE(answer) << answer.error().message();
    co_return answer ? std::move(*answer) : Answer{};
  }
  Task<> end() {
    environment->end();
    gate.close();
    co_await gate.drained();
  }

  FakeWorld& world;
  EnvironmentParts parts;
  EnvironmentTimes times;
  net::Gate gate;
  Owner owner;
  std::shared_ptr<Environment> environment;
  std::shared_ptr<WorkSlot> slot;
};

TEST(Environment, RunsOneInvocationAfterTheOtherInOneSandbox) {
  FakeWorld world;
  world.run([](FakeWorld& w) -> Task<> {
    Subject subject(w);
    co_await subject.until_idle();
    EXPECT_EQ(subject.environment->state(), State::kIdle);
    for (const char* id : {"one", "two"}) {
      auto invocation = w.invocation(id, "{\"x\":1}");
      EXPECT_TRUE(subject.environment->run(invocation));
      EXPECT_EQ(subject.environment->state(), State::kBusy);
      const Work work = co_await subject.work();
      EXPECT_EQ(work.invocation->request_id, id);
      EXPECT_EQ(work.invocation->payload, "{\"x\":1}");
      EXPECT_EQ(work.deadline_ms, w.clock.now().time_since_epoch().count() + 3000);
      EXPECT_TRUE(subject.environment->respond(id, "\"done\""));
      EXPECT_EQ((co_await subject.answer_of(invocation)).payload, "\"done\"");
      EXPECT_EQ(subject.environment->state(), State::kFinishing);
      co_await subject.next();
    }
    EXPECT_EQ(w.sandboxes.processes().size(), 1U);
    EXPECT_EQ(subject.owner.idle, 3);
    co_await subject.end();
    EXPECT_EQ(subject.owner.dead, 1);
  });
}

TEST(Environment, LogsAsAwsDoes) {
  FakeWorld world;
  world.run([](FakeWorld& w) -> Task<> {
    Subject subject(w);
    co_await w.settle();
    w.process().write_stdout("loading\n");
    w.process().use_memory(ByteCount{40'000'000});
    w.clock.advance(milliseconds(120));
    co_await subject.until_idle();
    auto invocation = w.invocation("id-1");
    invocation->tail_log = TailLog::kYes;
    EXPECT_TRUE(subject.environment->run(invocation));
    w.clock.advance(milliseconds(7));
    w.process().write_stdout("one\nno newline");
    w.process().write_stderr("two\n");
    EXPECT_TRUE(subject.environment->respond("id-1", "1"));
    const std::string tail = (co_await subject.answer_of(invocation)).log_tail;
    EXPECT_EQ(tail,
              "START RequestId: id-1 Version: $LATEST\none\ntwo\nno newline\nEND RequestId: id-1\n"
              "REPORT RequestId: id-1\tDuration: 7.00 ms\tBilled Duration: 127 ms\tMemory Size: 128 MB\t"
              "Max Memory Used: 39 MB\tInit Duration: 120.00 ms\t\n");
    co_await subject.next();
    auto second = w.invocation("id-2");
    second->tail_log = TailLog::kYes;
    EXPECT_TRUE(subject.environment->run(second));
    EXPECT_TRUE(subject.environment->report_error("id-2", "{}", "Runtime.X"));
    const Answer failed = co_await subject.answer_of(second);
    EXPECT_EQ(failed.error, FunctionError::kUnhandled);
    EXPECT_THAT(failed.log_tail, Not(HasSubstr("Init Duration")));
    co_await subject.end();
    EXPECT_THAT(w.logs.target, ContainsRegex("/aws/lambda/f [0-9]+/[0-9]+/[0-9]+/.\\$LATEST.[0-9a-f]+"));
    EXPECT_THAT(w.logs.text(),
                testing::StartsWith("INIT_START Runtime Version: python:3.12.v3.11.2\tRuntime Version ARN: "));
    EXPECT_THAT(w.logs.text(), HasSubstr("\nHearth: python3.12 runs on Python 3.11.2\nloading\nSTART"));
  });
}

TEST(Environment, RefusesAnswersThatAreNotItsTurn) {
  FakeWorld world;
  world.run([](FakeWorld& w) -> Task<> {
    Subject subject(w);
    co_await w.settle();
    Environment& e = *subject.environment;
    EXPECT_TRUE(e.respond("x", "1").error().is(RuntimeCallError::kInvalidRequestId));
    co_await subject.until_idle();
    EXPECT_TRUE(e.respond("x", "1").error().is(RuntimeCallError::kInvalidRequestId));
    EXPECT_TRUE(e.report_init_error("{}", "").error().is(RuntimeCallError::kInvalidTransition));
    auto invocation = w.invocation("id");
    EXPECT_TRUE(e.run(invocation));
    EXPECT_FALSE(e.run(w.invocation("other")));
    EXPECT_TRUE(e.respond("other", "1").error().is(RuntimeCallError::kInvalidRequestId));
    EXPECT_TRUE(e.report_error("other", "1", "").error().is(RuntimeCallError::kInvalidRequestId));
    EXPECT_TRUE(e.report_too_large("other").error().is(RuntimeCallError::kInvalidRequestId));
    const auto busy = e.ask_next();
    EXPECT_EQ(busy.error().message(),
              "Transition from Running to Ready failed for runtime. Error: State transition is not allowed");
    EXPECT_FALSE(invocation->done.is_set());
    EXPECT_TRUE(e.respond("id", "1"));
    EXPECT_TRUE(e.respond("id", "2").error().is(RuntimeCallError::kInvalidTransition));
    EXPECT_TRUE(e.report_error("id", "2", "").error().is(RuntimeCallError::kInvalidTransition));
    EXPECT_EQ((co_await subject.answer_of(invocation)).payload, "1");
    co_await subject.next();
    EXPECT_TRUE(e.respond("id", "3").error().is(RuntimeCallError::kInvalidRequestId));
    co_await subject.end();
    EXPECT_TRUE(e.ask_next().error().is(RuntimeCallError::kInvalidTransition));
  });
}

TEST(Environment, OnlyTheNewestOfWaitingClientsGetsTheWork) {
  FakeWorld world;
  world.run([](FakeWorld& w) -> Task<> {
    Subject subject(w);
    co_await subject.until_idle();
    const auto old = subject.slot;
    co_await subject.next();
    EXPECT_TRUE((co_await old->wait()).error().is(RuntimeCallError::kInvalidTransition));
    EXPECT_TRUE(subject.environment->run(w.invocation("id")));
    EXPECT_EQ((co_await subject.work()).invocation->request_id, "id");
    co_await subject.end();
  });
}

TEST(Environment, TimesOutAsAwsDoesAndIsDead) {
  FakeWorld world;
  world.run([](FakeWorld& w) -> Task<> {
    Subject subject(w);
    co_await subject.until_idle();
    auto invocation = w.invocation("id");
    invocation->tail_log = TailLog::kYes;
    EXPECT_TRUE(subject.environment->run(invocation));
    w.process().write_stdout("working");
    co_await w.advance(milliseconds(2999));
    EXPECT_FALSE(invocation->done.is_set());
    co_await w.advance(milliseconds(1));
    const Answer answer = co_await subject.answer_of(invocation);
    EXPECT_EQ(
        answer.payload,
        R"({"errorType":"Sandbox.Timedout","errorMessage":"RequestId: id Error: Task timed out after 3.00 seconds"})");
    EXPECT_EQ(answer.error, FunctionError::kUnhandled);
    EXPECT_THAT(answer.log_tail,
                ContainsRegex("working\n[0-9TZ:.-]+ id Task timed out after 3.00 seconds\n\nEND RequestId: id\n"));
    EXPECT_THAT(answer.log_tail, HasSubstr("Duration: 3000.00 ms\tBilled Duration: 3000 ms"));
    EXPECT_THAT(answer.log_tail, HasSubstr("Status: timeout"));
    EXPECT_EQ(subject.owner.dead, 1);
    EXPECT_TRUE(w.process().is_destroyed());
    co_await subject.end();
  });
}

TEST(Environment, AnExitDuringAnInvocationIsItsError) {
  FakeWorld world;
  world.run([](FakeWorld& w) -> Task<> {
    Subject subject(w);
    co_await subject.until_idle();
    auto invocation = w.invocation("id");
    invocation->tail_log = TailLog::kYes;
    EXPECT_TRUE(subject.environment->run(invocation));
    w.process().write_stderr("last words");
    w.process().exit({.code = 7, .signal = 0, .oom_killed = false});
    co_await w.settle();
    const Answer answer = co_await subject.answer_of(invocation);
    EXPECT_THAT(answer.payload, HasSubstr("RequestId: id Error: Runtime exited with error: exit status 7"));
    EXPECT_THAT(answer.log_tail, HasSubstr("last words\nRequestId: id Error: Runtime exited with error: exit status 7\n"
                                           "Runtime.ExitError\nEND RequestId: id\n"));
    EXPECT_THAT(answer.log_tail, HasSubstr("Status: error\tError Type: Runtime.ExitError"));
    EXPECT_EQ(subject.owner.dead, 1);
    co_await subject.end();
  });
}

TEST(Environment, ALostSandboxIsNoErrorOfTheFunction) {
  FakeWorld world;
  world.run([](FakeWorld& w) -> Task<> {
    Subject subject(w);
    co_await subject.until_idle();
    auto invocation = w.invocation("id");
    EXPECT_TRUE(subject.environment->run(invocation));
    w.process().exit({.code = 0, .signal = SIGKILL, .oom_killed = false, .host_failed = true});
    co_await w.settle();
    const Result<Answer> ended = co_await invocation->done.wait();
    EXPECT_TRUE(!ended && ended.error().is(ErrorKind::kUnavailable));
    EXPECT_EQ(subject.owner.dead, 1);
    co_await subject.end();
  });
}

TEST(Environment, MemoryBeyondWhatTheFunctionHasEndsIt) {
  FakeWorld world;
  world.run([](FakeWorld& w) -> Task<> {
    Subject subject(w);
    co_await subject.until_idle();
    auto invocation = w.invocation("id");
    invocation->tail_log = TailLog::kYes;
    EXPECT_TRUE(subject.environment->run(invocation));
    w.process().use_memory(ByteCount::mib(129));
    co_await w.advance(milliseconds(100));
    const Answer answer = co_await subject.answer_of(invocation);
    EXPECT_THAT(answer.payload, HasSubstr("Runtime.OutOfMemory"));
    EXPECT_THAT(answer.payload, HasSubstr("signal: killed"));
    EXPECT_THAT(
        answer.log_tail,
        HasSubstr("Max Memory Used: 128 MB\tInit Duration: 0.00 ms\tStatus: error\tError Type: Runtime.OutOfMemory"));
    EXPECT_TRUE(w.process().is_destroyed());
    co_await subject.end();
  });
}

TEST(Environment, AResponseThatIsTooLargeIsAnErrorAndTheEnvironmentIsReplaced) {
  FakeWorld world;
  world.run([](FakeWorld& w) -> Task<> {
    Subject subject(w);
    co_await subject.until_idle();
    auto invocation = w.invocation("id");
    EXPECT_TRUE(subject.environment->run(invocation));
    EXPECT_TRUE(subject.environment->report_too_large("id"));
    EXPECT_EQ((co_await subject.answer_of(invocation)).payload,
              R"({"errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes).",)"
              R"("errorType":"Function.ResponseSizeTooLarge"})");
    EXPECT_TRUE(subject.environment->ask_next().error().is(RuntimeCallError::kGone));
    EXPECT_EQ(subject.owner.dead, 1);
    co_await subject.end();
  });
}

TEST(Environment, AFailedInitIsRunAgainAndItsSecondErrorIsTheAnswer) {
  FakeWorld world;
  world.run([](FakeWorld& w) -> Task<> {
    Subject subject(w);
    auto invocation = w.invocation("id");
    invocation->tail_log = TailLog::kYes;
    subject.owner.next = invocation;
    for (int attempt = 1; attempt <= 2; ++attempt) {
      co_await w.settle();
      EXPECT_EQ(subject.environment->state(), State::kInitialising);
      EXPECT_EQ(w.sandboxes.processes().size(), static_cast<std::size_t>(attempt));
      w.clock.advance(milliseconds(150));
      EXPECT_TRUE(subject.environment->report_init_error("{\"attempt\":" + std::to_string(attempt) + "}",
                                                         "Runtime.ImportModuleError"));
      EXPECT_FALSE(invocation->done.is_set());
      w.process().write_stdout("goodbye\n");
      w.process().exit({.code = 1, .signal = 0, .oom_killed = false});
      co_await w.settle();
    }
    const Answer answer = co_await subject.answer_of(invocation);
    EXPECT_EQ(answer.payload, "{\"attempt\":2}");
    EXPECT_EQ(answer.error, FunctionError::kUnhandled);
    EXPECT_EQ(subject.owner.init_failed, 1);
    EXPECT_EQ(subject.owner.dead, 1);
    co_await subject.end();
    EXPECT_THAT(w.logs.text(), HasSubstr("goodbye\nINIT_REPORT Init Duration: 150.00 ms\tPhase: init\tStatus: error\t"
                                         "Error Type: Runtime.ImportModuleError\n"));
    EXPECT_THAT(answer.log_tail,
                testing::StartsWith("goodbye\nINIT_REPORT Init Duration: 150.00 ms\tPhase: invoke\tStatus: error\t"
                                    "Error Type: Runtime.ImportModuleError\nSTART RequestId: id"));
    EXPECT_THAT(answer.log_tail, HasSubstr("\tDuration: 150.00 ms\t"));
    EXPECT_THAT(answer.log_tail, Not(HasSubstr("Init Duration: 150.00 ms\tMemory")));
  });
}

TEST(Environment, ASecondInitThatSucceedsServesTheInvocation) {
  FakeWorld world;
  world.run([](FakeWorld& w) -> Task<> {
    Subject subject(w);
    auto invocation = w.invocation("id");
    subject.owner.next = invocation;
    co_await w.settle();
    w.process().exit({.code = 0, .signal = SIGSEGV, .oom_killed = false});
    co_await w.settle();
    w.clock.advance(milliseconds(1000));
    co_await subject.until_idle();
    const Work work = co_await subject.work();
    EXPECT_EQ(work.invocation->request_id, "id");
    EXPECT_EQ(work.deadline_ms, w.clock.now().time_since_epoch().count() + 2000)
        << "the init counts against the timeout";
    EXPECT_TRUE(subject.environment->respond("id", "1"));
    EXPECT_EQ((co_await subject.answer_of(invocation)).payload, "1");
    co_await subject.next();
    EXPECT_EQ(subject.environment->state(), State::kIdle);
    co_await subject.end();
  });
}

TEST(Environment, InitHasTenSecondsAndItsRerunTheFunctionsTimeout) {
  FakeWorld world;
  world.run([](FakeWorld& w) -> Task<> {
    Subject subject(w);
    auto invocation = w.invocation("id");
    subject.owner.next = invocation;
    co_await w.settle();
    co_await w.advance(milliseconds(9'999));
    EXPECT_EQ(subject.owner.init_failed, 0);
    co_await w.advance(milliseconds(1));
    EXPECT_EQ(subject.owner.init_failed, 1);
    EXPECT_EQ(subject.environment->state(), State::kInitialising);
    co_await w.advance(milliseconds(3'000));
    EXPECT_THAT((co_await subject.answer_of(invocation)).payload, HasSubstr("Task timed out after 3.00 seconds"));
    co_await subject.end();
    EXPECT_THAT(w.logs.text(), HasSubstr("INIT_REPORT Init Duration: 10000.00 ms\tPhase: init\tStatus: timeout\n"));
    EXPECT_THAT(w.logs.text(),
                HasSubstr("INIT_REPORT Init Duration: 3000.00 ms\tPhase: invoke\tStatus: timeout\nSTART"));
  });
}

TEST(Environment, ARuntimeThatReportsAnInitErrorAndStaysIsKilled) {
  FakeWorld world;
  world.run([](FakeWorld& w) -> Task<> {
    Subject subject(w);
    co_await w.settle();
    EXPECT_TRUE(subject.environment->report_init_error("{}", "Runtime.X"));
    EXPECT_TRUE(
        subject.environment->report_init_error("{}", "Runtime.X").error().is(RuntimeCallError::kInvalidTransition));
    EXPECT_TRUE(subject.environment->ask_next().error().is(RuntimeCallError::kInvalidTransition));
    co_await w.advance(milliseconds(500));
    EXPECT_EQ(subject.owner.dead, 1);
    EXPECT_TRUE(w.process().is_destroyed());
    co_await subject.end();
  });
}

TEST(Environment, IsFrozenAMomentAfterItGoesIdleAndThawedByTheNextInvocation) {
  FakeWorld world;
  world.run([](FakeWorld& w) -> Task<> {
    Subject subject(w);
    co_await subject.until_idle();
    co_await w.advance(milliseconds(49));
    EXPECT_FALSE(w.process().is_frozen());
    EXPECT_TRUE(subject.environment->run(w.invocation("a")));
    EXPECT_TRUE(subject.environment->respond("a", "1"));
    co_await subject.next();
    co_await w.advance(milliseconds(49));
    EXPECT_FALSE(w.process().is_frozen()) << "not between invocations that follow each other";
    co_await w.advance(milliseconds(1));
    EXPECT_TRUE(w.process().is_frozen());
    EXPECT_TRUE(subject.environment->run(w.invocation("b")));
    EXPECT_FALSE(w.process().is_frozen());
    EXPECT_TRUE(subject.environment->respond("b", "1"));
    co_await subject.next();
    EXPECT_EQ(w.process().freeze_count(), 1);
    co_await subject.end();
  });
}

TEST(Environment, IsReclaimedAfterALongIdleTime) {
  FakeWorld world;
  world.run([](FakeWorld& w) -> Task<> {
    Subject subject(w);
    co_await subject.until_idle();
    co_await w.advance(milliseconds(50));
    co_await w.advance(milliseconds(599'949));
    EXPECT_EQ(subject.owner.dead, 0);
    co_await w.advance(milliseconds(1));
    EXPECT_EQ(subject.owner.dead, 1);
    co_await subject.end();
  });
}

TEST(Environment, OneThatNeverAsksForMoreWorkIsEndedAtTheDeadlineOfItsInvocation) {
  FakeWorld world;
  world.run([](FakeWorld& w) -> Task<> {
    Subject subject(w);
    co_await subject.until_idle();
    EXPECT_TRUE(subject.environment->run(w.invocation("a")));
    EXPECT_TRUE(subject.environment->respond("a", "1"));
    co_await w.advance(milliseconds(3000));
    EXPECT_EQ(subject.owner.dead, 1);
    co_await subject.end();
  });
}

TEST(Environment, RetiringDoesNotDisturbARunningInvocation) {
  FakeWorld world;
  world.run([](FakeWorld& w) -> Task<> {
    Subject subject(w);
    co_await subject.until_idle();
    auto invocation = w.invocation("a");
    EXPECT_TRUE(subject.environment->run(invocation));
    subject.environment->retire();
    EXPECT_EQ(subject.owner.dead, 0);
    EXPECT_TRUE(subject.environment->respond("a", "1"));
    EXPECT_EQ((co_await subject.answer_of(invocation)).payload, "1");
    EXPECT_TRUE(subject.environment->ask_next().error().is(RuntimeCallError::kGone));
    EXPECT_EQ(subject.owner.dead, 1);
    co_await subject.end();
  });
}

TEST(Environment, EndingItAnswersTheInvocationItHolds) {
  FakeWorld world;
  world.run([](FakeWorld& w) -> Task<> {
    Subject subject(w);
    co_await subject.until_idle();
    auto invocation = w.invocation("a");
    EXPECT_TRUE(subject.environment->run(invocation));
    co_await subject.end();
    EXPECT_TRUE((co_await invocation->done.wait()).error().is(ErrorKind::kUnavailable));
    EXPECT_TRUE(w.process().is_destroyed());
  });
}

TEST(Environment, SaysWhenThePlatformCannotBuildIt) {
  FakeWorld world;
  world.run([](FakeWorld& w) -> Task<> {
    w.sandboxes.fail_next(Error(sandbox::ErrorKind::kNoResources, "no pids"));
    Subject subject(w);
    co_await w.settle();
    EXPECT_EQ(subject.owner.start_error, "sandbox: no pids");
    EXPECT_EQ(subject.owner.dead, 1);
    co_await subject.end();
  });
}

TEST(Environment, AMissingBootstrapIsAnInvalidEntryPoint) {
  FakeWorld world;
  world.run([](FakeWorld& w) -> Task<> {
    auto provided = std::make_shared<functions::FunctionVersion>(*w.function);
    provided->runtime = "provided.al2023";
    Subject subject(w, provided);
    auto invocation = w.invocation("id");
    subject.owner.next = invocation;
    co_await w.settle();
    EXPECT_EQ((co_await subject.answer_of(invocation)).payload,
              R"({"errorType":"Runtime.InvalidEntrypoint","errorMessage":"RequestId: id Error: )"
              R"(Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"})");
    EXPECT_TRUE(w.sandboxes.processes().empty());
    co_await subject.end();
  });
}

TEST(Environment, GivesTheSandboxWhatTheFunctionAsksFor) {
  FakeWorld world;
  world.run([](FakeWorld& w) -> Task<> {
    auto bigger = std::make_shared<functions::FunctionVersion>(*w.function);
    bigger->memory_mib = 1769;
    bigger->ephemeral_mib = 1024;
    Subject subject(w, bigger);
    co_await w.settle();
    const sandbox::SandboxSpec& spec = w.process().spec();
    EXPECT_EQ(spec.memory, ByteCount::mib(1769 + 1024));
    EXPECT_EQ(spec.tmp_size, ByteCount::mib(1024));
    EXPECT_EQ(spec.cpu_milli, 2000U) << "an init may have two CPUs";
    co_await subject.next();
    EXPECT_EQ(w.process().cpu_milli(), 1000U);
    EXPECT_EQ(spec.mounts.front().destination, "/var/task");
    EXPECT_THAT(spec.env, testing::Contains("AWS_LAMBDA_LOG_STREAM_NAME=" + subject.environment->log_stream().stream));
    co_await subject.end();
  });
}

TEST(Environment, LayersAreMountedTogetherAtOpt) {
  FakeWorld world;
  world.run([](FakeWorld& w) -> Task<> {
    auto layered = std::make_shared<functions::FunctionVersion>(*w.function);
    layered->layers = {{.arn = "a:1", .package = {}}, {.arn = "b:1", .package = {}}};
    Subject with(w, layered);
    co_await w.settle();
    const auto at_opt = [](const sandbox::BindMount& mount) { return mount.destination == "/opt"; };
    const std::vector<sandbox::BindMount> mounts = w.process().spec().mounts;
    const auto place = std::find_if(mounts.begin(), mounts.end(), at_opt);
    EXPECT_TRUE(place != mounts.end() && place->source == "/nonexistent/layers-2");
    co_await with.end();
    Subject without(w);
    co_await w.settle();
    const std::vector<sandbox::BindMount> bare = w.process().spec().mounts;
    EXPECT_EQ(std::count_if(bare.begin(), bare.end(), at_opt), 0);
    co_await without.end();
  });
}

TEST(Environment, OutputBetweenInvocationsReachesTheLogWithoutThem) {
  FakeWorld world;
  world.run([](FakeWorld& w) -> Task<> {
    Subject subject(w);
    co_await subject.until_idle();
    w.process().write_stdout("background\n");
    co_await w.settle();
    co_await w.advance(milliseconds(50));
    EXPECT_THAT(w.logs.text(), HasSubstr("background\n"));
    co_await subject.end();
  });
}

}  // namespace
}  // namespace hearth::environment
