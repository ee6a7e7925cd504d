#include "invocation/intake.h"

#include <string>
#include <string_view>
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

// AWS's words, also where the key is Hearth's own.
constexpr std::string_view kKeyNotFound =
    "Lambda was unable to decrypt the environment variables because the KMS key was not found. Please check the "
    "function's KMS key settings.";

// Reading JSON takes some milliseconds per MiB.
constexpr std::size_t kCheckHere = std::size_t{128} * 1024;

}  // namespace

Status Intake::check_payload(const InvokeRequest& request) {
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

net::Task<Status> Intake::check_payload(InvokeRequest& request, net::Loop& loop, net::ThreadPool& pool) {
  if (request.payload.size() <= kCheckHere) co_return check_payload(request);
  // The payload moves into the work and back: at shutdown this coroutine may go while the pool still reads.
  auto work = [payload = std::move(request.payload)]() mutable {
    InvokeRequest checked;
    checked.payload = std::move(payload);
    Status status = check_payload(checked);
    return std::pair(std::move(checked.payload), std::move(status));
  };
  auto checking = pool.run(loop, std::move(work));
  auto [payload, status] = co_await std::move(checking);
  request.payload = std::move(payload);
  co_return std::move(status);
}

Result<functions::FunctionSnapshot> Intake::resolve(const InvokeRequest& request, double draw) const {
  if (auto running = functions_.running(request.function, request.qualifier, draw)) return running;
  const functions::FunctionSnapshot named = functions_.find(request.function, request.qualifier);
  if (!named) return fail(not_found(request));
  if (!named->lost_environment.empty()) return fail(ErrorKind::kKeyNotFound, std::string(kKeyNotFound));
  return fail(
      named->state == functions::State::kFailed ? ErrorKind::kFailed : ErrorKind::kPending,
      std::string(
          "The operation cannot be performed at this time. The function is currently in the following state: ") +
          aws_name(named->state));
}

Status Intake::check(const InvokeRequest& request) const {
  TRY_STATUS(check_payload(request));
  return check_admission(request);
}

Status Intake::check_admission(const InvokeRequest& request) const {
  TRY([[maybe_unused]] const auto function, resolve(request, 0));
  return admission_.check(request.function, functions_.concurrency(request.function));
}

Result<Admitted> Intake::admit(const InvokeRequest& request) {
  const double draw = request.qualifier.empty() ? 0 : std::uniform_real_distribution(0.0, 1.0)(draws_);
  TRY(functions::FunctionSnapshot function, resolve(request, draw));
  auto ticket = admission_.admit(request.function, functions_.concurrency(request.function));
  if (!ticket) {
    ++throttles_;
    return fail(std::move(ticket).error());
  }
  return Admitted{std::move(function), *std::move(ticket)};
}

}  // namespace hearth::invocation
