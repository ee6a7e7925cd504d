#pragma once
// Invocation: one piece of work on its way through an environment, and the one answer it will get.
//
// Made by invocation/invoker.cc, which waits on `done`; shared with the environment that runs it. Whoever ends it calls
// complete(); the first caller wins, so that it ends exactly once whatever dies around it.

#include <memory>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/result.h"
#include "net/one_shot.h"

namespace hearth::environment {

enum class ErrorKind {
  kUnavailable,  // no environment could be made: the platform's fault; nothing ran
  kNoCapacity,   // the host's limits are reached and nothing idle can make room; nothing was started
};

enum class FunctionError { kNone, kUnhandled };
enum class TailLog { kNo, kYes };

// How a function that ran ended: its answer, or its error as JSON.
struct Answer {
  std::string payload;
  FunctionError error = FunctionError::kNone;
  std::string log_tail;  // last 4 KB of its log if asked for
};

struct Invocation {
  explicit Invocation(net::Executor executor) : done(std::move(executor)) {}

  std::string request_id;
  std::string payload;  // moved out when the runtime takes it
  std::string client_context;
  std::string trace_header;
  std::string invoked_arn;
  TailLog tail_log = TailLog::kNo;

  net::OneShot<Result<Answer>> done;
  // False if it had ended before.
  bool complete(Result<Answer> result) { return done.set(std::move(result)); }
};

}  // namespace hearth::environment
