// The real launcher, driven by the real client: life and death of sandboxes, and what is left of them (nothing).

#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "harness.h"

namespace hearth::security {
namespace {

using sandbox::ErrorKind;
using testing::HasSubstr;

std::size_t open_descriptors(pid_t pid) {
  std::error_code error;
  const std::filesystem::directory_iterator listing("/proc/" + std::to_string(pid) + "/fd", error);
  return static_cast<std::size_t>(std::distance(begin(listing), end(listing)));
}

// Waits until `condition` holds; false when it takes too long.
template <class Condition>
bool eventually(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + patience();
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

class Launcher : public testing::Test {
 protected:
  void SetUp() override {
    if (const std::string reason = reason_to_skip(); !reason.empty()) GTEST_SKIP() << reason;
    harness_ = std::make_unique<Harness>();
  }

  sandbox::Exit run(std::vector<std::string> arguments) {
    const auto inside = harness_->start(std::move(arguments));
    if (inside == nullptr) return {.code = -1};
    const auto exit = inside->wait_exit();
    EXPECT_TRUE(exit) << "it did not end";
    return exit.value_or(sandbox::Exit{.code = -1});
  }
  Error refusal(sandbox::SandboxSpec spec) {
    auto created = harness_->create(std::move(spec));
    EXPECT_FALSE(created) << "it was created";
    return created ? Error(ErrorKind::kFailed, "created") : created.error();
  }

  std::unique_ptr<Harness> harness_;
};

TEST_F(Launcher, ExitStatusOfTheRuntimeIsReported) {
  EXPECT_EQ(run({"helper", "exit", "0"}).code, 0);
  EXPECT_EQ(run({"helper", "exit", "42"}).code, 42);
}

TEST_F(Launcher, ASignalThatEndsTheRuntimeIsReported) {
  for (const int number : {SIGSEGV, SIGABRT, SIGTERM, SIGKILL}) {
    const sandbox::Exit exit = run({"helper", "signal", std::to_string(number)});
    EXPECT_EQ(exit.signal, number);
    EXPECT_FALSE(exit.oom_killed);
  }
}

TEST_F(Launcher, OutputArrivesOnThreePipes) {
  const auto inside = harness_->start({"helper", "say", "to out", "to err", "to log"});
  ASSERT_NE(inside, nullptr);
  EXPECT_EQ(inside->read_stdout(), "to out\n");
  EXPECT_EQ(inside->read_stderr(), "to err\n");
  EXPECT_EQ(inside->read_log_pipe(), "to log\n");
}

TEST_F(Launcher, EveryListenerIsReachableFromInside) {
  for (const char* port : {"9001", "80", "443", "53"}) EXPECT_EQ(run({"helper", "connect", port}).code, 0) << port;
  EXPECT_EQ(run({"helper", "connect", "8080"}).code, 7);
}

TEST_F(Launcher, AConnectionFromInsideIsAcceptedOutside) {
  const auto inside = harness_->start({"helper", "hello"});
  ASSERT_NE(inside, nullptr);
  UniqueFd connection;
  ASSERT_TRUE(eventually([&] {
    connection.reset(::accept4(inside->listeners().runtime_api.get(), nullptr, nullptr, SOCK_CLOEXEC));
    return static_cast<bool>(connection);
  }));
  char byte = 0;
  EXPECT_EQ(::read(connection.get(), &byte, 1), 1);
}

TEST_F(Launcher, TheOtherProcessesOfASandboxEndWithItsRuntime) {
  const auto inside = harness_->start({"helper", "leave"});
  ASSERT_NE(inside, nullptr);
  EXPECT_TRUE(inside->wait_exit());
  inside->read_stdout();  // ends only when the child that was left has closed it
}

TEST_F(Launcher, OrphansAreReaped) {
  const auto inside = harness_->start({"helper", "orphan"});
  ASSERT_NE(inside, nullptr);
  EXPECT_EQ(inside->read_line(), "done");
  EXPECT_TRUE(inside->wait_exit());
}

TEST_F(Launcher, TerminateIsASigtermThatTheRuntimeCanHandle) {
  const auto inside = harness_->start({"helper", "term"});
  ASSERT_NE(inside, nullptr);
  ASSERT_EQ(inside->read_line(), "ready");
  inside->with_sandbox([](sandbox::Sandbox& sandbox) { sandbox.terminate(); });
  EXPECT_EQ(inside->read_line(), "SIGTERM");
  const auto exit = inside->wait_exit();
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->code, 17);
}

TEST_F(Launcher, ASigtermEndsARuntimeThatDoesNotHandleIt) {
  const auto inside = harness_->start({"helper", "sleep"});
  ASSERT_NE(inside, nullptr);
  ASSERT_EQ(inside->read_line(), "ready");
  inside->with_sandbox([](sandbox::Sandbox& sandbox) { sandbox.terminate(); });
  const auto exit = inside->wait_exit();
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->signal, SIGTERM);
}

TEST_F(Launcher, KillEndsEvenAFrozenSandbox) {
  const auto inside = harness_->start({"helper", "sleep"});
  ASSERT_NE(inside, nullptr);
  ASSERT_EQ(inside->read_line(), "ready");
  inside->with_sandbox([](sandbox::Sandbox& sandbox) {
    EXPECT_TRUE(sandbox.freeze());
    sandbox.kill();
    sandbox.kill();
  });
  const auto exit = inside->wait_exit();
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->signal, SIGKILL);
  EXPECT_FALSE(exit->oom_killed);
}

