#include "environment/environment.h"

#include <algorithm>
#include <csignal>
#include <utility>

#include "base/check.h"

namespace hearth::environment {
namespace {

constexpr std::chrono::milliseconds kPeakFreshFor{50};  // reading the peak costs as much as a warm invocation

EndpointIdentity identity_of(const functions::FunctionVersion& function) {
  return {function.key.account, function.key.region, function.role, function.key.name};
}

LineFormat line_format(const functions::FunctionVersion& function) {
  return function.log_format == "JSON" ? LineFormat::kJson : LineFormat::kText;
}

}  // namespace

Environment::Environment(const EnvironmentParts& parts, const EnvironmentTimes& times, net::Gate& gate,
                         EnvironmentOwner& owner, functions::FunctionSnapshot function)
    : parts_(parts),
      times_(times),
      gate_(gate),
      owner_(owner),
      function_(std::move(function)),
      id_(hex_encode(random_bytes(16))),
      identity_(identity_of(*function_)),
      lines_(line_format(*function_), function_->key.name, function_->version),
      lane_(parts.turns.make_lane()),
      journal_(parts.logs, parts.clock,
               {function_->key.account, function_->key.region, function_->log_group,
                log_stream_name(parts.clock.now(), function_->version, id_)}),
      stdout_lines_([this](std::string text, auto at) { journal_.function(std::move(text), at); }),
      stderr_lines_([this](std::string text, auto at) { journal_.function(std::move(text), at); }),
      log_frames_([this](std::string text, auto at) { journal_.function(std::move(text), at); }),
      deadline_(SteadyTime::max()),
      alarm_(parts.alarms.make([this] { on_alarm(); })) {}

Environment::~Environment() {
  // The owner drops dead ones only; at the end of the program an environment may go without having been ended.
  if (invocation_) invocation_->complete(fail(ErrorKind::kUnavailable, "the server stopped"));
}

ByteCount Environment::memory_limit() const {
  // What is written to /tmp is memory of the sandbox too, and must not count against what the function was promised.
  return ByteCount::mib(std::uint64_t{function_->memory_mib} + function_->ephemeral_mib);
}

// --- state ----------------------------------------------------------------------------------------------------------

void Environment::change(State to) {
  HEARTH_CHECK(may_change(state_, to), std::string("environment from ") + name(state_) + " to " + name(to));
  state_ = to;
}

Status Environment::refuse(const char* wanted) const {
  return fail(RuntimeCallError::kInvalidTransition, std::string("Transition from ") + runtime_name(state_) + " to " +
                                                        wanted +
                                                        " failed for runtime. Error: State transition is not allowed");
}

// --- from the owner -------------------------------------------------------------------------------------------------

Status Environment::run(std::shared_ptr<Invocation> invocation) {
  HEARTH_CHECK(parts_.loop.on_thread());
  if (state_ != State::kIdle || !waiting_runtime_) {
    return fail(ErrorKind::kUnavailable, std::string("environment ") + id_ + " is " + name(state_));
  }
  if (frozen_) thaw();
  const SteadyTime now = parts_.clock.steady_now();
  if (invocation->tail_log == TailLog::kYes) journal_.begin_tail();
  begin(std::move(invocation), now, now + std::chrono::seconds(function_->timeout_s));
  hand_over();
  return {};
}

void Environment::begin(std::shared_ptr<Invocation> invocation, SteadyTime started, SteadyTime deadline) {
  change(State::kBusy);
  invocation_ = std::move(invocation);
  run_began_ = started;
  deadline_ = deadline;
  journal_.platform(lines_.start(parts_.clock.now(), invocation_->request_id));
  const SteadyTime now = parts_.clock.steady_now();
  if (memory_due_ == SteadyTime::max()) memory_due_ = now + times_.memory_look;
  log_soon(now);
  wake_by(next_due());
}

void Environment::hand_over() {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - parts_.clock.steady_now());
  Work work{invocation_, (parts_.clock.now() + left).time_since_epoch().count()};
  std::exchange(waiting_runtime_, nullptr)->set(std::move(work));
}

void Environment::rerun(std::shared_ptr<Invocation> invocation) {
  change(State::kStarting);
  init_failure_.reset();
  invocation_ = std::move(invocation);
  if (invocation_->tail_log == TailLog::kYes) journal_.begin_tail();
  run_began_ = parts_.clock.steady_now();
  deadline_ = run_began_ + std::chrono::seconds(function_->timeout_s);
  start();
}

void Environment::end() { die(); }

void Environment::retire() {
  retiring_ = true;
  // With an invocation, or the promise of one, it goes on; idle or already answered, it has nothing left to do.
  if (state_ == State::kIdle) die();
}

