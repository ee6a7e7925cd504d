#include "launcher/launcher.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

#include "launcher/process_tree.h"
#include "launcher/request_check.h"
#include "launcher/sys.h"

namespace hearth::launcher {
namespace {

constexpr std::uint64_t kServerTag = 0;
constexpr std::uint64_t kSignalTag = 1;  // every other tag is a pid
// Refilling blocks the loop for about a millisecond at a time, so it waits until requests have paused.
constexpr auto kQuietBeforeRefill = std::chrono::milliseconds(5);
constexpr auto kPauseAfterRefillFailure = std::chrono::seconds(1);
constexpr auto kRemovalRetry = std::chrono::milliseconds(2);
constexpr auto kLookPeriod = std::chrono::milliseconds(50);
constexpr auto kStopDeadline = std::chrono::seconds(10);
// A server that does not read its answers is as good as gone.
constexpr std::size_t kMaxOutgoing = 20'000;

void complain(const std::string& text) { std::fprintf(stderr, "hearth-launcher: %s\n", text.c_str()); }

}  // namespace

Launcher::Launcher(UniqueFd server, HelloMessage hello, Parts parts)
    : server_(std::move(server)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      machine_(std::move(parts.machine)),
      cgroups_(std::move(parts.cgroups)),
      spare_cgroups_(cgroups_, parts.spare_cgroups),
      sources_(std::move(parts.sources)),
      networks_(std::move(parts.networks)),
      uids_(std::move(parts.uids)),
      scratch_(std::move(parts.scratch)),
      watches_use_(machine_.tier == Tier::kLandlock || machine_.memory_limit == Machine::MemoryLimit::kWatched) {
  sigset_t watched;
  sigemptyset(&watched);
  for (const int number : {SIGCHLD, SIGTERM}) sigaddset(&watched, number);
  ::sigprocmask(SIG_BLOCK, &watched, nullptr);
  // Ctrl-C reaches the whole terminal: the server decides what it means and closes its socket.
  ::signal(SIGINT, SIG_IGN);
  ::signal(SIGPIPE, SIG_IGN);
  signals_.reset(::signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK));
  ::fcntl(server_.get(), F_SETFL, ::fcntl(server_.get(), F_GETFL) | O_NONBLOCK);
  watch(server_.get(), kServerTag);
  watch(signals_.get(), kSignalTag);
  send(std::move(hello));
}

void Launcher::watch(int fd, std::uint64_t tag) const {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = tag;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
}

int Launcher::run() {
  while (!stopping_) {
    std::array<epoll_event, 64> events{};
    const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), next_timeout_ms());
    if (count < 0 && errno != EINTR) {
      complain(sys::error_text("epoll_wait", errno));
      break;
    }
    for (int i = 0; i < count && !stopping_; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      if (event.data.u64 == kServerTag) {
        on_server_readable();
        flush();
      } else if (event.data.u64 == kSignalTag) {
        reap();
      } else {
        on_report(static_cast<pid_t>(event.data.u64));
      }
    }
    retry_removals();
    if (count == 0) refill();
    look_at_use();
  }
  stop_all();
  return 0;
}

int Launcher::next_timeout_ms() const {
  using std::chrono::ceil;
  using std::chrono::milliseconds;
  const auto now = SteadyClock::now();
  auto wait = SteadyClock::duration::max();
  if (!leaving_.empty()) wait = kRemovalRetry;
  if (!is_stocked()) {
    wait = std::min(wait, std::max(quiet_since_ + kQuietBeforeRefill, refill_not_before_) - now);
  }
  if (watches_use_ && !living_.empty()) wait = std::min(wait, look_at_ - now);
  if (wait == SteadyClock::duration::max()) return -1;
  return static_cast<int>(std::max<std::int64_t>(0, ceil<milliseconds>(wait).count()));
}

void Launcher::refill() {
  const auto now = SteadyClock::now();
  if (is_stocked() || now < quiet_since_ + kQuietBeforeRefill || now < refill_not_before_) return;
  // One thing at a time: a request may be waiting.
  if (Status added = networks_.is_full() ? spare_cgroups_.add_one() : networks_.add_one(); !added) {
    complain("making stock for later sandboxes: " + added.error().message());
    refill_not_before_ = now + kPauseAfterRefillFailure;
  }
}

