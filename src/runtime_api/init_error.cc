// POST /runtime/init/error: the runtime could not initialise; it is expected to exit.

#include <utility>

#include "runtime_api/calls.h"

namespace hearth::runtime_api {

net::HttpReply post_init_error(environment::Environment& environment, net::HttpRequest request) {
  const std::string error_type(request.head.header("Lambda-Runtime-Function-Error-Type"));
  if (const Status taken = environment.report_init_error(std::move(request.body), error_type); !taken) {
    return refused(taken.error());
  }
  return accepted();
}

}  // namespace hearth::runtime_api
