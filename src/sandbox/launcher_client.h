#pragma once
// LauncherClient: sandboxes made by the privileged launcher, over its socket.
//
// create() sends the specification and waits for the answer: the descriptors of a sandbox whose program runs, or why
// there is none. Any number may be under way. Later steering needs no message: freezing, killing and memory figures go
// through descriptors of cgroup files that came with the answer. Only SIGTERM is asked for.
//
// When the launcher dies every sandbox dies with it: creations under way fail with kLauncherGone, living sandboxes
// report an exit by SIGKILL that says so. reconnect() goes on with its successor, for whom new creations wait a while.
//
// What kind of walls it builds the first launcher's greeting says; one with other walls is not talked to.
//
// Path: environment/ -> here -> launcher/launcher.cc
// Tests: launcher_client_test.cc (scripted launcher), launcher_e2e_test.cc (the real one; needs root)

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>

#include "launcher/protocol.h"
#include "net/fd_watch.h"
#include "net/gate.h"
#include "net/loop.h"
#include "net/one_shot.h"
#include "observe/log.h"
#include "sandbox/sandbox.h"

namespace hearth::sandbox {

class LauncherSandbox;

// Thread: the loop's. `loop` and `log` outlive the client; the client outlives its sandboxes.
class LauncherClient final : public SandboxFactory {
 public:
  // How long a creation may take. It takes a millisecond; this is for a machine on its knees.
  static constexpr std::chrono::seconds kDefaultCreationTimeout{10};

  // How long a creation waits for a launcher that replaces a dead one. That takes some tens of milliseconds.
  static constexpr std::chrono::seconds kDefaultSuccessorTimeout{5};

  LauncherClient(net::Loop& loop, const observe::Logger& log,
                 std::chrono::milliseconds creation_timeout = kDefaultCreationTimeout,
                 std::chrono::milliseconds successor_timeout = kDefaultSuccessorTimeout);
  ~LauncherClient() override;  // stop() was awaited, or the loop no longer runs

  // Talks to the launcher at the other end of `socket` (SOCK_SEQPACKET) from now on. One before counts as dead.
  void reconnect(UniqueFd socket);
  bool is_connected() const { return connection_ != nullptr; }
  // Waits until the launcher has said what it can do. Errors: kLauncherGone (also: not by `deadline`).
  net::Task<Status> ready(SteadyTime deadline);

  // Errors: all of ErrorKind. kFailed also when the creation took too long; what may yet come of it is killed.
  net::Task<Result<std::unique_ptr<Sandbox>>> create(SandboxSpec spec) override;
  // Of the launcher's greeting; before it, a tier "none" without mechanisms and a warning.
  Tier tier() const override;

  // Closes the socket, so that the launcher ends everything, and waits for tasks of this client.
  net::Task<> stop();

 private:
  friend class LauncherSandbox;
  using Answer = Result<std::unique_ptr<LauncherSandbox>>;
  struct Connection;

  net::Task<Status> successor();
  net::Task<> read_messages(std::shared_ptr<Connection> connection);
  net::Task<> write_messages(std::shared_ptr<Connection> connection);
  Status send(const launcher::Message& message);
  void on_message(launcher::Message message, std::vector<UniqueFd> fds);
  void on_created(const launcher::CreatedMessage& created, std::vector<UniqueFd> fds);
  void answer(std::uint64_t id, Answer answer);
  void lose(const std::string& why);

  net::Loop& loop_;
  const observe::Logger& log_;
  std::chrono::milliseconds creation_timeout_;
  std::chrono::milliseconds successor_timeout_;
  net::Gate gate_;
  std::shared_ptr<Connection> connection_;
  std::uint64_t next_id_ = 1;
  std::unordered_map<std::uint64_t, std::shared_ptr<net::OneShot<Answer>>> pending_;
  std::unordered_map<std::uint64_t, LauncherSandbox*> living_;
  std::vector<std::shared_ptr<net::OneShot<bool>>> waiting_for_hello_;
  std::vector<std::shared_ptr<net::OneShot<bool>>> waiting_for_successor_;
  Tier tier_;
};

}  // namespace hearth::sandbox
