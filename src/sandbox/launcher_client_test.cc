#include "sandbox/launcher_client.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <csignal>
#include <functional>
#include <thread>

namespace hearth::sandbox {
namespace {

using namespace std::chrono_literals;
using launcher::FdRole;
using launcher::Message;

// The launcher's end of the socket, for a script that runs on a thread of its own. Every read has a deadline.
class ScriptedLauncher {
 public:
  explicit ScriptedLauncher(UniqueFd socket) : socket_(std::move(socket)) {
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  template <class M>
  M expect() {
    auto packet = launcher::receive_packet(socket_.get());
    if (!packet) {
      ADD_FAILURE() << packet.error().message();
      return {};
    }
    auto message = launcher::decode(packet->bytes);
    if (!message || !std::holds_alternative<M>(*message)) {
      ADD_FAILURE() << "another message was expected";
      return {};
    }
    return std::get<M>(*message);
  }
  void send(const Message& message, std::span<const int> fds = {}) {
    EXPECT_TRUE(launcher::send_packet(socket_.get(), *launcher::encode(message), fds));
  }
  void send_bytes(std::string_view bytes) { EXPECT_TRUE(launcher::send_packet(socket_.get(), bytes, {})); }
  // A Created with a pidfd's and a standard output's descriptor (any will do); returns the writing end of the latter.
  UniqueFd send_created(std::uint64_t id) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), 0);
    const UniqueFd reader(ends[0]);
    const std::array<int, 2> fds = {ends[1], ends[0]};
    constexpr std::uint32_t kBits =
        1U << static_cast<unsigned>(FdRole::kPidfd) | 1U << static_cast<unsigned>(FdRole::kStdout);
    send(launcher::CreatedMessage{.id = id, .host_uid = 200'000, .pid = 2, .fds = kBits}, fds);
    return UniqueFd(ends[1]);
  }
  void close() { socket_.reset(); }
  // Stays until the client goes. (A socket closed with unread messages loses what it sent last.)
  void wait_for_the_end() {
    for (;;) {
      auto packet = launcher::receive_packet(socket_.get());
      if (packet) continue;
      EXPECT_TRUE(packet.error().is(launcher::ProtocolError::kClosed)) << packet.error().message();
      return;
    }
  }

 private:
  UniqueFd socket_;
};

struct LauncherClientTest : public testing::Test {
  using Steps = net::Task<> (*)(LauncherClientTest&);

  // Runs `steps` against a launcher that does `script`.
  void play(std::function<void(ScriptedLauncher&)> script, Steps steps) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
    client_.reconnect(UniqueFd(ends[0]));
    std::jthread launcher([script = std::move(script), socket = UniqueFd(ends[1])]() mutable {
      ScriptedLauncher scripted(std::move(socket));
      script(scripted);
    });
    loop_.spawn(run_steps(*this, steps));
    loop_.run();
  }
  static net::Task<> run_steps(LauncherClientTest& test, Steps steps) {
    co_await steps(test);
    co_await test.client_.stop();
  }