void Launcher::on_server_readable() {
  while (!stopping_) {
    auto packet = receive_packet(server_.get());
    if (!packet) {
      if (packet.error().is(ProtocolError::kNothing)) return;
      if (packet.error().is(ProtocolError::kTooLarge)) continue;
      stopping_ = true;
      return;
    }
    auto message = decode(packet->bytes);
    if (!message) {
      // Only a broken server sends such bytes, and whatever it believes about its sandboxes is as doubtful.
      complain(message.error().message());
      stopping_ = true;
      return;
    }
    on_request(std::move(*message));
    quiet_since_ = SteadyClock::now();
  }
}

Launcher::Living* Launcher::find(std::uint64_t id) {
  const auto pid = pids_.find(id);
  return pid == pids_.end() ? nullptr : &living_.at(pid->second);
}

void Launcher::on_request(Message message) {
  if (auto* request = std::get_if<CreateMessage>(&message)) {
    create(std::move(*request));
  } else if (const auto* terminate = std::get_if<TerminateMessage>(&message)) {
    if (const Living* sandbox = find(terminate->id)) command(*sandbox, Command::kTerminate);
  } else if (const auto* killed = std::get_if<KillMessage>(&message)) {
    if (const Living* sandbox = find(killed->id)) kill(*sandbox);
  } else if (const auto* suspended = std::get_if<SuspendMessage>(&message)) {
    if (Living* sandbox = find(suspended->id)) suspend(*sandbox, *suspended);
  } else {
    complain("the server sent a message that only the launcher sends");
    stopping_ = true;
  }
}

