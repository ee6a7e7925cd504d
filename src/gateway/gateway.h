#pragma once
// Gateway: HTTP in, reply out: one ordered chain for every request, at every door.
//
// 1. guard: refuse what a web page of another origin caused (guard.h)
//
// 2. pages: /_hearth/ is Hearth's own (platform_pages.h)
//
// 3. identify: which service, operation and region (identify.h, service_table.h)
//
// 4. authenticate: who calls (authenticate.h)
//
// 5. run: decode, authorise, handle, encode: the operation's row (services/operation_table.h)
//
// 6. make durable: no reply before the writes it depends on are on disk (storage/store.h)
//
// 7. answer: request id, or the error in the protocol's words
//
// The order is the body of run_chain() in gateway.cc. A failed HEARTH_CHECK ends its request with 500 and a log line.
//
// Path: net/http_server.h -> here -> services        Tests: gateway_test.cc

#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "gateway/access_policy.h"
#include "gateway/authenticate.h"
#include "gateway/guard.h"
#include "gateway/identify.h"
#include "gateway/platform_pages.h"
#include "gateway/service_table.h"
#include "net/http.h"
#include "observe/log.h"
#include "storage/store.h"

namespace hearth::gateway {

struct GatewaySettings {
  std::string default_region = "us-east-1";  // of requests that name none
};

// Through which door a request came.
struct Door {
  std::string_view scheme = "http";
  const services::Caller* role = nullptr;  // a function's endpoint: its execution role; else the public door
  std::string_view region = {};            // of requests that name none; empty: the gateway's default
};

// Thread: the loop's. Lifetime: all references outlive it.
class Gateway final : public net::HttpHandler {
 public:
  Gateway(GatewaySettings settings, const Guard& guard, PlatformPages& pages, const ServiceTable& services,
          Authenticator& authenticator, const AccessPolicy& policy, storage::Store& store, const Clock& clock,
          const observe::Logger& log);

  // The public door.
  ByteCount body_limit(const net::HttpHead& head, const net::HttpLimits& limits) const override;
  net::HttpReply too_large(const net::HttpHead& head) const override;
  net::Task<net::HttpReply> handle(net::HttpRequest request) override;

  // Any door. What `door` points to outlives the task.
  net::Task<net::HttpReply> serve(net::HttpRequest request, Door door);
  ByteCount body_limit_at(const net::HttpHead& head, const net::HttpLimits& limits, const Door& door) const;
  net::HttpReply too_large_at(const net::HttpHead& head, const Door& door) const;

 private:
  struct Exchange;

  net::Task<net::HttpReply> run_chain(Exchange& exchange);
  std::optional<net::HttpReply> identify_request(Exchange& exchange) const;
  std::optional<net::HttpReply> find_operation(Exchange& exchange) const;
  net::HttpReply answer_nobody(const Exchange& exchange) const;
  net::HttpReply answer_bare_visit(const Exchange& exchange) const;
  net::HttpReply error_reply(const Exchange& exchange, const wire::AwsError& error) const;
  BodyLimit limit_of(const net::HttpHead& head, const Door& door) const;

  GatewaySettings settings_;
  const Guard& guard_;
  PlatformPages& pages_;
  const ServiceTable& services_;
  Authenticator& authenticator_;
  const AccessPolicy& policy_;
  storage::Store& store_;
  const Clock& clock_;
  const observe::Logger& log_;
};

}  // namespace hearth::gateway