TEST_F(Launcher, FreezingStopsAndThawingResumes) {
  const auto inside = harness_->start({"helper", "tick"});
  ASSERT_NE(inside, nullptr);
  ASSERT_EQ(inside->read_line(), "tick");
  EXPECT_TRUE(inside->with_sandbox([](sandbox::Sandbox& sandbox) { return sandbox.freeze(); }));
  // Whatever was written before; a further tick would come within 10 ms.
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  EXPECT_TRUE(inside->with_sandbox([](sandbox::Sandbox& sandbox) { return sandbox.thaw(); }));
  EXPECT_EQ(inside->read_line(), "tick");
}

TEST_F(Launcher, PeakMemoryCountsWhatWasFreedAgainButNotTmp) {
  sandbox::SandboxSpec spec = harness_->spec({"helper", "memory", "60"});
  const auto inside = harness_->start(std::move(spec));
  ASSERT_NE(inside, nullptr);
  ASSERT_EQ(inside->read_line(), "ready");
  const ByteCount peak = inside->with_sandbox([](sandbox::Sandbox& sandbox) { return sandbox.peak_memory(); });
  EXPECT_GE(peak, ByteCount::mib(60));
  EXPECT_LE(peak, ByteCount::mib(64));
  const ByteCount again = inside->with_sandbox([](sandbox::Sandbox& sandbox) {
    sandbox.reset_peak_memory();
    return sandbox.peak_memory();
  });
  EXPECT_LT(again, ByteCount::mib(20));

  const auto writer = harness_->start({"helper", "tmp", "15"});
  ASSERT_NE(writer, nullptr);
  ASSERT_EQ(writer->read_line(), "ready");
  const ByteCount own = writer->with_sandbox([](sandbox::Sandbox& sandbox) { return sandbox.peak_memory(); });
  EXPECT_LT(own, ByteCount::mib(8));
}

TEST_F(Launcher, AMissingProgramIsSaid) {
  sandbox::SandboxSpec spec = harness_->spec({});
  spec.argv = {"/var/task/missing"};
  const Error error = refusal(std::move(spec));
  EXPECT_TRUE(error.is(ErrorKind::kFailed));
  EXPECT_THAT(error.message(), HasSubstr("/var/task/missing"));
  EXPECT_THAT(error.message(), HasSubstr("No such file"));
}

TEST_F(Launcher, MountsOutsideTheSourceRootsAreRefused) {
  for (const char* source : {"/etc", "/root", "/proc", "/", "/no/such/folder"}) {
    sandbox::SandboxSpec spec = harness_->spec({"identity"});
    spec.mounts.push_back({source, "/opt"});
    EXPECT_TRUE(refusal(std::move(spec)).is(ErrorKind::kRefused)) << source;
  }
}

TEST_F(Launcher, ALinkThatLeavesASourceRootIsRefused) {
  std::filesystem::create_symlink("/etc", harness_->source_folder() + "/way_out");
  sandbox::SandboxSpec spec = harness_->spec({"identity"});
  spec.mounts.push_back({harness_->source_folder() + "/way_out", "/opt"});
  EXPECT_TRUE(refusal(std::move(spec)).is(ErrorKind::kRefused));
}

TEST_F(Launcher, MountDestinationsOutsideAwsPlacesAreRefused) {
  for (const char* destination : {"/etc/passwd", "/usr", "/tmp", "/var/task/../../etc", "opt", "/proc"}) {
    sandbox::SandboxSpec spec = harness_->spec({"identity"});
    spec.mounts.push_back({harness_->source_folder(), destination});
    EXPECT_TRUE(refusal(std::move(spec)).is(ErrorKind::kRefused)) << destination;
  }
}

TEST_F(Launcher, AFileCanBeMountedOverTheTrustBundle) {
  std::ofstream(harness_->source_folder() + "/bundle.crt") << "our own roots";
  sandbox::SandboxSpec spec = harness_->spec({"helper", "cat", "/etc/ssl/certs/ca-certificates.crt"});
  spec.mounts.push_back({harness_->source_folder() + "/bundle.crt", "/etc/ssl/certs/ca-certificates.crt"});
  const auto inside = harness_->start(std::move(spec));
  ASSERT_NE(inside, nullptr);
  EXPECT_EQ(inside->read_stdout(), "our own roots");
}