void Launcher::command(const Living& sandbox, Command command) const {
  // A full socket means that such commands wait already.
  ::send(sandbox.parts.control.get(), &command, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void Launcher::kill(const Living& sandbox) const {
  if (cgroups_.has_any()) {
    cgroups_.kill(sandbox.parts.cgroup.name);
  } else if (machine_.tier != Tier::kLandlock) {
    ::kill(sandbox.parts.pid, SIGKILL);  // pid 1 of its namespace
  } else {
    command(sandbox, Command::kKill);
  }
}

void Launcher::suspend(Living& sandbox, const SuspendMessage& request) {
  const bool stop = request.suspended != 0;
  sandbox.motion = stop ? Living::Motion::kStopped : Living::Motion::kGoing;
  command(sandbox, stop ? Command::kStop : Command::kContinue);
}

// What the steps expect to be there already.
Status Launcher::prepare(const CreateMessage& request) {
  if (machine_.tier != Tier::kLandlock) return {};
  return scratch_.make(request.name);
}

void Launcher::create(CreateMessage request) {
  const std::uint64_t id = request.id;
  const auto refuse = [&](const Error& error) {
    send(FailedMessage{id, error.kind<FailureKind>().value_or(FailureKind::kFailed), error.message()});
  };
  if (pids_.contains(id)) return refuse(Error(FailureKind::kRefused, "sandbox id is in use"));
  if (Status checked = check_request(request); !checked) return refuse(checked.error());
  if (names_.contains(request.name)) {
    return refuse(Error(FailureKind::kRefused, "a sandbox named " + request.name + " exists"));
  }
  const std::optional<uid_t> uid = uids_.take();
  if (!uid) return refuse(Error(FailureKind::kNoResources, "every host user id is in use"));
  const Status prepared = prepare(request);
  auto started = prepared ? start_sandbox(request, *uid, machine_, cgroups_, spare_cgroups_, sources_, networks_)
                          : Result<StartedSandbox>(std::unexpected(prepared.error()));
  if (!started) {
    if (prepared && machine_.tier == Tier::kLandlock) scratch_.remove(request.name);
    uids_.give_back(*uid);
    return refuse(started.error());
  }
  const pid_t pid = started->pid;
  watch(started->control.get(), static_cast<std::uint64_t>(pid));
  pids_.emplace(id, pid);
  names_.insert(request.name);
  living_.emplace(pid, Living{.id = id,
                              .name = std::move(request.name),
                              .uid = *uid,
                              .parts = std::move(*started),
                              .memory_bytes = request.memory_bytes,
                              .tasks = request.pids,
                              .scratch = {.bytes = request.tmp_bytes, .entries = request.tmp_inodes}});
  if (living_.size() == 1) look_at_ = SteadyClock::now() + kLookPeriod;
}

void Launcher::on_report(pid_t pid) {
  const auto found = living_.find(pid);
  if (found == living_.end()) return;
  drain_reports(found->second);
}

void Launcher::drain_reports(Living& sandbox) {
  for (;;) {
    Report report;
    const ssize_t size = ::recv(sandbox.parts.control.get(), &report, sizeof report, MSG_DONTWAIT);
    if (size < 0 && errno == EINTR) continue;
    if (size == 0) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, sandbox.parts.control.get(), nullptr);
    if (size != static_cast<ssize_t>(sizeof report)) return;
    report.step[sizeof report.step - 1] = '\0';
    if (report.stage == Report::Stage::kStarted) {
      announce(sandbox);
    } else {
      sandbox.last_report = report;
    }
  }
}

void Launcher::announce(Living& sandbox) {
  if (sandbox.state != Living::State::kBuilding) return;
  sandbox.state = Living::State::kRunning;
  StartedSandbox& parts = sandbox.parts;
  CreatedMessage created{.id = sandbox.id,
                         .host_uid = machine_.tier == Tier::kNamespace ? sandbox.uid : machine_.own_uid,
                         .pid = static_cast<std::uint32_t>(parts.pid)};
  std::vector<UniqueFd> fds;
  const auto add = [&](FdRole role, UniqueFd& fd) {
    if (!fd) return;
    created.fds |= 1U << static_cast<unsigned>(role);
    fds.push_back(std::move(fd));
  };
  // In the order of FdRole.
  add(FdRole::kPidfd, parts.pidfd);
  for (std::size_t i = 0; i < parts.network.sockets.size(); ++i) {
    add(static_cast<FdRole>(static_cast<std::size_t>(FdRole::kRuntimeApi) + i), parts.network.sockets[i]);
  }
  add(FdRole::kStdout, parts.stdout_pipe);
  add(FdRole::kStderr, parts.stderr_pipe);
  add(FdRole::kLogPipe, parts.log_pipe);
  add(FdRole::kCgroupFreeze, parts.cgroup.freeze);
  add(FdRole::kFreezerState, parts.cgroup.freezer_state);
  add(FdRole::kCgroupKill, parts.cgroup.kill);
  add(FdRole::kMemoryPeak, parts.cgroup.memory_peak);
  add(FdRole::kMemoryStat, parts.cgroup.memory_stat);
  add(FdRole::kMemoryCurrent, parts.cgroup.memory_current);
  add(FdRole::kMemoryLimit, parts.cgroup.memory_limit);
  add(FdRole::kCpuQuota, parts.cgroup.cpu_quota);
  send(created, std::move(fds));
}

void Launcher::reap() {
  signalfd_siginfo signal;
  while (::read(signals_.get(), &signal, sizeof signal) > 0) {
    if (signal.ssi_signo == SIGTERM) stopping_ = true;
  }
  for (;;) {
    siginfo_t how{};
    if (::waitid(P_ALL, 0, &how, WEXITED | WNOHANG) != 0 || how.si_pid == 0) return;
    auto node = living_.extract(how.si_pid);
    if (node.empty()) continue;
    pids_.erase(node.mapped().id);
    on_ended(std::move(node.mapped()), how);
  }
}

// Landlock tier: this process adopts what outlived an init that was killed. What is not an init of ours is such a one.
void Launcher::end_orphans() {
  if (machine_.tier != Tier::kLandlock) return;
  const std::string listed = sys::read_file(("/proc/self/task/" + std::to_string(::getpid()) + "/children").c_str());
  const char* at = listed.data();
  const char* const end = at + listed.size();
  while (at < end) {
    pid_t pid = 0;
    const auto parsed = std::from_chars(at, end, pid);
    at = parsed.ptr + 1;
    if (parsed.ec == std::errc() && pid > 0 && !living_.contains(pid)) ::kill(pid, SIGKILL);
  }
}

void Launcher::look_at_use() {
  if (!watches_use_ || living_.empty() || SteadyClock::now() < look_at_) return;
  for (auto& [pid, sandbox] : living_) {
    if (sandbox.state == Living::State::kRunning && sandbox.motion == Living::Motion::kGoing) judge(sandbox);
  }
  look_at_ = SteadyClock::now() + kLookPeriod;
}

// Ends a sandbox that uses more than it may.
void Launcher::judge(Living& sandbox) {
  const auto end = [&](Living::Verdict verdict, const char* why) {
    if (sandbox.verdict == Living::Verdict::kNone) complain("sandbox " + sandbox.name + " is ended: " + why);
    sandbox.verdict = verdict;
    kill(sandbox);
  };
  const TreeUse use = measure_tree(sandbox.parts.pid);
  if (use.tasks > sandbox.tasks) end(Living::Verdict::kOther, "it has too many processes and threads");
  const bool watch_memory = machine_.memory_limit == Machine::MemoryLimit::kWatched;
  if (watch_memory && use.memory_bytes > sandbox.memory_bytes &&
      measure_tree_exactly(sandbox.parts.pid) > sandbox.memory_bytes) {
    end(Living::Verdict::kMemory, "it uses too much memory");
  }
  if (machine_.tier != Tier::kLandlock) return;
  const ScratchUse scratch = scratch_.measure(sandbox.name, sandbox.scratch);
  if (scratch.bytes > sandbox.scratch.bytes) end(Living::Verdict::kOther, "its /tmp is full");
  if (scratch.entries > sandbox.scratch.entries) end(Living::Verdict::kOther, "its /tmp has too many files");
}

// Its first process is reaped, so every process of its pid namespace is dead.
void Launcher::on_ended(Living sandbox, const siginfo_t& how) {
  drain_reports(sandbox);
  end_orphans();
  const bool oom = sandbox.verdict == Living::Verdict::kMemory || cgroups_.oom_kills(sandbox.parts.cgroup.name) > 0;
  if (sandbox.state == Living::State::kBuilding) {
    std::string message = "ended while being built";
    if (sandbox.last_report && sandbox.last_report->stage == Report::Stage::kFailed) {
      message = sys::error_text(sandbox.last_report->step, sandbox.last_report->error);
    } else if (oom) {
      message = "the memory limit is too small to build the sandbox";
    }
    send(FailedMessage{sandbox.id, FailureKind::kFailed, message});
  } else {
    ExitedMessage exited{.id = sandbox.id, .oom_killed = static_cast<std::uint8_t>(oom ? 1 : 0)};
    if (sandbox.last_report && sandbox.last_report->stage == Report::Stage::kExited) {
      exited.code = sandbox.last_report->code;
      exited.signal = sandbox.last_report->signal;
    } else {
      // Init itself was killed: by kill(), or for want of memory.
      exited.signal = how.si_code == CLD_EXITED ? SIGKILL : how.si_status;
    }
    send(exited);
  }
  leaving_.push_back({std::move(sandbox.name), std::move(sandbox.parts.cgroup.name), sandbox.uid});
}

void Launcher::retry_removals() {
  std::erase_if(leaving_, [this](const Leaving& leaving) {
    if (cgroups_.has_any() && !cgroups_.remove(leaving.cgroup)) return false;
    if (machine_.tier == Tier::kLandlock && !scratch_.remove(leaving.name)) return false;
    uids_.give_back(leaving.uid);
    names_.erase(leaving.name);
    return true;
  });
}

void Launcher::send(const Message& message, std::vector<UniqueFd> fds) {
  auto bytes = encode(message);
  if (!bytes) {
    complain(bytes.error().message());
    return;
  }
  outgoing_.push_back({std::move(*bytes), std::move(fds)});
  flush();
}

void Launcher::flush() {
  while (!outgoing_.empty() && !stopping_) {
    const Outgoing& next = outgoing_.front();
    std::vector<int> numbers;
    for (const UniqueFd& fd : next.fds) numbers.push_back(fd.get());
    const Status sent = send_packet(server_.get(), next.bytes, numbers);
    if (!sent && sent.error().is(ProtocolError::kNothing)) break;
    if (!sent) stopping_ = true;
    outgoing_.pop_front();
  }
  if (outgoing_.size() > kMaxOutgoing) stopping_ = true;
  epoll_event event{};
  event.events = outgoing_.empty() ? EPOLLIN : EPOLLIN | EPOLLOUT;
  event.data.u64 = kServerTag;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, server_.get(), &event);
}

void Launcher::stop_all() {
  stopping_ = true;
  outgoing_.clear();
  const auto deadline = SteadyClock::now() + kStopDeadline;
  for (const auto& [pid, sandbox] : living_) kill(sandbox);
  while ((!living_.empty() || !leaving_.empty()) && SteadyClock::now() < deadline) {
    epoll_event event{};
    ::epoll_wait(epoll_.get(), &event, 1, 2);
    reap();
    for (const auto& [pid, sandbox] : living_) kill(sandbox);
    retry_removals();
  }
  if (!living_.empty() || !leaving_.empty()) complain("some sandboxes would not end; the next start sweeps them");
}

}  // namespace hearth::launcher
