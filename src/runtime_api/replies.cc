#include "runtime_api/calls.h"

namespace hearth::runtime_api {
namespace {

net::HttpReply json_reply(int status, std::string body) {
  net::HttpReply reply;
  reply.status = status;
  reply.headers.push_back({"Content-Type", "application/json"});
  reply.body = std::move(body);
  return reply;
}

}  // namespace

net::HttpReply accepted() { return json_reply(202, "{\"status\":\"OK\"}\n"); }

net::HttpReply error_reply(int status, std::string_view error_type, std::string_view message) {
  std::string body = R"({"errorMessage":")";
  body.append(message).append(R"(","errorType":")").append(error_type).append("\"}\n");
  return json_reply(status, std::move(body));
}

net::HttpReply refused(const Error& error) {
  using environment::RuntimeCallError;
  switch (error.kind<RuntimeCallError>().value_or(RuntimeCallError::kGone)) {
    case RuntimeCallError::kInvalidRequestId:
      return error_reply(400, "InvalidRequestID", error.message());
    case RuntimeCallError::kInvalidTransition:
      return error_reply(403, "InvalidStateTransition", error.message());
    case RuntimeCallError::kGone:
      break;
  }
  net::HttpReply reply = error_reply(500, "InternalServerError", "Internal Server Error");
  reply.close = true;
  return reply;
}

}  // namespace hearth::runtime_api