TEST_F(Launcher, BadSpecificationsAreRefusedAndTheLauncherLivesOn) {
  const auto with = [this](auto change) {
    sandbox::SandboxSpec spec = harness_->spec({"identity"});
    change(spec);
    return refusal(std::move(spec));
  };
  EXPECT_TRUE(with([](auto& spec) { spec.name = "../escape"; }).is(ErrorKind::kRefused));
  EXPECT_TRUE(with([](auto& spec) { spec.name = ""; }).is(ErrorKind::kRefused));
  EXPECT_TRUE(with([](auto& spec) { spec.argv.clear(); }).is(ErrorKind::kRefused));
  EXPECT_TRUE(with([](auto& spec) { spec.memory = ByteCount{1}; }).is(ErrorKind::kRefused));
  EXPECT_TRUE(with([](auto& spec) { spec.env.push_back("no equals sign"); }).is(ErrorKind::kRefused));
  EXPECT_TRUE(with([](auto& spec) { spec.env.push_back(std::string("A=\0B", 4)); }).is(ErrorKind::kRefused));
  EXPECT_TRUE(with([](auto& spec) { spec.working_directory = "relative"; }).is(ErrorKind::kRefused));
  EXPECT_TRUE(with([](auto& spec) { spec.env.push_back("A=" + std::string(1 << 20, 'x')); }).is(ErrorKind::kRefused));
  EXPECT_EQ(run({"helper", "exit", "3"}).code, 3);
}

