#pragma once
// Invoker: the story of one invocation: resolve, admit, place, run, record.
//
// Path: services/lambda/invoke_handlers.cc -> here -> environment/pool.h        Tests: invoker_test.cc

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "functions/function.h"
#include "net/task.h"

namespace hearth::invocation {

enum class ErrorKind {
  kNotFound,           // no such function or qualifier
  kPending,            // the function is being created; message: AWS's
  kFailed,             // the function's state is Failed
  kKeyNotFound,        // the function's environment variables cannot be decrypted; message: AWS's
  kThrottled,          // the account's concurrency is in use; message: AWS's
  kReservedThrottled,  // what is reserved for the function is in use; message: AWS's
  kQueueFull,          // too many asynchronous invocations wait; message: AWS's
  kTooLarge,           // the payload
  kNotJson,            // the payload is not JSON
  kUnavailable,        // no environment could be made; the platform's fault
};

struct InvokeRequest {
  functions::FunctionKey function;
  std::string qualifier;    // empty: $LATEST
  std::string invoked_arn;  // what the function sees as its invoked ARN
  std::string request_id;
  std::string payload;         // empty counts as {} as on AWS
  std::string client_context;  // JSON, decoded from base64; empty: none
  std::string trace_header;    // X-Amzn-Trace-Id; empty: made here
  bool tail_log = false;
};

// How it ended, when it ran. The payload is the function's answer or its error as JSON.
struct InvokeOutcome {
  std::string payload;
  std::string function_error;  // empty, "Unhandled" or "Handled"
  std::string executed_version;
  std::string log_tail;  // last 4 KB of its log, if asked for; not base64
};

class Invoker {
 public:
  virtual ~Invoker() = default;
  // Runs to the end. Errors: ErrorKind; the function did not run then.
  virtual net::Task<Result<InvokeOutcome>> invoke(InvokeRequest request) = 0;
  // All checks of invoke() without running (InvocationType DryRun).
  virtual Status check(const InvokeRequest& request) = 0;
  // The same for a request whose payload may take long to read: off the loop.
  virtual net::Task<Status> check_large(InvokeRequest request) { co_return check(request); }
};

}  // namespace hearth::invocation
