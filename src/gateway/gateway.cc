#include "gateway/gateway.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "gateway/aws_host.h"
#include "gateway/signature_errors.h"
#include "net/turn_label.h"
#include "wire/call.h"
#include "wire/reply.h"
#include "wire/sigv4_text.h"

namespace hearth::gateway {
namespace {

constexpr ByteCount kPageBody = ByteCount::kib(64);  // of Hearth's own pages, and of what the guard refuses
constexpr ByteCount kOtherBody = ByteCount::mib(1);  // of requests for no known service
constexpr std::ptrdiff_t kMostParameters = 2000;     // of a form; reading them takes half a millisecond
constexpr std::string_view kProductPage = "https://aws.amazon.com/iam";

wire::AwsError internal_failure(wire::Protocol protocol) {
  return {.code = protocol == wire::Protocol::kRestJson ? "ServiceException" : "InternalFailure",
          .message = "Hearth hit a bug of its own while it served this request; its log has the details.",
          .status = 500,
          .fault = wire::Fault::kReceiver};
}

wire::AwsError storage_failure(wire::Protocol protocol, std::string_view trouble) {
  wire::AwsError error{.code = "ServiceException",
                       .message = fmt::format("Hearth cannot write to its disk and so confirms nothing: {}", trouble),
                       .status = 500,
                       .fault = wire::Fault::kReceiver};
  if (protocol == wire::Protocol::kJson10 || protocol == wire::Protocol::kJson11) {
    error.code = "ServiceUnavailableException";
  } else if (protocol != wire::Protocol::kRestJson) {
    error.code = "ServiceUnavailable";
    error.status = 503;
  }
  return error;
}

// What a header may hold: anything else, such as the end of a line in a user's words, becomes a question mark.
std::string header_text(std::string text) {
  std::ranges::replace_if(text, [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

// S3's clients read no other error than one in rest-xml, which no service here speaks yet. `sentence` holds no markup.
net::HttpReply s3_not_implemented(std::string_view sentence, std::string_view request_id) {
  return {.status = 501,
          .headers = {{"Content-Type", "application/xml"}, {"x-amz-request-id", std::string(request_id)}},
          .body = fmt::format(
              "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NotImplemented</Code><Message>{}</Message>"
              "<RequestId>{}</RequestId></Error>",
              sentence, request_id)};
}

// "http://127.0.0.1:4566"
std::string endpoint_of(const net::HttpHead& head, const Door& door) {
  const std::string_view host = head.header("host");
  return fmt::format("{}://{}", door.scheme, host.empty() ? "127.0.0.1" : host);
}

}  // namespace

// One request on its way through the chain.
struct Gateway::Exchange {
  Exchange(net::HttpRequest received, Door through)
      : request(std::move(received)),
        door(through),
        request_id(random_uuid()),
        target(split_target(request.head.target)),
        query(wire::split_query(target.query)) {}
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  net::HttpRequest request;
  Door door;
  std::string request_id;
  Target target;  // views into request
  Parameters query;
  Parameters form;
  std::optional<wire::SignatureClaim> claim;
  Identified identified;
  wire::Protocol protocol = wire::Protocol::kRestJson;  // errors are worded for it
  const wire::OperationInfo* operation = nullptr;
  wire::Call call;
  services::RequestContext context;
  std::vector<std::string> warnings;  // of the handler, for Hearth-Warning headers
};

Gateway::Gateway(GatewaySettings settings, const Guard& guard, PlatformPages& pages, const ServiceTable& services,
                 Authenticator& authenticator, const AccessPolicy& policy, storage::Store& store, const Clock& clock,
                 const observe::Logger& log)
    : settings_(std::move(settings)),
      guard_(guard),
      pages_(pages),
      services_(services),
      authenticator_(authenticator),
      policy_(policy),
      store_(store),
      clock_(clock),
      log_(log) {}

net::Task<net::HttpReply> Gateway::handle(net::HttpRequest request) { return serve(std::move(request), Door{}); }

net::Task<net::HttpReply> Gateway::serve(net::HttpRequest request, Door door) {
  net::note_turn("gateway");
  const bool traced = log_.is_enabled(observe::Level::kDebug);
  const std::string agent = traced ? std::string(request.head.header("User-Agent")) : std::string();
  Exchange exchange(std::move(request), door);
  std::string bug;
  net::HttpReply reply;
  try {
    auto chain = run_chain(exchange);
    reply = co_await std::move(chain);
  } catch (const CheckFailed& failed) {
    bug = failed.what();
  } catch (const std::exception& unexpected) {
    bug = fmt::format("an exception reached the gateway: {}", unexpected.what());
  }
  if (!bug.empty()) {
    log_.error(bug, {{"request_id", exchange.request_id},
                     {"operation", std::string(exchange.operation ? exchange.operation->name : "")}});
    reply = error_reply(exchange, internal_failure(exchange.protocol));
  }
  if (!find_header(reply.headers, "x-amzn-RequestId")) {
    reply.headers.push_back({"x-amzn-RequestId", exchange.request_id});
  }
  for (const std::string& warning : exchange.warnings) {
    reply.headers.push_back({"Hearth-Warning", header_text(warning)});
  }
  if (traced && exchange.operation) {
    log_.debug("request", {{"service", std::string(exchange.identified.service->model->signing_name)},
                           {"operation", std::string(exchange.operation->name)},
                           {"status", std::to_string(reply.status)},
                           {"request_id", exchange.request_id},
                           {"agent", agent}});
  }
  co_return reply;
}

// The ordered list. Each step either lets the request on or ends it with a reply.
net::Task<net::HttpReply> Gateway::run_chain(Exchange& exchange) {
  // 1 guard: a function's endpoint is out of every browser's reach
  if (!exchange.door.role) {
    if (const auto refused = guard_.refusal(exchange.request.head)) co_return sentence_reply(403, *refused);
  }
  // 2 pages: code may fetch packages, but it has no say over the server it runs on
  if (PlatformPages::is_platform_path(exchange.target.path)) {
    if (exchange.door.role && !exchange.target.path.starts_with(CodeDownload::kPathPrefix)) {
      co_return sentence_reply(404, "There is no such page inside a function.");
    }
    auto page = pages_.serve(std::move(exchange.request));
    net::HttpReply reply = co_await std::move(page);
    co_return reply;
  }
  // 3 identify
  if (auto ended = identify_request(exchange)) co_return *std::move(ended);
  const ServiceEntry& service = *exchange.identified.service;
  // 4 authenticate
  {
    const wire::SignedRequest sent{exchange.request.head.method, exchange.target.path, exchange.target.query,
                                   exchange.request.head.headers};
    auto authenticating = authenticator_.authenticate(
        AuthRequest{.request = sent, .claim = exchange.claim, .service = service, .role = exchange.door.role},
        exchange.request.body);
    auto caller = co_await std::move(authenticating);
    if (!caller) co_return error_reply(exchange, caller.error());
    exchange.context.caller = *std::move(caller);
  }
  if (auto ended = find_operation(exchange)) co_return *std::move(ended);
  const services::Operation* operation = service.operations.find(exchange.operation->name);
  if (!operation) co_return error_reply(exchange, wire::unhandled_operation(*service.model, *exchange.operation));
  net::note_turn(exchange.operation->name);
  // 5 run
  RequestAuthorizer authorizer(policy_, exchange.protocol);
  auto running = operation->run(exchange.context, exchange.call, authorizer);
  wire::Outcome<wire::EncodedReply> outcome = co_await std::move(running);
  // 6 make durable: errors too, for they tell of state as well
  const storage::Ticket written = store_.last_ticket();
  if (!store_.is_durable(written)) {
    auto syncing = store_.durable(written);
    const Status synced = co_await std::move(syncing);
    if (!synced) co_return error_reply(exchange, storage_failure(exchange.protocol, synced.error().message()));
  }
  // 7 answer
  if (!outcome) co_return error_reply(exchange, outcome.error());
  co_return net::HttpReply{
      .status = outcome->status, .headers = std::move(outcome->headers), .body = std::move(outcome->body)};
}

std::optional<net::HttpReply> Gateway::identify_request(Exchange& exchange) const {
  const net::HttpHead& head = exchange.request.head;
  const bool may_be_query = exchange.target.path == "/" || exchange.target.path.empty();
  if (may_be_query && is_form(head) && std::ranges::count(exchange.request.body, '&') > kMostParameters) {
    exchange.protocol = wire::Protocol::kQuery;
    return error_reply(exchange, {.code = "MalformedQueryString",
                                  .message = fmt::format("The request has more than {} parameters.", kMostParameters)});
  }
  if (may_be_query && is_form(head)) exchange.form = wire::split_query(exchange.request.body);
  auto claim =
      wire::parse_signature({head.method, exchange.target.path, exchange.target.query, exchange.request.head.headers});
  if (claim) exchange.claim = *claim;
  const RequestSigns signs{head, exchange.target, exchange.query, exchange.form, exchange.claim};
  const std::string region(exchange.door.region.empty() ? settings_.default_region : exchange.door.region);
  exchange.identified = identify(services_, signs, region);
  exchange.protocol =
      exchange.identified.service ? exchange.identified.service->model->protocol : guess_protocol(signs);
  if (!claim) return error_reply(exchange, refusal_error(exchange.protocol, claim.error()));
  if (!is_region_name(exchange.identified.region)) {
    return error_reply(exchange, refusal_error(exchange.protocol, Refusal::kMismatch,
                                               fmt::format("Credential should be scoped to a valid region, not '{}'. ",
                                                           exchange.identified.region)));
  }
  if (!exchange.identified.service) return answer_nobody(exchange);
  return std::nullopt;
}

// A request to no service that is offered here.
net::HttpReply Gateway::answer_nobody(const Exchange& exchange) const {
  const bool bare = exchange.target.path == "/" && exchange.target.query.empty() && !exchange.claim;
  if (!exchange.door.role && authenticator_.mode() == AuthMode::kEnforced && !exchange.claim && !bare) {
    return error_reply(exchange, refusal_error(exchange.protocol, Refusal::kNoSignature));
  }
  if (const std::string& foreign = exchange.identified.foreign_service; !foreign.empty()) {
    const std::string sentence = fmt::format("Hearth does not speak the AWS service '{}' yet", header_text(foreign));
    if (foreign == "s3") return s3_not_implemented(sentence, exchange.request_id);
    return error_reply(
        exchange,
        {.code = "NotImplementedException", .message = sentence, .status = 501, .fault = wire::Fault::kReceiver});
  }
  if (bare && exchange.request.head.method == "GET") return answer_bare_visit(exchange);
  return error_reply(exchange,
                     {.code = "UnknownOperationException",
                      .message = fmt::format("Hearth cannot tell which AWS service {} {} is for: the request has no "
                                             "signature, and neither its host name nor its path says so",
                                             exchange.request.head.method, exchange.target.path),
                      .status = 404});
}

// Somebody looks at the root with a browser or curl.
net::HttpReply Gateway::answer_bare_visit(const Exchange& exchange) const {
  net::HttpReply reply{.status = 200, .headers = {{"Content-Type", "text/plain; charset=utf-8"}}, .body = {}};
  if (exchange.identified.service) {
    // What AWS does for its query services. The text is for whoever wonders who answered.
    reply.status = 302;
    reply.headers.push_back({"Location", std::string(kProductPage)});
  }
  reply.body = fmt::format("Hearth answers here for {}.\n", exchange.request.head.header("host"));
  if (exchange.door.role) reply.body += fmt::format("The caller is {}.\n", exchange.door.role->arn);
  if (!exchange.door.role) reply.body += "What is up: /_hearth/health\n";
  return reply;
}

std::optional<net::HttpReply> Gateway::find_operation(Exchange& exchange) const {
  const wire::ServiceModel& model = *exchange.identified.service->model;
  const net::HttpHead& head = exchange.request.head;
  std::string asked = fmt::format("{} {}", head.method, exchange.target.path);
  switch (model.protocol) {
    case wire::Protocol::kRestJson:
    case wire::Protocol::kRestXml:
    case wire::Protocol::kRpcV2Cbor: {
      wire::RouteMatch match = model.find_operation(head.method, exchange.target.path, exchange.query);
      exchange.operation = match.operation;
      exchange.call.labels = std::move(match.labels);
      break;
    }
    case wire::Protocol::kJson10:
    case wire::Protocol::kJson11:
      asked = head.header("x-amz-target");
      exchange.operation = model.find_by_target(asked);
      break;
    case wire::Protocol::kQuery:
    case wire::Protocol::kEc2: {
      const std::string* action = find_parameter(exchange.form, "Action");
      if (!action) action = find_parameter(exchange.query, "Action");
      if (!action) {
        if (head.method == "GET") return answer_bare_visit(exchange);
        return error_reply(exchange, {.code = "MissingAction",
                                      .message = "The request is missing an action or a required parameter.",
                                      .status = 400});
      }
      asked = *action;
      const std::string* version = find_parameter(exchange.form, "Version");
      if (!version) version = find_parameter(exchange.query, "Version");
      if (version && *version != model.api_version) {
        return error_reply(exchange,
                           {.code = "InvalidAction",
                            .message = fmt::format("Could not find operation {} for version {}", asked, *version),
                            .status = 400});
      }
      exchange.operation = model.find_by_name(asked);
      break;
    }
  }
  if (!exchange.operation) return error_reply(exchange, wire::unknown_operation(model, asked));

  services::RequestContext& context = exchange.context;
  context.request_id = exchange.request_id;
  context.account = context.caller.account;
  context.region = exchange.identified.region;
  context.now = clock_.now();
  context.endpoint = endpoint_of(head, exchange.door);
  context.user_agent = head.header("user-agent");
  if (!exchange.door.role) context.source_ip = parse_host(exchange.request.peer).name;
  context.warnings = &exchange.warnings;
  exchange.call.method = head.method;
  exchange.call.path = exchange.target.path;
  exchange.call.query = std::move(exchange.query);
  exchange.call.headers = std::move(exchange.request.head.headers);
  exchange.call.body = std::move(exchange.request.body);
  return std::nullopt;
}

net::HttpReply Gateway::error_reply(const Exchange& exchange, const wire::AwsError& error) const {
  if (error.status >= 500) {
    log_.write(error.status == 501 ? observe::Level::kInfo : observe::Level::kWarn, error.message,
               {{"code", error.code}, {"request_id", exchange.request_id}});
  }
  wire::EncodedReply encoded = exchange.identified.service
                                   ? wire::encode_error(*exchange.identified.service->model, error, exchange.request_id)
                                   : wire::encode_error(exchange.protocol, error, exchange.request_id);
  return {.status = encoded.status, .headers = std::move(encoded.headers), .body = std::move(encoded.body)};
}

BodyLimit Gateway::limit_of(const net::HttpHead& head, const Door& door) const {
  const Target target = split_target(head.target);
  if (PlatformPages::is_platform_path(target.path)) return {kPageBody, {}, kPageBody};
  const Parameters query = wire::split_query(target.query);
  auto parsed = wire::parse_signature({head.method, target.path, target.query, head.headers});
  const std::optional<wire::SignatureClaim> claim = parsed ? *parsed : std::nullopt;
  const Parameters no_form;
  const RequestSigns signs{head, target, query, no_form, claim};
  const Identified identified = identify(services_, signs, std::string(door.region));
  if (!identified.service) return {kOtherBody, {}, kOtherBody};
  const wire::ServiceModel& model = *identified.service->model;
  const bool rest = model.protocol == wire::Protocol::kRestJson || model.protocol == wire::Protocol::kRestXml;
  const wire::OperationInfo* operation = rest ? model.find_operation(head.method, target.path, query).operation
                                              : model.find_by_target(head.header("x-amz-target"));
  return body_limit_of(*identified.service, operation);
}

ByteCount Gateway::body_limit(const net::HttpHead& head, const net::HttpLimits& limits) const {
  return body_limit_at(head, limits, Door{});
}

net::HttpReply Gateway::too_large(const net::HttpHead& head) const { return too_large_at(head, Door{}); }

ByteCount Gateway::body_limit_at(const net::HttpHead& head, const net::HttpLimits& limits, const Door& door) const {
  // What is small enough for everything needs no closer look.
  const auto length = wire::parse_decimal(head.header("content-length"));
  if (length && *length <= kPageBody.value) return std::min(kPageBody, limits.max_body);
  if (!door.role && guard_.refusal(head)) return std::min(kPageBody, limits.max_body);
  return std::min(limit_of(head, door).bytes, limits.max_body);
}

net::HttpReply Gateway::too_large_at(const net::HttpHead& head, const Door& door) const {
  net::HttpReply reply;
  if (const auto refused = door.role ? std::nullopt : guard_.refusal(head)) {
    reply = sentence_reply(403, *refused);
  } else if (PlatformPages::is_platform_path(split_target(head.target).path)) {
    reply = sentence_reply(413, "Hearth's own pages take no large bodies.");
  } else {
    const BodyLimit limit = limit_of(head, door);
    Exchange exchange(net::HttpRequest{.head = head, .body = {}, .peer = {}}, door);
    if (auto ended = identify_request(exchange)) {
      // Answered before it is told that it is too large: without a known service or with a broken signature.
      reply = *std::move(ended);
    } else {
      const std::string what =
          limit.operation.empty() ? std::string() : fmt::format(" for the {} operation", limit.operation);
      reply = error_reply(exchange,
                          {.code = "RequestEntityTooLargeException",
                           .message = fmt::format("Request must be smaller than {} bytes{}", limit.stated.value, what),
                           .status = 413});
    }
    reply.headers.push_back({"x-amzn-RequestId", exchange.request_id});
  }
  reply.close = true;
  return reply;
}

}  // namespace hearth::gateway
