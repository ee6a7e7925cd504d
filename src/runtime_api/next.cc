// GET /runtime/invocation/next: waits until there is an invocation and hands it over.

#include <algorithm>
#include <utility>

#include "runtime_api/calls.h"

namespace hearth::runtime_api {
namespace {

// JSON may have line breaks between its tokens, a header may not.
std::string header_value(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  return text;
}

}  // namespace

Result<std::shared_ptr<environment::WorkSlot>> ask_next(environment::Environment& environment) {
  return environment.ask_next();
}

net::HttpReply next_reply(Result<environment::Work> work) {
  if (!work) return refused(work.error());
  environment::Invocation& invocation = *work->invocation;
  net::HttpReply reply;
  reply.headers.reserve(6);
  reply.headers.push_back({"Content-Type", "application/json"});
  reply.headers.push_back({"Lambda-Runtime-Aws-Request-Id", invocation.request_id});
  reply.headers.push_back({"Lambda-Runtime-Deadline-Ms", std::to_string(work->deadline_ms)});
  reply.headers.push_back({"Lambda-Runtime-Invoked-Function-Arn", std::move(invocation.invoked_arn)});
  reply.headers.push_back({"Lambda-Runtime-Trace-Id", std::move(invocation.trace_header)});
  if (!invocation.client_context.empty()) {
    reply.headers.push_back({"Lambda-Runtime-Client-Context", header_value(std::move(invocation.client_context))});
  }
  reply.body = std::move(invocation.payload);
  return reply;
}

}  // namespace hearth::runtime_api
