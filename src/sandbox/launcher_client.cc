#include "sandbox/launcher_client.h"

#include <fcntl.h>

#include <csignal>
#include <utility>

#include "base/check.h"
#include "sandbox/launcher_sandbox.h"

namespace hearth::sandbox {
namespace {

constexpr const char* kNoTier = "none";

ErrorKind kind_of(launcher::FailureKind kind) {
  switch (kind) {
    case launcher::FailureKind::kRefused:
      return ErrorKind::kRefused;
    case launcher::FailureKind::kNoResources:
      return ErrorKind::kNoResources;
    case launcher::FailureKind::kFailed:
      return ErrorKind::kFailed;
  }
  return ErrorKind::kFailed;
}

launcher::CreateMessage to_message(std::uint64_t id, SandboxSpec spec) {
  launcher::CreateMessage message;
  message.id = id;
  message.name = std::move(spec.name);
  for (BindMount& mount : spec.mounts) {
    message.mounts.push_back({std::move(mount.source), std::move(mount.destination)});
  }
  message.argv = std::move(spec.argv);
  message.env = std::move(spec.env);
  message.working_directory = std::move(spec.working_directory);
  message.memory_bytes = spec.memory.value;
  message.tmp_bytes = spec.tmp_size.value;
  message.tmp_inodes = spec.tmp_inodes;
  message.cpu_milli = spec.cpu_milli;
  message.pids = spec.pids;
  message.open_files = spec.open_files;
  return message;
}

}  // namespace

// One launcher's socket. Tasks hold it, so that a watch outlives its descriptor's use.
struct LauncherClient::Connection {
  Connection(net::Loop& loop, UniqueFd fd) : socket(std::move(fd)), watch(loop, socket.get()) {}

