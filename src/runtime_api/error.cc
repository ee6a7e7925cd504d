// POST /runtime/invocation/{id}/error: the function failed; the body is the error as the caller sees it.

#include <utility>

#include "runtime_api/calls.h"

namespace hearth::runtime_api {

net::HttpReply post_error(environment::Environment& environment, std::string_view request_id,
                          net::HttpRequest request) {
  const std::string error_type(request.head.header("Lambda-Runtime-Function-Error-Type"));
  if (const Status taken = environment.report_error(request_id, std::move(request.body), error_type); !taken) {
    return refused(taken.error());
  }
  return accepted();
}

}  // namespace hearth::runtime_api
