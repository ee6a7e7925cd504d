#pragma once
// EnvironmentDoors: the Runtime API and the AWS endpoint of each environment, joined for the layer that opens them.
//
// The Runtime API is served on the environment's own loop. The AWS endpoint leads to the services, which belong to the
// control loop: its sockets are handed over and served there.

#include <memory>

#include "environment/doors.h"
#include "gateway/function_endpoint.h"
#include "net/loop.h"
#include "observe/log.h"
#include "runtime_api/runtime_api.h"

namespace hearth::main {

// The environment layer is built before the gateway, which needs the services, which need environments: so the endpoint
// is set once all are there, before anything runs.
class LateEndpoint {
 public:
  void set(gateway::FunctionEndpoint& endpoint) { endpoint_ = &endpoint; }
  gateway::FunctionEndpoint& get() const { return *endpoint_; }

 private:
  gateway::FunctionEndpoint* endpoint_ = nullptr;
};

// Thread: `here`'s; the endpoint belongs to `control`, which may be the same loop.
class EnvironmentDoors final : public environment::Doors {
 public:
  EnvironmentDoors(net::Loop& here, net::Loop& control, const LateEndpoint& endpoint, const observe::Logger& log)
      : here_(here), control_(control), endpoint_(endpoint), runtime_api_(here, log) {}

  std::unique_ptr<environment::OpenDoor> open_runtime_api(environment::Environment& environment,
                                                          UniqueFd listener) override;
  std::unique_ptr<environment::OpenDoor> open_endpoint(environment::EndpointIdentity identity, UniqueFd http,
                                                       UniqueFd https, UniqueFd dns_udp, UniqueFd dns_tcp) override;
  net::Task<environment::WayHome> way_home(environment::EndpointIdentity identity) override;

 private:
  net::Loop& here_;
  net::Loop& control_;
  const LateEndpoint& endpoint_;
  runtime_api::RuntimeApi runtime_api_;
};

}  // namespace hearth::main
