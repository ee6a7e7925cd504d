#pragma once
// EnvironmentDoors: the Runtime API and the AWS endpoint of each environment, joined for the layer that opens them.

#include <memory>
#include <string>
#include <utility>

#include "environment/doors.h"
#include "gateway/function_endpoint.h"
#include "runtime_api/runtime_api.h"

namespace hearth::main {

// The environment layer is built before the gateway, which needs the services, which need environments: so the endpoint
// is set once all are there, before anything runs.
class EnvironmentDoors final : public environment::Doors {
 public:
  explicit EnvironmentDoors(runtime_api::RuntimeApi& runtime_api) : runtime_api_(runtime_api) {}
  void set_endpoint(gateway::FunctionEndpoint& endpoint) { endpoint_ = &endpoint; }

  std::unique_ptr<environment::OpenDoor> open_runtime_api(environment::Environment& environment,
                                                          UniqueFd listener) override {
    return runtime_api_.open(environment, std::move(listener));
  }
  std::unique_ptr<environment::OpenDoor> open_endpoint(environment::EndpointIdentity identity, UniqueFd http,
                                                       UniqueFd https, UniqueFd dns_udp, UniqueFd dns_tcp) override {
    return endpoint_->open(std::move(identity), std::move(http), std::move(https), std::move(dns_udp),
                           std::move(dns_tcp));
  }
  environment::RoleCredentials role_credentials(const environment::EndpointIdentity& identity) override {
    return endpoint_->role_credentials(identity);
  }
  std::string trust_bundle_path() const override { return endpoint_->trust_bundle_path(); }

 private:
  runtime_api::RuntimeApi& runtime_api_;
  gateway::FunctionEndpoint* endpoint_ = nullptr;
};

}  // namespace hearth::main