// --- from the runtime -----------------------------------------------------------------------------------------------

Result<std::shared_ptr<WorkSlot>> Environment::ask_next() {
  HEARTH_CHECK(parts_.loop.on_thread());
  const std::shared_ptr<Environment> self = shared_from_this();
  const SteadyTime now = parts_.clock.steady_now();
  auto slot = std::make_shared<WorkSlot>(parts_.loop.executor());
  switch (state_) {
    case State::kInitialising:
      end_init_boost();
      if (invocation_) {  // the init was run again as part of it
        waiting_runtime_ = slot;
        std::shared_ptr<Invocation> invocation = std::move(invocation_);
        begin(std::move(invocation), run_began_, deadline_);
        hand_over();
        return slot;
      }
      init_duration_ = now - init_began_;
      break;
    case State::kFinishing:
      if (retiring_) {
        die();
        return fail(RuntimeCallError::kGone, "the environment is being replaced");
      }
      break;
    case State::kIdle:
      // A client that gave up waiting and asks again. Only the newest gets an answer.
      waiting_runtime_->set(fail(RuntimeCallError::kInvalidTransition, refuse("Ready").error().message()));
      waiting_runtime_ = slot;
      return slot;
    case State::kStarting:
    case State::kInitFailed:
    case State::kBusy:
    case State::kDead:
      return fail(refuse("Ready").error());
  }
  waiting_runtime_ = slot;
  change(State::kIdle);
  deadline_ = SteadyTime::max();
  idle_since_ = now;
  wake_by(next_due());
  owner_.on_idle(*this);
  return slot;
}

Status Environment::check_answer(std::string_view request_id, const char* wanted) const {
  HEARTH_CHECK(parts_.loop.on_thread());
  if (state_ == State::kBusy) {
    if (request_id == invocation_->request_id) return {};
  } else if (state_ == State::kFinishing && request_id == request_id_) {
    return refuse(wanted);
  }
  return fail(RuntimeCallError::kInvalidRequestId, "Invalid request ID");
}

Status Environment::respond(std::string_view request_id, std::string payload) {
  const std::shared_ptr<Environment> self = shared_from_this();
  TRY_STATUS(check_answer(request_id, "InvocationResponse"));
  finish(std::move(payload), FunctionError::kNone, {}, {});
  change(State::kFinishing);
  owner_.on_finishing(*this);
  return {};
}

Status Environment::report_error(std::string_view request_id, std::string payload, std::string_view error_type) {
  (void)error_type;  // AWS keeps it for tracing alone
  const std::shared_ptr<Environment> self = shared_from_this();
  TRY_STATUS(check_answer(request_id, "InvocationErrorResponse"));
  finish(std::move(payload), FunctionError::kUnhandled, {}, {});
  change(State::kFinishing);
  owner_.on_finishing(*this);
  return {};
}

Status Environment::report_too_large(std::string_view request_id) {
  const std::shared_ptr<Environment> self = shared_from_this();
  TRY_STATUS(check_answer(request_id, "InvocationResponse"));
  const Fault fault = response_too_large_fault();
  finish(fault.payload, FunctionError::kUnhandled, {"error", fault.error_type}, {});
  change(State::kFinishing);
  retiring_ = true;  // its connection was cut in the middle of the answer: what it makes of that is nobody's guess
  owner_.on_finishing(*this);
  return {};
}

Status Environment::report_invalid_mode(std::string_view request_id) {
  const std::shared_ptr<Environment> self = shared_from_this();
  TRY_STATUS(check_answer(request_id, "InvocationResponse"));
  const Fault fault = invalid_response_mode_fault(invocation_->request_id);
  finish(fault.payload, FunctionError::kUnhandled, {"error", fault.error_type}, {});
  change(State::kFinishing);
  owner_.on_finishing(*this);
  return {};
}

Status Environment::report_init_error(std::string payload, std::string_view error_type) {
  if (state_ != State::kInitialising) return refuse("InitError");
  fail_init({{"error", reported_error_type(error_type)}, std::move(payload), std::nullopt, {}});
  return {};
}

// --- the end of an invocation ---------------------------------------------------------------------------------------

