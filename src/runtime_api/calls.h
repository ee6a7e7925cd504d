#pragma once
// The calls of the Lambda Runtime API (2018-06-01), one file each: next.cc, response.cc, error.cc, init_error.cc.
//
// Each takes what the router found in the request and answers with AWS's statuses and bodies; what is allowed when is
// decided by the environment's state machine, not here.

#include <memory>
#include <string>
#include <string_view>

#include "environment/environment.h"
#include "net/http.h"

namespace hearth::runtime_api {

// next.cc: the runtime asks for work. The reply is made once the slot is set.
Result<std::shared_ptr<environment::WorkSlot>> ask_next(environment::Environment& environment);
net::HttpReply next_reply(Result<environment::Work> work);

// response.cc: the answer to an invocation.
net::HttpReply post_response(environment::Environment& environment, std::string_view request_id,
                             net::HttpRequest request);
net::HttpReply response_too_large(environment::Environment& environment, std::string_view request_id);

// error.cc: the function failed.
net::HttpReply post_error(environment::Environment& environment, std::string_view request_id, net::HttpRequest request);

// init_error.cc: the runtime could not initialise.
net::HttpReply post_init_error(environment::Environment& environment, net::HttpRequest request);

// replies.cc
net::HttpReply accepted();                   // 202
net::HttpReply refused(const Error& error);  // 400 or 403, by its RuntimeCallError
net::HttpReply error_reply(int status, std::string_view error_type, std::string_view message);

}  // namespace hearth::runtime_api
