#pragma once
// Environment: one execution environment: the sandbox of one function version, its runtime, and its log.
//
// A state machine (state.h) that refuses by default. It is driven from three sides: its owner gives it work (run), the
// runtime inside asks and answers through the Runtime API (ask_next, respond, ...; runtime_api/), and the world ends
// things (exit of the process, deadlines). Whatever happens, the invocation it holds is completed exactly once; after
// any failure the environment is dead and its owner makes another.
//
// Warm path: run() hands the invocation to the runtime that waits in ask_next(); respond() completes it. Nothing on it
// waits, copies the payload, or sets a timer: one alarm serves all due times and rings rarely.
//
// Path: invocation/placement.cc -> pool.h -> here -> sandbox/sandbox.h        Tests: environment_test.cc

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "environment/code_source.h"
#include "environment/doors.h"
#include "environment/fault.h"
#include "environment/invocation.h"
#include "environment/journal.h"
#include "environment/log_sink.h"
#include "environment/output.h"
#include "environment/platform_lines.h"
#include "environment/runtime_catalog.h"
#include "environment/state.h"
#include "functions/function.h"
#include "net/alarm.h"
#include "net/fair_turns.h"
#include "net/fd_watch.h"
#include "net/gate.h"
#include "net/loop.h"
#include "net/one_shot.h"
#include "observe/log.h"
#include "sandbox/sandbox.h"

