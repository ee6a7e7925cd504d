#include "runtime_api/runtime_api.h"

#include <utility>

#include "environment/environment.h"
#include "net/fair_turns.h"
#include "net/turn_label.h"
#include "runtime_api/calls.h"
#include "runtime_api/router.h"

namespace hearth::runtime_api {
namespace {

net::HttpLimits limits() {
  net::HttpLimits limits;
  limits.header_deadline = std::chrono::minutes(15);  // a request may be cut in two by a freeze
  limits.body_deadline = std::chrono::minutes(15);    // the longest an invocation may take
  limits.idle_deadline = {};
  limits.max_head = ByteCount::kib(16);
  limits.max_body = ByteCount{environment::kMaxPayload};
  limits.max_bodies_in_flight = ByteCount{3 * environment::kMaxPayload};
  limits.max_connections = 32;
  return limits;
}

// A runtime has one call under way. Many at once, on many connections, is none of ours: they take turns.
constexpr unsigned kCallsPerTurn = 2;

// Answers what comes through the socket of one environment. Kept alive by calls that wait; `close()` parts it from the
// environment, which may be gone by the time they are resumed.
class Caller final : public net::HttpHandler {
 public:
  Caller(net::Loop& loop, environment::Environment& environment)
      : turns_(loop, kCallsPerTurn), environment_(&environment) {}
  void close() { environment_ = nullptr; }

  net::HttpReply too_large(const net::HttpHead& head) const override {
    net::HttpReply reply = refused(gone());
    const Route found = route(head.method, head.target);
    if (environment_ != nullptr && (found.call == Call::kResponse || found.call == Call::kError)) {
      reply = response_too_large(*environment_, found.request_id);
    } else {
      reply = error_reply(413, "RequestEntityTooLarge", "Request Entity Too Large");
    }
    reply.close = true;
    return reply;
  }

  net::Task<net::HttpReply> handle(net::HttpRequest request) override {
    co_await lane_.enter();
    if (environment_ == nullptr) co_return refused(gone());
    net::note_turn("Runtime API");
    const std::string target = std::move(request.head.target);
    const Route found = route(request.head.method, target);
    switch (found.call) {
      case Call::kNext: {
        const auto slot = ask_next(*environment_);
        if (!slot) co_return refused(slot.error());
        Result<environment::Work> work = co_await (*slot)->wait();
        co_return next_reply(std::move(work));
      }
      case Call::kResponse:
        co_return post_response(*environment_, found.request_id, std::move(request));
      case Call::kError:
        co_return post_error(*environment_, found.request_id, std::move(request));
      case Call::kInitError:
        co_return post_init_error(*environment_, std::move(request));
      case Call::kWrongMethod:
        co_return error_reply(405, "MethodNotAllowed", "Method Not Allowed");
      case Call::kUnknown:
        break;
    }
    co_return error_reply(404, "NotFound", "404 page not found");
  }

 private:
  static Error gone() { return {environment::RuntimeCallError::kGone, "the environment has ended"}; }
  net::FairTurns turns_;
  const net::FairTurns::Lane lane_ = turns_.make_lane();
  environment::Environment* environment_;
};

class RuntimeDoor final : public environment::OpenDoor {
 public:
  RuntimeDoor(net::Loop& loop, const observe::Logger& log, environment::Environment& environment, UniqueFd listener)
      : caller_(std::make_shared<Caller>(loop, environment)), server_(loop, caller_, limits(), log) {
    server_.serve(std::move(listener));
  }
  ~RuntimeDoor() override {
    caller_->close();
    server_.abort();
  }
  RuntimeDoor(const RuntimeDoor&) = delete;
  RuntimeDoor& operator=(const RuntimeDoor&) = delete;

 private:
  const std::shared_ptr<Caller> caller_;
  net::HttpServer server_;
};

}  // namespace

std::unique_ptr<environment::OpenDoor> RuntimeApi::open(environment::Environment& environment, UniqueFd listener) {
  return std::make_unique<RuntimeDoor>(loop_, log_, environment, std::move(listener));
}

}  // namespace hearth::runtime_api
