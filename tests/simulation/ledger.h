#pragma once
// Ledger: every invocation that was asked for, every run of it inside a sandbox, and the rules between the two.
//
// Clients write down what they ask and what they are told; the runtimes inside sandboxes write down what they are given
// and how it ended. The ledger compares, as it happens and once all is quiet:
//
// - a synchronous invocation runs at most once, is answered once, and by its own run;
//
// - an event that was acknowledged runs until it ends well or three runs have failed; again only after a restart. An
// init
//   that fails for the second time fails the run it was made for, which no runtime is given;
//
// - an environment has one invocation at a time, and an account never more than its limit.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "random.h"
#include "sandbox/fake_sandbox.h"
#include "trace.h"

namespace hearth::simulation {

// What the function does with an invocation, as its payload tells it.
enum class Doing : std::uint8_t {
  kAnswers,
  kFails,           // reports an error
  kExits,           // ends in the middle
  kHangs,           // until it is killed
  kAnswersLate,     // about when its time is over
  kAnswersTwice,    //
  kAnswersTooMuch,  // beyond the payload limit
  kAnswersWrongId,  // first for an invocation that is not its own
  kTalksNonsense,   // bytes that are no HTTP, on another connection
  kAsksWhileBusy,   // for more work
  kCutsItsAnswer,   // ends in the middle of answering
  kUsesTooMuch,     // memory
  kTalksALot,
};
std::string_view name(Doing doing);
std::optional<Doing> find_doing(std::string_view name);

enum class RunEnd : std::uint8_t {
  kRunning,
  kAnswered,     // its answer is out; whether the server took it nobody knows yet
  kEndedWell,    // the server took its answer
  kFailed,       // it reported an error, ended, or was ended
  kInterrupted,  // the server stopped or lost its power meanwhile
};

struct Run {
  std::string request_id;
  std::string environment;
  int life = 0;  // of the server
  RunEnd end = RunEnd::kRunning;
};

// One request of a client.
struct Asked {
  std::string token;
  std::string function;
  Doing doing = Doing::kAnswers;
  bool is_event = false;
  bool is_acknowledged = false;  // an event the client was told is taken
  bool may_be_dropped = false;   // its function was removed meanwhile, or it grew too old
  bool saw_trouble = false;      // the store refused something during its life
  int life = 0;
  std::size_t failed_inits_before = 0;  // of its function
  std::vector<Run> runs;
};

class Ledger {
 public:
  using Process = std::shared_ptr<sandbox::FakeProcess>;
  explicit Ledger(Trace& trace) : trace_(trace) {}

  // --- the server
  void begin_life(std::uint32_t concurrency_limit);
  // What still runs is cut short: by a power cut, or by the server stopping.
  void interrupt_runs();
  int life() const { return life_; }
  std::uint32_t limit() const { return limit_; }
  void note_trouble();
  // Events of `function` may be dropped from now on.
  void note_removal(const std::string& function);
  // The wall clock jumped ahead: events may be too old now.
  void note_wall_jump();

  // --- clients
  Asked& ask(std::string function, Doing doing, bool is_event);
  void acknowledged(Asked& asked);
  // The client was told that its synchronous invocation ran.
  void answered(Asked& asked, std::string_view payload, bool is_function_error);

  // --- runtimes
  // `process` was given `request_id`, whose payload holds `token`. Nothing if nobody asked for that.
  Asked* given(const Process& process, const std::string& token, const std::string& request_id);
  // It is about to send its answer, and so is free again.
  void sends_answer(const Process& process);
  // How the run in `process` ended, as far as the runtime knows.
  void ended(Asked& asked, const std::string& request_id, RunEnd end);
  // An environment of `function` failed to initialise the second time.
  void init_failed_again(const std::string& function) { ++failed_inits_[function]; }
  std::uint32_t running() const;

  // When all is quiet. Nothing runs, nothing waits.
  void check_at_rest();
  const Asked* find_by_request_id(const std::string& request_id) const;
  std::size_t asked_count() const { return asked_.size(); }
  std::size_t run_count() const { return run_count_; }

 private:
  struct Busy {
    Process process;
    Asked* asked;
    std::string request_id;
  };
  void check_event(const Asked& asked);

  Trace& trace_;
  std::map<std::string, std::unique_ptr<Asked>> asked_;  // by token
  std::map<std::string, Asked*> by_request_id_;
  std::map<std::string, std::size_t> failed_inits_;  // by function
  std::vector<Busy> busy_;
  std::uint64_t next_token_ = 1;
  std::size_t run_count_ = 0;
  int life_ = 0;
  std::uint32_t limit_ = 0;
};

}  // namespace hearth::simulation