namespace hearth::environment {

class Environment;

// Why the Runtime API refuses a call of the runtime.
enum class RuntimeCallError {
  kInvalidRequestId,   // 400: not the invocation it was given
  kInvalidTransition,  // 403: not in this state; the message names both
  kGone,               // the environment has ended; nobody reads the answer
};

// Time limits of every environment of this host.
struct EnvironmentTimes {
  std::chrono::milliseconds init_limit{10'000};      // as AWS
  std::chrono::milliseconds freeze_after{50};        // idle time before the processes are stopped
  std::chrono::milliseconds reclaim_after{600'000};  // idle time before it ends
  std::chrono::milliseconds memory_look{100};        // between two looks at the memory in use while it runs
  std::chrono::milliseconds log_delay{50};           // from the first waiting log line to its way to the sink
  std::chrono::milliseconds last_words{500};         // from an init error to the kill of a runtime that does not exit
};

// Calls and pieces of output of all environments of a loop together that one of its turns takes.
inline constexpr unsigned kForeignPiecesPerTurn = 1;

// What environments are built from. All outlive every environment.
struct EnvironmentParts {
  net::Loop& loop;
  net::FairTurns& turns;  // for their output
  net::Alarms& alarms;
  const Clock& clock;
  sandbox::SandboxFactory& sandboxes;
  CodeSource& code;
  const RuntimeCatalog& runtimes;
  Doors& doors;
  LogSink& logs;
  const observe::Logger& log;
  std::string locale;  // host_locale()
};

// Told about changes. Calls come from inside the environment's own calls; it may be given work or ended in them.
class EnvironmentOwner {
 public:
  virtual ~EnvironmentOwner() = default;
  // It is idle.
  virtual void on_idle(Environment& environment) = 0;
  // It answered; the runtime has not asked for more yet.
  virtual void on_finishing(Environment& environment) = 0;
  // Its init failed without an invocation: rerun() with one, or end().
  virtual void on_init_failed(Environment& environment) = 0;
  // The platform could not build it, and no invocation was with it. It is dead.
  virtual void on_start_failed(Environment& environment, const Error& error) = 0;
  // Idle for longer than reclaim_after: end() it unless it is wanted.
  virtual void on_reclaimable(Environment& environment) = 0;
  // It is dead. Called once; drop it.
  virtual void on_dead(Environment& environment) = 0;
};

// What a runtime gets when it asks for work.
struct Work {
  std::shared_ptr<Invocation> invocation;  // its payload is there to be moved out
  std::int64_t deadline_ms = 0;            // UNIX time
};
using WorkSlot = net::OneShot<Result<Work>>;

// Thread: the loop's. Lifetime: held by its owner and by its own background tasks; `parts` and `owner` outlive it.
class Environment : public std::enable_shared_from_this<Environment> {
 public:
  Environment(const EnvironmentParts& parts, const EnvironmentTimes& times, net::Gate& gate, EnvironmentOwner& owner,
              functions::FunctionSnapshot function);
  ~Environment();
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  // Begins to build the sandbox, in a task of the gate. Call once.
  void start();

  // --- from the owner
  // Hands over an invocation. Errors: kUnavailable, naming the state, unless it is idle; `invocation` was not touched.
  Status run(std::shared_ptr<Invocation> invocation);
  // After on_init_failed(): runs the init once more as part of `invocation`, within its timeout.
  void rerun(std::shared_ptr<Invocation> invocation);
  // Kills it. An invocation it holds is completed with kUnavailable. Idempotent.
  void end();
  // Ends as soon as it holds no invocation.
  void retire();

  // --- from the runtime inside
  // The runtime asks for work: the slot is set when there is some. A later call replaces an earlier one, whose slot is
  // refused. Errors: kInvalidTransition.
  Result<std::shared_ptr<WorkSlot>> ask_next();
  // Errors: kInvalidRequestId, kInvalidTransition.
  Status respond(std::string_view request_id, std::string payload);
  Status report_error(std::string_view request_id, std::string payload, std::string_view error_type);
  Status report_too_large(std::string_view request_id);
  Status report_invalid_mode(std::string_view request_id);
  Status report_init_error(std::string payload, std::string_view error_type);

  State state() const { return state_; }
  const functions::FunctionSnapshot& function() const { return function_; }
  const std::string& id() const { return id_; }
  const LogStream& log_stream() const { return journal_.stream(); }
  SteadyTime idle_since() const { return idle_since_; }
  bool is_frozen() const { return frozen_; }
  bool is_retiring() const { return retiring_; }
  // What it takes from the host's memory.
  ByteCount memory_limit() const;

 private:
  enum class Pipe : std::uint8_t { kStdout, kStderr, kLog };
  static constexpr std::size_t kPipes = 3;
  struct InitFailure {
    Ending ending;
    std::string payload;  // as reported by the runtime; empty: it reported nothing
    std::optional<sandbox::Exit> exit;
    std::string entry_point_problem;
  };

  static Task<> build(std::shared_ptr<Environment> self, int attempt);
  struct OpenPipe {
    OpenPipe(net::Loop& loop, UniqueFd end) : fd(std::move(end)), watch(loop, fd.get()) {}
    UniqueFd fd;
    net::FdWatch watch;
  };
  static Task<> pump(std::shared_ptr<Environment> self, std::shared_ptr<OpenPipe> open, Pipe pipe);
  void attach(std::unique_ptr<sandbox::Sandbox> sandbox);
  // Where the function's content lies on the host.
  struct Trees {
    std::string code;
    std::string layers;  // empty: none
  };
  sandbox::SandboxSpec specification(const Trees& trees, const RuntimeChoice& runtime,
                                     std::vector<std::string> command);
  std::uint32_t cpu_milli() const;
  void end_init_boost();
  void log_start(const RuntimeChoice& runtime);
  void on_platform_failure(const Error& error);

  void change(State to);
  Status refuse(const char* wanted) const;
  void begin(std::shared_ptr<Invocation> invocation, SteadyTime started, SteadyTime deadline);
  void hand_over();
  Status check_answer(std::string_view request_id, const char* wanted) const;
  // Logs the end of the invocation and completes it.
  void finish(std::string payload, FunctionError error, Ending ending, const std::string& last_line);
  void finish_with(const Fault& fault, Ending ending);

  void on_exit(const sandbox::Exit& exit);
  void on_timeout();
  void fail_init(InitFailure failure);
  void settle_init_failure();
  void take_down_sandbox();
  void die();

  void on_alarm();
  void wake_by(SteadyTime due);
  SteadyTime next_due() const;
  void log_soon(SteadyTime now);
  void look_at_memory(SteadyTime now);
  std::uint32_t peak_mib(SteadyTime now);
  void freeze();
  void thaw();

  enum class PipeEnd : std::uint8_t { kOpen, kReached };
  PipeEnd read_ready(Pipe pipe, std::size_t limit);
  void feed(Pipe pipe, std::string_view bytes);
  void drain();
  void flush_partial_lines();
  // Hands the journal to its sink: a piece now, the rest in later turns, as its lane has room.
  void pour();
  static Task<> pour_rest(std::shared_ptr<Environment> self);
  static Task<bool> pour_piece(std::shared_ptr<Environment> self);

  const EnvironmentParts& parts_;
  const EnvironmentTimes& times_;
  net::Gate& gate_;
  EnvironmentOwner& owner_;
  const functions::FunctionSnapshot function_;
  const std::string id_;  // 32 hex digits; names the log stream and the sandbox
  const EndpointIdentity identity_;
  const PlatformLines lines_;
  const net::FairTurns::Lane lane_;
  Journal journal_;
  bool pouring_ = false;
  LineSplitter stdout_lines_;
  LineSplitter stderr_lines_;
  FrameSplitter log_frames_;

  State state_ = State::kStarting;
  int attempt_ = 0;
  bool retiring_ = false;
  bool frozen_ = false;
  bool freeze_failed_ = false;
  std::unique_ptr<sandbox::Sandbox> sandbox_;
  std::unique_ptr<OpenDoor> runtime_door_;
  std::unique_ptr<OpenDoor> endpoint_door_;
  std::array<std::shared_ptr<OpenPipe>, kPipes> pipes_;
  std::optional<WayHome> way_home_;

  std::shared_ptr<WorkSlot> waiting_runtime_;
  std::shared_ptr<Invocation> invocation_;
  std::string request_id_;  // of the invocation with the runtime, or just answered
  std::optional<InitFailure> init_failure_;
  std::optional<Milliseconds> init_duration_;  // until reported once

  SteadyTime init_began_;
  SteadyTime run_began_;
  SteadyTime deadline_;  // of init, or of the invocation
  SteadyTime idle_since_;
  SteadyTime memory_due_ = SteadyTime::max();
  SteadyTime log_due_ = SteadyTime::max();
  SteadyTime peak_read_at_ = SteadyTime::min();
  ByteCount peak_;
  std::unique_ptr<net::Alarm> alarm_;
  SteadyTime alarm_at_ = SteadyTime::max();
};

}  // namespace hearth::environment