  UniqueFd socket;
  net::FdWatch watch;
  std::deque<std::string> outgoing;  // what did not fit into the socket; a task writes it
  bool open = true;
  bool greeted = false;
};

LauncherClient::LauncherClient(net::Loop& loop, const observe::Logger& log, std::chrono::milliseconds creation_timeout,
                               std::chrono::milliseconds successor_timeout)
    : loop_(loop),
      log_(log),
      creation_timeout_(creation_timeout),
      successor_timeout_(successor_timeout),
      gate_(loop),
      tier_{kNoTier, {}, {"the launcher has not answered yet"}} {}

LauncherClient::~LauncherClient() = default;

void LauncherClient::reconnect(UniqueFd socket) {
  lose("another launcher takes over");
  ::fcntl(socket.get(), F_SETFL, ::fcntl(socket.get(), F_GETFL) | O_NONBLOCK);
  connection_ = std::make_shared<Connection>(loop_, std::move(socket));
  gate_.spawn(read_messages(connection_));
}

net::Task<Status> LauncherClient::ready(SteadyTime deadline) {
  if (connection_ && connection_->greeted) co_return Status{};
  const auto greeted = std::make_shared<net::OneShot<bool>>(loop_.executor());
  if (connection_) {
    waiting_for_hello_.push_back(greeted);
    const std::optional<bool> outcome = co_await greeted->wait_until(deadline);
    std::erase(waiting_for_hello_, greeted);
    if (outcome.value_or(false)) co_return Status{};
  }
  co_return fail(ErrorKind::kLauncherGone, "the launcher did not start; its own message says why");
}

net::Task<Result<std::unique_ptr<Sandbox>>> LauncherClient::create(SandboxSpec spec) {
  HEARTH_CHECK(loop_.on_thread());
  const std::uint64_t id = next_id_++;
  const std::string name = spec.name;
  const launcher::Message request = to_message(id, std::move(spec));
  Status sent = send(request);
  if (!sent && sent.error().is(ErrorKind::kLauncherGone)) {
    CO_TRY_STATUS(co_await successor());
    sent = send(request);
  }
  CO_TRY_STATUS(std::move(sent));
  const auto pending = std::make_shared<net::OneShot<Answer>>(loop_.executor());
  pending_.emplace(id, pending);
  const SteadyTime deadline = std::chrono::steady_clock::now() + creation_timeout_;
  std::optional<Answer> answer = co_await pending->wait_until(deadline);
  pending_.erase(id);
  if (!answer) {
    // A Created that still comes finds nobody waiting and is killed there.
    if (const Status asked = send(launcher::KillMessage{id}); !asked) {
      log_.warn("cannot ask for a kill", {{"error", asked.error().message()}});
    }
    co_return fail(ErrorKind::kFailed, "building sandbox " + name + " took too long");
  }
  if (!*answer) co_return fail(std::move(*answer).error());
  co_return std::unique_ptr<Sandbox>(std::move(**answer));
}

net::Task<Status> LauncherClient::successor() {
  if (gate_.is_closed()) co_return fail(ErrorKind::kLauncherGone, "the server stops");
  const auto here = std::make_shared<net::OneShot<bool>>(loop_.executor());
  waiting_for_successor_.push_back(here);
  const SteadyTime deadline = std::chrono::steady_clock::now() + successor_timeout_;
  const std::optional<bool> outcome = co_await here->wait_until(deadline);
  std::erase(waiting_for_successor_, here);
  if (outcome.value_or(false)) co_return Status{};
  co_return fail(ErrorKind::kLauncherGone, "no launcher is connected");
}

SandboxFactory::Tier LauncherClient::tier() const { return tier_; }

net::Task<> LauncherClient::stop() {
  gate_.close();
  for (const auto& waiting : waiting_for_successor_) waiting->set(false);
  lose("the server stops");
  co_await gate_.drained();
}

Status LauncherClient::send(const launcher::Message& message) {
  HEARTH_CHECK(loop_.on_thread());
  if (!connection_) return fail(ErrorKind::kLauncherGone, "no launcher is connected");
  auto bytes = launcher::encode(message);
  if (!bytes) return fail(ErrorKind::kRefused, "the specification is too large: " + bytes.error().message());
  if (connection_->outgoing.empty()) {
    Status sent = launcher::send_packet(connection_->socket.get(), *bytes, {});
    if (sent) return {};
    if (!sent.error().is(launcher::ProtocolError::kNothing)) {
      // read_messages sees the same and tells everybody; not from inside a caller.
      return fail(ErrorKind::kLauncherGone, sent.error().message());
    }
    connection_->outgoing.push_back(std::move(*bytes));
    gate_.spawn(write_messages(connection_));
    return {};
  }
  connection_->outgoing.push_back(std::move(*bytes));
  return {};
}

net::Task<> LauncherClient::write_messages(std::shared_ptr<Connection> connection) {
  while (connection->open && !connection->outgoing.empty()) {
    const net::WatchOutcome outcome = co_await connection->watch.writable(SteadyTime::max());
    if (outcome != net::WatchOutcome::kReady) co_return;
    while (connection->open && !connection->outgoing.empty()) {
      const Status sent = launcher::send_packet(connection->socket.get(), connection->outgoing.front(), {});
      if (!sent && sent.error().is(launcher::ProtocolError::kNothing)) break;
      if (!sent) co_return;  // read_messages sees the end too
      connection->outgoing.pop_front();
    }
  }
}

net::Task<> LauncherClient::read_messages(std::shared_ptr<Connection> connection) {
  while (connection->open) {
    const net::WatchOutcome outcome = co_await connection->watch.readable(SteadyTime::max());
    if (!connection->open) co_return;
    if (outcome != net::WatchOutcome::kReady) {
      lose("its socket cannot be watched");
      co_return;
    }
    // All that is there, but not for ever: others on the loop wait too.
    constexpr int kMessagesPerTurn = 32;
    for (int i = 0; i < kMessagesPerTurn && connection->open; ++i) {
      auto packet = launcher::receive_packet(connection->socket.get());
      if (!packet && packet.error().is(launcher::ProtocolError::kNothing)) break;
      if (!packet) {
        lose(packet.error().message());
        co_return;
      }
      auto message = launcher::decode(packet->bytes);
      if (!message) {
        lose(message.error().message());
        co_return;
      }
      on_message(std::move(*message), std::move(packet->fds));
    }
  }
}

void LauncherClient::on_message(launcher::Message message, std::vector<UniqueFd> fds) {
  if (auto* hello = std::get_if<launcher::HelloMessage>(&message)) {
    if (hello->version != launcher::kProtocolVersion) return lose("it speaks another version of the protocol");
    if (tier_.name != kNoTier && tier_.name != hello->tier) return lose("it builds other walls than the one before");
    tier_ = Tier{std::move(hello->tier), std::move(hello->mechanisms), std::move(hello->warnings)};
    connection_->greeted = true;
    for (const auto& waiting : waiting_for_hello_) waiting->set(true);
    for (const auto& waiting : waiting_for_successor_) waiting->set(true);
  } else if (const auto* created = std::get_if<launcher::CreatedMessage>(&message)) {
    on_created(*created, std::move(fds));
  } else if (auto* failed = std::get_if<launcher::FailedMessage>(&message)) {
    answer(failed->id, fail(kind_of(failed->kind), std::move(failed->message)));
  } else if (const auto* exited = std::get_if<launcher::ExitedMessage>(&message)) {
    const auto sandbox = living_.find(exited->id);
    if (sandbox == living_.end()) return;  // destroyed by its owner before
    sandbox->second->ended({.code = exited->code, .signal = exited->signal, .oom_killed = exited->oom_killed != 0});
  } else {
    lose("it sent a message that only the server sends");
  }
}

void LauncherClient::on_created(const launcher::CreatedMessage& created, std::vector<UniqueFd> fds) {
  if (fds.empty() && created.fds != 0) {
    // They arrived and there was no room for them: this sandbox cannot be steered, the others can.
    if (Status sent = send(launcher::KillMessage{created.id}); !sent) {
      log_.warn("cannot ask for a kill", {{"error", sent.error().message()}});
    }
    return answer(created.id, fail(ErrorKind::kNoResources, "the server has no file descriptors left"));
  }
  auto roles = RoleFds::match(created.fds, std::move(fds));
  if (!roles) return lose("its descriptors do not match their list");
  // Registered now, so that an exit right behind this message finds it. If nobody waits any more it is destroyed here,
  // which kills it.
  answer(created.id, std::make_unique<LauncherSandbox>(*this, created, std::move(*roles)));
}

void LauncherClient::answer(std::uint64_t id, Answer answer) {
  const auto pending = pending_.find(id);
  if (pending != pending_.end()) pending->second->set(std::move(answer));
}

void LauncherClient::lose(const std::string& why) {
  if (!connection_) return;
  const std::shared_ptr<Connection> gone = std::exchange(connection_, nullptr);
  gone->open = false;
  gone->watch.cancel();
  tier_.mechanisms.clear();
  tier_.warnings = {"the launcher is gone: " + why};
  if (!gate_.is_closed()) log_.warn("the launcher is gone; its sandboxes end", {{"reason", why}});
  for (const auto& waiting : waiting_for_hello_) waiting->set(false);
  for (const auto& [id, pending] : pending_) {
    pending->set(fail(ErrorKind::kLauncherGone, "the launcher ended while building the sandbox"));
  }
  // Callbacks may destroy sandboxes and start others.
  std::vector<std::uint64_t> ids;
  for (const auto& [id, sandbox] : living_) ids.push_back(id);
  for (const std::uint64_t id : ids) {
    const auto sandbox = living_.find(id);
    if (sandbox == living_.end()) continue;
    sandbox->second->kill();
    sandbox->second->ended({.code = 0, .signal = SIGKILL, .oom_killed = false, .host_failed = true});
  }
  // The watch lets go of the descriptor before it is closed; tasks still hold `gone` until they notice.
}

}  // namespace hearth::sandbox
