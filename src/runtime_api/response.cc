// POST /runtime/invocation/{id}/response: the answer of the function, as is. A streamed one arrives here whole.

#include <utility>

#include "base/bytes.h"
#include "runtime_api/calls.h"

namespace hearth::runtime_api {

net::HttpReply post_response(environment::Environment& environment, std::string_view request_id,
                             net::HttpRequest request) {
  const std::string_view mode = request.head.header("Lambda-Runtime-Function-Response-Mode");
  if (!mode.empty() && mode != "streaming") {
    if (const Status reported = environment.report_invalid_mode(request_id); !reported)
      return refused(reported.error());
    return error_reply(400, "InvalidFunctionResponseMode", "Invalid function response mode");
  }
  if (const Status taken = environment.respond(request_id, std::move(request.body)); !taken)
    return refused(taken.error());
  return accepted();
}

net::HttpReply response_too_large(environment::Environment& environment, std::string_view request_id) {
  if (const Status reported = environment.report_too_large(request_id); !reported) return refused(reported.error());
  return error_reply(413, "RequestEntityTooLarge",
                     "Exceeded maximum allowed payload size (" + std::to_string(environment::kMaxPayload) + " bytes).");
}

}  // namespace hearth::runtime_api