void Environment::finish(std::string payload, FunctionError error, Ending ending, const std::string& last_line) {
  const std::shared_ptr<Invocation> invocation = std::move(invocation_);
  request_id_ = invocation->request_id;
  drain();
  flush_partial_lines();

  const SteadyTime now = parts_.clock.steady_now();
  const TimePoint wall_now = parts_.clock.now();
  InvokeReport report;
  report.duration = now - run_began_;
  if (ending.status == "timeout") report.duration = std::chrono::seconds(function_->timeout_s);
  report.init_duration = std::exchange(init_duration_, std::nullopt);
  report.memory_mib = function_->memory_mib;
  report.max_memory_used_mib = ending.error_type == "Runtime.OutOfMemory" ? function_->memory_mib : peak_mib(now);
  report.ending = std::move(ending);
  journal_.platform(last_line);
  journal_.platform(lines_.end(request_id_));
  journal_.platform(lines_.report(wall_now, request_id_, report));
  log_soon(now);

  Answer answer{std::move(payload), error, {}};
  if (invocation->tail_log == TailLog::kYes) answer.log_tail = journal_.take_tail();
  invocation->complete(std::move(answer));
}

void Environment::finish_with(const Fault& fault, Ending ending) {
  const std::string& request_id = invocation_->request_id;
  const std::string last_line = ending.status == "timeout"
                                    ? lines_.timed_out(parts_.clock.now(), request_id, function_->timeout_s)
                                    : lines_.failed(request_id, fault.reason, fault.log_error_type());
  finish(fault.payload, FunctionError::kUnhandled, std::move(ending), last_line);
}

void Environment::on_exit(const sandbox::Exit& exit) {
  const std::shared_ptr<Environment> self = shared_from_this();
  if (exit.host_failed) {  // no error of the function: whoever waits may try again
    if (const auto invocation = std::move(invocation_)) {
      invocation->complete(fail(ErrorKind::kUnavailable, "The environment in which the function ran was lost."));
    }
    die();
    return;
  }
  switch (state_) {
    case State::kInitialising:
      fail_init({{"error", exit_fault({}, exit).error_type}, {}, exit, {}});
      return;
    case State::kInitFailed:
      settle_init_failure();
      return;
    case State::kBusy: {
      const Fault fault = exit_fault(invocation_->request_id, exit);
      finish_with(fault, {"error", fault.error_type});
      die();
      return;
    }
    case State::kStarting:
    case State::kIdle:
    case State::kFinishing:
      die();
      return;
    case State::kDead:
      return;
  }
}

void Environment::on_timeout() {
  const std::shared_ptr<Environment> self = shared_from_this();
  switch (state_) {
    case State::kInitialising:
      fail_init({{"timeout", {}}, {}, std::nullopt, {}});
      return;
    case State::kInitFailed:
      settle_init_failure();
      return;
    case State::kBusy:
      finish_with(timeout_fault(invocation_->request_id, function_->timeout_s), {"timeout", {}});
      die();
      return;
    case State::kFinishing:  // answered, but never came back for more
      die();
      return;
    case State::kStarting:
    case State::kIdle:
    case State::kDead:
      return;
  }
}

// --- init that failed -----------------------------------------------------------------------------------------------

void Environment::fail_init(InitFailure failure) {
  change(State::kInitFailed);
  init_failure_ = std::move(failure);
  const bool has_last_words =
      init_failure_->ending.status == "error" && !init_failure_->exit && init_failure_->entry_point_problem.empty();
  if (!has_last_words) {
    settle_init_failure();
    return;
  }
  deadline_ = parts_.clock.steady_now() + times_.last_words;  // or its exit, whatever comes first
  wake_by(next_due());
}

void Environment::settle_init_failure() {
  const std::shared_ptr<Environment> self = shared_from_this();
  deadline_ = SteadyTime::max();
  drain();
  flush_partial_lines();
  const TimePoint wall_now = parts_.clock.now();
  const SteadyTime now = parts_.clock.steady_now();
  const InitFailure failure = *init_failure_;
  journal_.platform(
      lines_.init_report(wall_now, now - init_began_, invocation_ ? Phase::kInvoke : Phase::kInit, failure.ending));
  if (!invocation_) {
    take_down_sandbox();
    owner_.on_init_failed(*this);
    if (state_ == State::kInitFailed) die();
    return;
  }
  // This was the second time: what went wrong is the answer.
  const std::string& request_id = invocation_->request_id;
  journal_.platform(lines_.start(wall_now, request_id));
  if (failure.ending.status == "timeout") {
    finish_with(timeout_fault(request_id, function_->timeout_s), failure.ending);
  } else if (!failure.payload.empty()) {
    finish(failure.payload, FunctionError::kUnhandled, failure.ending, {});
  } else if (failure.exit) {
    finish_with(exit_fault(request_id, *failure.exit), failure.ending);
  } else {
    finish_with(no_entry_point_fault(request_id, failure.entry_point_problem), failure.ending);
  }
  die();
}

// --- the end --------------------------------------------------------------------------------------------------------

