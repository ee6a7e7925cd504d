#include "invocation/local_invoker.h"

#include <utility>

#include "environment/fault.h"
#include "invocation/json_check.h"

namespace hearth::invocation {
namespace {

Error not_found(const InvokeRequest& request) {
  std::string arn = "arn:aws:lambda:" + request.function.region + ":" + request.function.account +
                    ":function:" + request.function.name;
  if (!request.qualifier.empty()) arn += ":" + request.qualifier;
  return {ErrorKind::kNotFound, "Function not found: " + arn};
}

const char* aws_name(functions::State state) {
  switch (state) {
    case functions::State::kPending:
      return "Pending";
    case functions::State::kActive:
      return "Active";
    case functions::State::kInactive:
      return "Inactive";
    case functions::State::kFailed:
      return "Failed";
  }
  return "Unknown";
}

}  // namespace

LocalInvoker::LocalInvoker(net::Loop& loop, const FunctionLookup& functions, Admission& admission, Placement& placement,
                           const Clock& clock)
    : loop_(loop), functions_(functions), admission_(admission), placement_(placement), clock_(clock) {}

Result<functions::FunctionSnapshot> LocalInvoker::resolve(const InvokeRequest& request) const {
  if (!request.qualifier.empty() && request.qualifier != "$LATEST") return fail(not_found(request));
  if (functions::FunctionSnapshot running = functions_.running(request.function)) return running;
  const functions::FunctionSnapshot latest = functions_.latest(request.function);
  if (!latest) return fail(not_found(request));
  return fail(
      latest->state == functions::State::kFailed ? ErrorKind::kFailed : ErrorKind::kPending,
      std::string(
          "The operation cannot be performed at this time. The function is currently in the following state: ") +
          aws_name(latest->state));
}

Status LocalInvoker::check_payload(const InvokeRequest& request) {
  if (request.payload.size() > environment::kMaxPayload) {
    return fail(ErrorKind::kTooLarge, std::to_string(request.payload.size()) +
                                          " byte payload is too large for the RequestResponse invocation type (limit " +
                                          std::to_string(environment::kMaxPayload) + " bytes)");
  }
  if (request.payload.empty()) return {};
  if (const auto problem = json_problem(request.payload)) {
    return fail(ErrorKind::kNotJson,
                "Could not parse request body into json: Could not parse payload into json: " + *problem);
  }
  return {};
}

Status LocalInvoker::check(const InvokeRequest& request) {
  TRY_STATUS(check_payload(request));
  TRY([[maybe_unused]] const auto function, resolve(request));
  return admission_.check(request.function.account);
}

net::Task<Result<InvokeOutcome>> LocalInvoker::invoke(InvokeRequest request) {
  CO_TRY_STATUS(check_payload(request));
  CO_TRY(const functions::FunctionSnapshot function, resolve(request));
  auto ticket = admission_.admit(request.function.account);
  if (!ticket) {
    ++counts_.throttles;
    co_return fail(ticket.error());
  }

  auto invocation = std::make_shared<environment::Invocation>(loop_.executor());
  invocation->request_id = std::move(request.request_id);
  invocation->payload = request.payload.empty() ? std::string("{}") : std::move(request.payload);
  invocation->client_context = std::move(request.client_context);
  invocation->trace_header = traces_.header(request.trace_header, clock_.now());
  invocation->invoked_arn = std::move(request.invoked_arn);
  invocation->tail_log = request.tail_log ? environment::TailLog::kYes : environment::TailLog::kNo;
  placement_.place(function, invocation);
  Result<environment::Answer> answer = co_await invocation->done.wait();

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
  outcome.executed_version = function->version;
  outcome.log_tail = std::move(answer->log_tail);
  co_return outcome;
}

}  // namespace hearth::invocation