TEST_F(Launcher, LargeEnvironmentsArrive) {
  sandbox::SandboxSpec spec = harness_->spec({"helper", "cat", "/proc/self/environ"});
  spec.env = {"BIG=" + std::string(60'000, 'x')};
  const auto inside = harness_->start(std::move(spec));
  ASSERT_NE(inside, nullptr);
  EXPECT_EQ(inside->read_stdout().size(), 60'005U);
}

TEST_F(Launcher, ManyAtOnceAllRunAndNothingIsLeft) {
  constexpr int kMany = 40;
  EXPECT_EQ(run({"helper", "exit", "0"}).code, 0);  // by now the launcher is set up
  const std::size_t descriptors_before = open_descriptors(harness_->launcher_pid());
  {
    std::vector<std::unique_ptr<Inside>> all;
    for (int i = 0; i < kMany; ++i) all.push_back(harness_->start({"helper", "sleep"}));
    for (const auto& inside : all) {
      ASSERT_NE(inside, nullptr);
      EXPECT_EQ(inside->read_line(), "ready");
    }
  }
  // The folders of the prefix itself stay while the launcher lives.
  EXPECT_TRUE(eventually([&] {
    // Four spare ones and the prefix itself, in at most four hierarchies.
    return harness_->cgroup_directories().size() <= 4 * (4 + 1);
  }));
  // Its stock may be fuller than at first: six descriptors per network namespace, at most eleven per cgroup.
  EXPECT_TRUE(
      eventually([&] { return open_descriptors(harness_->launcher_pid()) <= descriptors_before + 4 * (6 + 11); }));
}

TEST_F(Launcher, ALauncherKilledOutrightTakesItsSandboxesAlong) {
  const auto inside = harness_->start({"helper", "sleep"});
  ASSERT_NE(inside, nullptr);
  ASSERT_EQ(inside->read_line(), "ready");
  harness_->replace_launcher();
  const auto exit = inside->wait_exit();
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->signal, SIGKILL);
  EXPECT_EQ(inside->read_stdout(), "");  // end of file: no process is left that could write
  EXPECT_EQ(run({"helper", "exit", "9"}).code, 9);
}

TEST_F(Launcher, WithoutALauncherCreationFailsAndSaysSo) {
  harness_->kill_launcher();
  EXPECT_TRUE(eventually([&] {
    auto created = harness_->create(harness_->spec({"identity"}));
    return !created && created.error().is(ErrorKind::kLauncherGone);
  }));
  harness_->replace_launcher();
}

// The server of this test: a process without any privilege, that speaks the protocol itself. 0, or where it failed.
int unprivileged_server(int socket, const launcher::CreateMessage& request) {
  using launcher::FdRole;
  if (::setgroups(0, nullptr) != 0 || ::setresgid(65'534, 65'534, 65'534) != 0) return 1;
  if (::setresuid(65'534, 65'534, 65'534) != 0) return 2;
  const auto next = [socket]() -> Result<launcher::Packet> {
    pollfd wait{.fd = socket, .events = POLLIN, .revents = 0};
    ::poll(&wait, 1, 10'000);
    return launcher::receive_packet(socket);
  };
  if (!next()) return 3;  // the greeting
  if (!launcher::send_packet(socket, *launcher::encode(request), {})) return 4;
  auto packet = next();
  if (!packet) return 5;
  const auto message = launcher::decode(packet->bytes);
  if (!message || !std::holds_alternative<launcher::CreatedMessage>(*message)) return 6;
  const auto& created = std::get<launcher::CreatedMessage>(*message);
  const auto fd_of = [&](FdRole role) {
    std::size_t index = 0;
    for (unsigned bit = 0; bit < static_cast<unsigned>(role); ++bit) index += (created.fds >> bit) & 1U;
    return ((created.fds >> static_cast<unsigned>(role)) & 1U) != 0 ? packet->fds.at(index).get() : -1;
  };
  char text[4096];
  if (::pwrite(fd_of(FdRole::kCgroupFreeze), "1", 1, 0) != 1) return 7;
  if (::pwrite(fd_of(FdRole::kCgroupFreeze), "0", 1, 0) != 1) return 8;
  if (::pread(fd_of(FdRole::kMemoryStat), text, sizeof text, 0) <= 0) return 9;
  if (::pread(fd_of(FdRole::kMemoryPeak), text, sizeof text, 0) <= 0) return 10;
  if (::pread(fd_of(FdRole::kMemoryCurrent), text, sizeof text, 0) <= 0) return 11;
  const std::string_view limit = "104857600";
  if (::pwrite(fd_of(FdRole::kMemoryLimit), limit.data(), limit.size(), 0) < 0) return 12;
  if (::syscall(SYS_pidfd_send_signal, fd_of(FdRole::kPidfd), SIGKILL, nullptr, 0) == 0) return 13;  // not its to send
  if (::pwrite(fd_of(FdRole::kCgroupKill), "1", 1, 0) != 1) return 14;
  pollfd ended{.fd = fd_of(FdRole::kPidfd), .events = POLLIN, .revents = 0};
  if (::poll(&ended, 1, 10'000) != 1) return 15;
  packet = next();
  if (!packet) return 16;
  const auto last = launcher::decode(packet->bytes);
  if (!last || !std::holds_alternative<launcher::ExitedMessage>(*last)) return 17;
  return std::get<launcher::ExitedMessage>(*last).signal == SIGKILL ? 0 : 18;
}

TEST_F(Launcher, AServerWithoutPrivilegesSteersThroughDescriptorsAlone) {
  launcher::CreateMessage request;
  request.id = 1;
  request.name = "t";
  request.mounts = {{HEARTH_ATTACK_FOLDER, "/var/task"}};
  request.argv = {"/var/task/attack", "helper", "sleep"};
  request.working_directory = "/";
  request.memory_bytes = 128U << 20U;
  request.tmp_bytes = 1U << 20U;
  request.tmp_inodes = 100;
  request.pids = 16;
  request.open_files = 64;
  pid_t launcher = -1;
  UniqueFd socket = Harness::launch(harness_->prefix() + "-unprivileged", harness_->source_folder(), launcher);
  const pid_t server = ::fork();
  if (server == 0) ::_exit(unprivileged_server(socket.get(), request));
  int status = 0;
  ::waitpid(server, &status, 0);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0) << "failed at that point of unprivileged_server()";
  socket.reset();
  ::waitpid(launcher, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST_F(Launcher, WhatADeadLauncherLeftIsRemovedByTheNextOfAnyPrefix) {
  const auto start = [this](const std::string& prefix, pid_t& pid) {
    UniqueFd socket = Harness::launch(prefix, harness_->source_folder(), pid);
    pollfd greeting{.fd = socket.get(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(::poll(&greeting, 1, 10'000), 1);
    return socket;
  };
  const std::string dead_prefix = harness_->prefix() + "-dead";
  pid_t dead = -1;
  const UniqueFd first = start(dead_prefix, dead);
  ASSERT_GT(dead, 0);
  ::kill(dead, SIGKILL);
  ::waitpid(dead, nullptr, 0);
  EXPECT_FALSE(Harness::cgroup_directories(dead_prefix).empty());

  pid_t next = -1;
  UniqueFd second = start(harness_->prefix() + "-next", next);
  EXPECT_TRUE(Harness::cgroup_directories(dead_prefix).empty());
  EXPECT_FALSE(harness_->cgroup_directories().empty());  // of a launcher that lives
  second.reset();
  ::waitpid(next, nullptr, 0);
}

TEST_F(Launcher, ItSaysWhatIsolationIsInForce) {
  EXPECT_TRUE(eventually([&] {
    std::promise<sandbox::SandboxFactory::Tier> tier;
    harness_->loop().post([&] { tier.set_value(harness_->client().tier()); });
    const auto got = tier.get_future().get();
    return got.name == "namespace" && got.mechanisms.size() >= 5;
  }));
}

}  // namespace
}  // namespace hearth::security