void Environment::take_down_sandbox() {
  if (waiting_runtime_) {
    std::exchange(waiting_runtime_, nullptr)->set(fail(RuntimeCallError::kGone, "the environment has ended"));
  }
  for (auto& pipe : pipes_) {
    if (pipe) std::exchange(pipe, nullptr)->watch.cancel();
  }
  if (sandbox_) sandbox_->kill();
  frozen_ = false;
  // We may be inside a call from one of these: they go in a later turn, and we not before them.
  parts_.loop.post([self = shared_from_this(), sandbox = std::move(sandbox_), runtime_door = std::move(runtime_door_),
                    endpoint_door = std::move(endpoint_door_)]() mutable {
    runtime_door.reset();
    endpoint_door.reset();
    sandbox.reset();
  });
}

void Environment::die() {
  if (state_ == State::kDead) return;
  const std::shared_ptr<Environment> self = shared_from_this();
  drain();
  flush_partial_lines();
  change(State::kDead);
  take_down_sandbox();
  if (const auto invocation = std::move(invocation_)) {
    invocation->complete(fail(ErrorKind::kUnavailable, "the environment was ended"));
  }
  pour();
  alarm_->cancel();
  alarm_at_ = SteadyTime::max();
  owner_.on_dead(*this);
}

// --- time -----------------------------------------------------------------------------------------------------------

void Environment::wake_by(SteadyTime due) {
  if (due >= alarm_at_) return;
  alarm_at_ = due;
  alarm_->set(due);
}

// What is in the journal goes to the sink a moment from now.
void Environment::log_soon(SteadyTime now) {
  if (log_due_ != SteadyTime::max()) return;
  log_due_ = now + times_.log_delay;
  wake_by(log_due_);
}

SteadyTime Environment::next_due() const {
  SteadyTime due = std::min({deadline_, memory_due_, log_due_});
  if (state_ == State::kIdle) {
    const bool may_freeze = !frozen_ && !freeze_failed_;
    due = std::min(due, idle_since_ + (may_freeze ? times_.freeze_after : times_.reclaim_after));
  }
  return due;
}

void Environment::on_alarm() {
  const std::shared_ptr<Environment> self = shared_from_this();
  alarm_at_ = SteadyTime::max();
  const SteadyTime now = parts_.clock.steady_now();
  if (log_due_ <= now) {
    log_due_ = SteadyTime::max();
    pour();
  }
  if (memory_due_ <= now) look_at_memory(now);
  if (deadline_ <= now) {
    deadline_ = SteadyTime::max();
    on_timeout();
  }
  if (state_ == State::kIdle) {
    if (!frozen_ && !freeze_failed_ && now >= idle_since_ + times_.freeze_after) freeze();
    if (now >= idle_since_ + times_.reclaim_after) {
      owner_.on_reclaimable(*this);
      idle_since_ = now;  // if it was kept
    }
  }
  if (state_ != State::kDead) wake_by(next_due());
}

// Memory beyond what the function was promised ends it. The hard limit of the sandbox has room for /tmp on top, so that
// alone would not.
void Environment::look_at_memory(SteadyTime now) {
  memory_due_ = SteadyTime::max();
  if (!sandbox_ || state_ == State::kIdle || state_ == State::kDead) return;
  memory_due_ = now + times_.memory_look;
  if (sandbox_->memory_in_use() > ByteCount::mib(function_->memory_mib)) {
    on_exit({.code = 0, .signal = SIGKILL, .oom_killed = true});
  }
}

std::uint32_t Environment::peak_mib(SteadyTime now) {
  if (sandbox_ && (peak_read_at_ == SteadyTime::min() || now - peak_read_at_ >= kPeakFreshFor)) {
    peak_ = sandbox_->peak_memory();
    peak_read_at_ = now;
  }
  const auto mib = static_cast<std::uint32_t>((peak_.value + (1U << 20U) - 1) >> 20U);
  return std::clamp<std::uint32_t>(mib, 1, function_->memory_mib);
}

void Environment::freeze() {
  pour();
  if (const Status frozen = sandbox_->freeze(); !frozen) {
    freeze_failed_ = true;
    parts_.log.warn("an idle environment cannot be frozen",
                    {{"environment", id_}, {"reason", frozen.error().message()}});
    return;
  }
  frozen_ = true;
}

void Environment::thaw() {
  frozen_ = false;
  if (const Status thawed = sandbox_->thaw(); !thawed) {
    // The invocation will time out, and the environment with it.
    parts_.log.error("an environment cannot be thawed", {{"environment", id_}, {"reason", thawed.error().message()}});
  }
}

}  // namespace hearth::environment
