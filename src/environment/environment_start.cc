// The beginning of an environment, and its output: from a function to a running sandbox with its pipes read.

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "base/check.h"
#include "environment/environment.h"
#include "environment/variables.h"
#include "net/turn_label.h"

namespace hearth::environment {
namespace {

constexpr std::uint32_t kInitCpuMilli = 2000;  // AWS lets every init have two CPUs
constexpr std::size_t kTurnBytes = 4096;       // read from one pipe before others get their turn
constexpr int kRestPerPiece = 4;               // of lines on their way to the log
constexpr std::size_t kPipeCapacity = 65'536;  // all that a function can have written and we not read
constexpr std::chrono::milliseconds kLongestPause{100};

// "python3.12" and "3.11.2" as AWS writes runtime versions: "python:3.12.v3.11.2".
std::string runtime_version(const RuntimeChoice& runtime) {
  std::string text = runtime.name;
  const std::size_t digit = text.find_first_of("0123456789.");
  if (digit != std::string::npos) {
    if (text[digit] == '.') text.erase(digit, 1);
    text.insert(digit, ":");
  }
  return text + ".v" + (runtime.interpreter_version.empty() ? "1" : runtime.interpreter_version);
}

}  // namespace

void Environment::start() {
  ++attempt_;
  init_began_ = parts_.clock.steady_now();
  // In a later turn, so that no owner is called back before its own call returns.
  parts_.loop.post([self = shared_from_this(), attempt = attempt_] {
    if (self->state_ != State::kStarting || self->attempt_ != attempt) return;
    if (!self->gate_.spawn(build(self, attempt))) {
      self->on_platform_failure(Error(ErrorKind::kUnavailable, "the server is stopping"));
    }
  });
}

Task<> Environment::build(std::shared_ptr<Environment> self, int attempt) {
  co_await self->parts_.runtimes.refresh(self->parts_.loop);
  if (self->state_ != State::kStarting || self->attempt_ != attempt) co_return;
  const Result<RuntimeChoice> runtime = self->parts_.runtimes.choose(self->function_->runtime);
  if (!runtime) {
    self->on_platform_failure(runtime.error().with_context("runtime " + self->function_->runtime));
    co_return;
  }
  const Result<std::string> tree = co_await self->parts_.code.tree(self->function_->code);
  if (self->state_ != State::kStarting || self->attempt_ != attempt) co_return;
  if (!tree) {
    self->on_platform_failure(tree.error().with_context("code of " + self->function_->key.name));
    co_return;
  }
  std::vector<functions::CodePackage> packages = functions::packages_of(self->function_->layers);
  const Result<std::string> layers = co_await self->parts_.code.layers(std::move(packages));
  if (self->state_ != State::kStarting || self->attempt_ != attempt) co_return;
  if (!layers) {
    self->on_platform_failure(layers.error().with_context("layers of " + self->function_->key.name));
    co_return;
  }
  if (!self->way_home_) {
    EndpointIdentity identity = self->identity_;
    self->way_home_ = co_await self->parts_.doors.way_home(std::move(identity));
    if (self->state_ != State::kStarting || self->attempt_ != attempt) co_return;
  }
  if (attempt == 1) self->log_start(*runtime);
  self->init_began_ = self->parts_.clock.steady_now();
  auto command = command_line(*runtime, self->function_->memory_mib, *tree, *layers);
  if (!command && command.error().is(RuntimeError::kInvalidEntrypoint)) {
    self->fail_init({{"error", "Runtime.InvalidEntrypoint"}, {}, std::nullopt, command.error().message()});
    co_return;
  }
  if (!command) {
    self->on_platform_failure(command.error());
    co_return;
  }
  sandbox::SandboxSpec spec = self->specification({.code = *tree, .layers = *layers}, *runtime, *std::move(command));
  Result<std::unique_ptr<sandbox::Sandbox>> sandbox = co_await self->parts_.sandboxes.create(std::move(spec));
  if (self->state_ != State::kStarting || self->attempt_ != attempt)
    co_return;  // ended meanwhile; the sandbox goes too
  if (!sandbox) {
    self->on_platform_failure(sandbox.error().with_context("sandbox"));
    co_return;
  }
  self->attach(*std::move(sandbox));
}

sandbox::SandboxSpec Environment::specification(const Trees& trees, const RuntimeChoice& runtime,
                                                std::vector<std::string> command) {
  sandbox::SandboxSpec spec;
  spec.name = "env-" + id_.substr(0, 16) + "-" + std::to_string(attempt_);
  spec.mounts = {{trees.code, "/var/task"}, {way_home_->trust_bundle_path, kTrustBundleInside}};
  if (!trees.layers.empty()) spec.mounts.push_back({trees.layers, "/opt"});
  spec.mounts.insert(spec.mounts.end(), runtime.mounts.begin(), runtime.mounts.end());
  spec.argv = std::move(command);
  spec.env = variables({*function_, runtime, way_home_->credentials, journal_.stream().stream, parts_.locale});
  spec.memory = memory_limit();
  spec.tmp_size = ByteCount::mib(function_->ephemeral_mib);
  spec.cpu_milli = std::max(cpu_milli(), kInitCpuMilli);
  return spec;
}

std::uint32_t Environment::cpu_milli() const {
  return std::max<std::uint32_t>(function_->memory_mib * 1000 / 1769, 1);  // one CPU at 1,769 MB, as AWS
}

// The init ran with more than the function's share; from now on it has its share.
void Environment::end_init_boost() {
  if (cpu_milli() >= kInitCpuMilli) return;
  if (const Status limited = sandbox_->limit_cpu(cpu_milli()); !limited) {
    parts_.log.warn("a processor quota cannot be set", {{"environment", id_}, {"reason", limited.error().message()}});
  }
}

void Environment::log_start(const RuntimeChoice& runtime) {
  const std::string version = runtime_version(runtime);
  journal_.platform(lines_.init_start(
      parts_.clock.now(), version,
      "arn:aws:lambda:" + function_->key.region + "::runtime:" + hex_encode(sha256(function_->runtime))));
  if (!runtime.note.empty()) journal_.platform("Hearth: " + runtime.note);
  log_soon(parts_.clock.steady_now());
}

void Environment::attach(std::unique_ptr<sandbox::Sandbox> sandbox) {
  change(State::kInitialising);
  sandbox_ = std::move(sandbox);
  sandbox_->on_exit([weak = weak_from_this(), attempt = attempt_](sandbox::Exit exit) {
    const auto self = weak.lock();
    if (self && self->attempt_ == attempt && self->sandbox_) self->on_exit(exit);
  });
  UniqueFd pipes[kPipes] = {sandbox_->take_stdout(), sandbox_->take_stderr(), sandbox_->take_log_pipe()};
  for (std::size_t i = 0; i < kPipes; ++i) {
    if (!pipes[i]) continue;
    ::fcntl(pipes[i].get(), F_SETFL, O_NONBLOCK);  // cannot fail on a pipe; a blocking read would stop everything
    pipes_[i] = std::make_shared<OpenPipe>(parts_.loop, std::move(pipes[i]));
    gate_.spawn(pump(shared_from_this(), pipes_[i], static_cast<Pipe>(i)));  // a closed gate ends us anyway
  }
  sandbox::SandboxListeners listeners = sandbox_->take_listeners();
  endpoint_door_ = parts_.doors.open_endpoint(identity_, std::move(listeners.http), std::move(listeners.https),
                                              std::move(listeners.dns_udp), std::move(listeners.dns_tcp));
  runtime_door_ = parts_.doors.open_runtime_api(*this, std::move(listeners.runtime_api));
  peak_read_at_ = SteadyTime::min();
  if (!invocation_) deadline_ = init_began_ + times_.init_limit;
  memory_due_ = init_began_ + times_.memory_look;
  wake_by(next_due());
}

void Environment::on_platform_failure(const Error& error) {
  const std::shared_ptr<Environment> self = shared_from_this();
  if (state_ == State::kDead) return;
  parts_.log.error("an environment could not be made", {{"function", function_->arn}, {"reason", error.message()}});
  if (const auto invocation = std::move(invocation_)) {
    invocation->complete(fail(ErrorKind::kUnavailable, error.message()));
    die();
    return;
  }
  owner_.on_start_failed(*this, error);
  die();
}

// --- output ---------------------------------------------------------------------------------------------------------

Task<> Environment::pump(std::shared_ptr<Environment> self, std::shared_ptr<OpenPipe> open, Pipe pipe) {
  const auto index = static_cast<std::size_t>(pipe);
  for (;;) {
    // Only waits: were it to read too, drain() could overtake it.
    const net::WatchOutcome outcome = co_await open->watch.readable(SteadyTime::max());
    if (outcome != net::WatchOutcome::kReady || self->pipes_[index] != open) co_return;
    co_await self->lane_.enter();
    if (self->pipes_[index] != open) co_return;
    net::note_turn("function output");
    if (self->read_ready(pipe, kTurnBytes) == PipeEnd::kReached) co_return;
    while (self->journal_.is_crowded()) (void)co_await pour_piece(self);
    for (auto pause = self->journal_.overdrawn_for(); pause.count() > 0; pause = self->journal_.overdrawn_for()) {
      co_await net::sleep_for(std::min(pause, kLongestPause));
      if (self->pipes_[index] != open) co_return;
    }
  }
}

// Reads what is there now, at most about `limit` bytes.
Environment::PipeEnd Environment::read_ready(Pipe pipe, std::size_t limit) {
  const auto& open = pipes_[static_cast<std::size_t>(pipe)];
  if (!open) return PipeEnd::kReached;
  std::array<char, kTurnBytes> buffer;
  for (std::size_t total = 0; total < limit && !journal_.is_full();) {
    const ssize_t got = ::read(open->fd.get(), buffer.data(), std::min(buffer.size(), limit - total));
    if (got == 0) return PipeEnd::kReached;
    if (got < 0) return errno == EAGAIN || errno == EINTR ? PipeEnd::kOpen : PipeEnd::kReached;
    total += static_cast<std::size_t>(got);
    feed(pipe, std::string_view(buffer.data(), static_cast<std::size_t>(got)));
  }
  return PipeEnd::kOpen;
}

// Reads what the function wrote before it answered or ended; of one that floods, only a little.
void Environment::drain() {
  const std::size_t limit = journal_.overdrawn_for().count() > 0 ? kTurnBytes : kPipeCapacity;
  for (const Pipe pipe : {Pipe::kStdout, Pipe::kStderr, Pipe::kLog}) (void)read_ready(pipe, limit);
}

void Environment::pour() {
  if (pouring_ || !journal_.has_pending()) return;
  if (lane_.try_enter() && !journal_.flush_piece()) return;  // as usual: little waits
  pouring_ = gate_.spawn(pour_rest(shared_from_this()));
  if (!pouring_) journal_.flush();  // the server is stopping
}

Task<> Environment::pour_rest(std::shared_ptr<Environment> self) {
  while (co_await pour_piece(self)) {
  }
  self->pouring_ = false;
}

// And rests for some time as long: the output of one environment takes a part of the loop, not all that others leave.
Task<bool> Environment::pour_piece(std::shared_ptr<Environment> self) {
  co_await self->lane_.enter();
  net::note_turn("function output to log");
  const auto began = std::chrono::steady_clock::now();
  const bool more = self->journal_.flush_piece();
  const auto took = std::chrono::steady_clock::now() - began;
  if (more) co_await net::sleep_for(took * kRestPerPiece);
  co_return more;
}

void Environment::feed(Pipe pipe, std::string_view bytes) {
  journal_.charge(bytes.size());
  switch (pipe) {
    case Pipe::kStdout:
      stdout_lines_.feed(bytes);
      break;
    case Pipe::kStderr:
      stderr_lines_.feed(bytes);
      break;
    case Pipe::kLog:
      log_frames_.feed(bytes);
      break;
  }
  if (journal_.has_pending()) log_soon(parts_.clock.steady_now());
}

void Environment::flush_partial_lines() {
  stdout_lines_.flush();
  stderr_lines_.flush();
  log_frames_.flush();
}

}  // namespace hearth::environment
