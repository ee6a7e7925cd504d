#include "invocation/runner.h"

#include <string>
#include <utility>

#include "base/check.h"

namespace hearth::invocation {
namespace {

// The same work once more, after it came back without having been started.
std::shared_ptr<environment::Invocation> again(net::Loop& loop, environment::Invocation& unstarted) {
  auto invocation = std::make_shared<environment::Invocation>(loop.executor());
  invocation->request_id = std::move(unstarted.request_id);
  invocation->payload = std::move(unstarted.payload);
  invocation->client_context = std::move(unstarted.client_context);
  invocation->trace_header = std::move(unstarted.trace_header);
  invocation->invoked_arn = std::move(unstarted.invoked_arn);
  invocation->tail_log = unstarted.tail_log;
  return invocation;
}

}  // namespace

std::shared_ptr<environment::Invocation> Runner::prepare(InvokeRequest request) {
  auto invocation = std::make_shared<environment::Invocation>(loop_.executor());
  invocation->request_id = std::move(request.request_id);
  invocation->payload = request.payload.empty() ? std::string("{}") : std::move(request.payload);
  invocation->client_context = std::move(request.client_context);
  invocation->trace_header = traces_.header(request.trace_header, clock_.now());
  invocation->invoked_arn = std::move(request.invoked_arn);
  invocation->tail_log = request.tail_log ? environment::TailLog::kYes : environment::TailLog::kNo;
  return invocation;
}

net::Task<Result<InvokeOutcome>> Runner::run(Admitted admitted, InvokeRequest request) {
  HEARTH_CHECK(loop_.on_thread());
  std::shared_ptr<environment::Invocation> invocation = prepare(std::move(request));
  placement_.place(admitted.function, invocation);
  Result<environment::Answer> answer = co_await invocation->done.wait();
  if (!answer && answer.error().is(environment::ErrorKind::kNoCapacity)) {
    const bool has_room = co_await neighbours_.make_room();
    if (has_room) {
      invocation = again(loop_, *invocation);
      placement_.place(admitted.function, invocation);
      answer = co_await invocation->done.wait();
    }
  }

  if (!answer) {
    ++counts_.unavailable;
    co_return fail(ErrorKind::kUnavailable, answer.error().message());
  }
  ++counts_.invocations;
  InvokeOutcome outcome;
  outcome.payload = std::move(answer->payload);
  if (answer->error == environment::FunctionError::kUnhandled) {
    ++counts_.errors;
    outcome.function_error = "Unhandled";
  }
  outcome.executed_version = admitted.function->version;
  outcome.log_tail = std::move(answer->log_tail);
  co_return outcome;
}

}  // namespace hearth::invocation