  SystemClock clock_;
  net::Loop loop_{clock_};
  observe::Logger log_{-1, observe::Level::kError, observe::LogFormat::kText};
  LauncherClient client_{loop_, log_, 200ms, 20ms};
};

SandboxSpec named(const char* name) { return {.name = name, .argv = {"/bin/true"}}; }
SteadyTime soon() { return std::chrono::steady_clock::now() + 10s; }

TEST_F(LauncherClientTest, ACreatedSandboxHasItsDescriptorsAndReportsItsExit) {
  play(
      [](ScriptedLauncher& launcher) {
        const auto request = launcher.expect<launcher::CreateMessage>();
        EXPECT_EQ(request.name, "a");
        EXPECT_EQ(request.argv, std::vector<std::string>{"/bin/true"});
        const UniqueFd writer = launcher.send_created(request.id);
        launcher.send(launcher::ExitedMessage{request.id, 7, 0, 0});
        launcher.wait_for_the_end();
      },
      [](LauncherClientTest& test) -> net::Task<> {
        SandboxSpec spec = named("a");
        auto created = co_await test.client_.create(std::move(spec));
        EXPECT_TRUE(created);
        if (!created) co_return;
        EXPECT_TRUE((*created)->take_stdout());
        EXPECT_FALSE((*created)->take_stdout());
        const auto exited = std::make_shared<net::OneShot<Exit>>(test.loop_.executor());
        (*created)->on_exit([exited](Exit exit) { exited->set(exit); });
        const std::optional<Exit> exit = co_await exited->wait_until(soon());
        EXPECT_TRUE(exit && exit->code == 7 && exit->signal == 0 && !exit->oom_killed);
      });
}

TEST_F(LauncherClientTest, AFailureKeepsItsKindAndMessage) {
  play(
      [](ScriptedLauncher& launcher) {
        const auto request = launcher.expect<launcher::CreateMessage>();
        launcher.send(launcher::FailedMessage{request.id, launcher::FailureKind::kNoResources, "no pids"});
        launcher.wait_for_the_end();
      },
      [](LauncherClientTest& test) -> net::Task<> {
        SandboxSpec spec = named("a");
        auto created = co_await test.client_.create(std::move(spec));
        EXPECT_TRUE(!created && created.error().is(ErrorKind::kNoResources));
        if (!created) EXPECT_EQ(created.error().message(), "no pids");
      });
}

TEST_F(LauncherClientTest, ASandboxWhoseDescriptorsHadNoRoomIsKilledAloneAndSaysSo) {
  play(
      [](ScriptedLauncher& launcher) {
        const auto request = launcher.expect<launcher::CreateMessage>();
        launcher.send(launcher::CreatedMessage{.id = request.id, .host_uid = 200'000, .pid = 2, .fds = 1});
        EXPECT_EQ(launcher.expect<launcher::KillMessage>().id, request.id);
        const auto next = launcher.expect<launcher::CreateMessage>();
        const UniqueFd writer = launcher.send_created(next.id);
        launcher.wait_for_the_end();
      },
      [](LauncherClientTest& test) -> net::Task<> {
        SandboxSpec spec = named("a");
        auto created = co_await test.client_.create(std::move(spec));
        EXPECT_TRUE(!created && created.error().is(ErrorKind::kNoResources));
        SandboxSpec next = named("b");
        auto another = co_await test.client_.create(std::move(next));
        EXPECT_TRUE(another);
      });
}

TEST_F(LauncherClientTest, ACreationThatTakesTooLongIsKilledAndItsLateAnswerTooAfterwards) {
  play(
      [](ScriptedLauncher& launcher) {
        const auto request = launcher.expect<launcher::CreateMessage>();
        EXPECT_EQ(launcher.expect<launcher::KillMessage>().id, request.id);
        const UniqueFd writer = launcher.send_created(request.id);
        // Nobody waits any more: the descriptors are closed.
        const auto second = launcher.expect<launcher::CreateMessage>();
        launcher.send(launcher::FailedMessage{second.id, launcher::FailureKind::kRefused, ""});
        launcher.wait_for_the_end();
      },
      [](LauncherClientTest& test) -> net::Task<> {
        SandboxSpec spec = named("a");
        auto created = co_await test.client_.create(std::move(spec));
        EXPECT_TRUE(!created && created.error().is(ErrorKind::kFailed));
        SandboxSpec second = named("b");
        auto refused = co_await test.client_.create(std::move(second));
        EXPECT_TRUE(!refused && refused.error().is(ErrorKind::kRefused));
      });
}

TEST_F(LauncherClientTest, WhenTheLauncherDiesCreationsFailAndSandboxesReportAKill) {
  play(
      [](ScriptedLauncher& launcher) {
        const auto first = launcher.expect<launcher::CreateMessage>();
        const UniqueFd writer = launcher.send_created(first.id);
        launcher.expect<launcher::CreateMessage>();
        launcher.close();
      },
      [](LauncherClientTest& test) -> net::Task<> {
        SandboxSpec spec = named("a");
        auto living = co_await test.client_.create(std::move(spec));
        EXPECT_TRUE(living);
        if (!living) co_return;
        const auto exited = std::make_shared<net::OneShot<Exit>>(test.loop_.executor());
        (*living)->on_exit([exited](Exit exit) { exited->set(exit); });
        SandboxSpec second = named("b");
        auto failed = co_await test.client_.create(std::move(second));
        EXPECT_TRUE(!failed && failed.error().is(ErrorKind::kLauncherGone));
        const std::optional<Exit> exit = co_await exited->wait_until(soon());
        EXPECT_TRUE(exit && exit->signal == SIGKILL && exit->host_failed);
        EXPECT_FALSE(test.client_.is_connected());
        SandboxSpec third = named("c");
        auto gone = co_await test.client_.create(std::move(third));
        EXPECT_TRUE(!gone && gone.error().is(ErrorKind::kLauncherGone));
      });
}

// A creation that finds no launcher, and the successor that comes meanwhile.
net::Task<> create_with_successor(net::Loop& loop, LauncherClient& client, UniqueFd next) {
  const auto created = std::make_shared<net::OneShot<bool>>(loop.executor());
  const auto create = [](LauncherClient& with, std::shared_ptr<net::OneShot<bool>> done) -> net::Task<> {
    SandboxSpec spec = named("waits");
    const auto sandbox = co_await with.create(std::move(spec));
    done->set(sandbox.has_value());
  };
  loop.spawn(create(client, created));
  co_await net::sleep_for(1ms);
  client.reconnect(std::move(next));
  const std::optional<bool> outcome = co_await created->wait_until(soon());
  EXPECT_EQ(outcome, true);
  co_await client.stop();
}

TEST_F(LauncherClientTest, ACreationWithoutALauncherWaitsForTheNext) {
  LauncherClient client(loop_, log_, 10s, 10s);
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
  std::jthread launcher([socket = UniqueFd(ends[1])]() mutable {
    ScriptedLauncher scripted(std::move(socket));
    scripted.send(launcher::HelloMessage{.version = launcher::kProtocolVersion, .mechanisms = {}, .warnings = {}});
    const auto request = scripted.expect<launcher::CreateMessage>();
    EXPECT_EQ(request.name, "waits");
    const UniqueFd writer = scripted.send_created(request.id);
    scripted.wait_for_the_end();
  });
  loop_.spawn(create_with_successor(loop_, client, UniqueFd(ends[0])));
  loop_.run();
}

TEST_F(LauncherClientTest, DestroyingASandboxAsksForItsKill) {
  play(
      [](ScriptedLauncher& launcher) {
        const auto request = launcher.expect<launcher::CreateMessage>();
        const UniqueFd writer = launcher.send_created(request.id);
        EXPECT_EQ(launcher.expect<launcher::KillMessage>().id, request.id);
      },
      [](LauncherClientTest& test) -> net::Task<> {
        SandboxSpec spec = named("a");
        auto created = co_await test.client_.create(std::move(spec));
        EXPECT_TRUE(created);
      });
}

TEST_F(LauncherClientTest, GarbageFromTheLauncherEndsTheConnection) {
  play(
      [](ScriptedLauncher& launcher) {
        launcher.expect<launcher::CreateMessage>();
        launcher.send_bytes("\x7Fgarbage");
        launcher.wait_for_the_end();
      },
      [](LauncherClientTest& test) -> net::Task<> {
        SandboxSpec spec = named("a");
        auto created = co_await test.client_.create(std::move(spec));
        EXPECT_TRUE(!created && created.error().is(ErrorKind::kLauncherGone));
      });
}

TEST_F(LauncherClientTest, TheGreetingTellsTheTier) {
  play(
      [](ScriptedLauncher& launcher) {
        launcher.send(launcher::HelloMessage{.tier = "namespace", .mechanisms = {"walls"}, .warnings = {}});
        launcher.wait_for_the_end();
      },
      [](LauncherClientTest& test) -> net::Task<> {
        EXPECT_EQ(test.client_.tier().warnings.size(), 1U);
        const Status ready = co_await test.client_.ready(soon());
        EXPECT_TRUE(ready);
        EXPECT_THAT(test.client_.tier().mechanisms, testing::ElementsAre("walls"));
        EXPECT_TRUE(test.client_.tier().warnings.empty());
      });
}

TEST_F(LauncherClientTest, ALauncherThatEndsBeforeItsGreetingIsNotReady) {
  play([](ScriptedLauncher& launcher) { launcher.close(); },
       [](LauncherClientTest& test) -> net::Task<> {
         const Status ready = co_await test.client_.ready(soon());
         EXPECT_TRUE(!ready && ready.error().is(ErrorKind::kLauncherGone));
       });
}

TEST_F(LauncherClientTest, ASpecificationTooLargeForAMessageIsRefused) {
  play([](ScriptedLauncher&) {},
       [](LauncherClientTest& test) -> net::Task<> {
         SandboxSpec spec = named("a");
         spec.env = {"A=" + std::string(launcher::kMaxPacketBytes, 'x')};
         auto created = co_await test.client_.create(std::move(spec));
         EXPECT_TRUE(!created && created.error().is(ErrorKind::kRefused));
       });
}

}  // namespace
}  // namespace hearth::sandbox
