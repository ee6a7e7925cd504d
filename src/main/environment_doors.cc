#include "main/environment_doors.h"

#include <utility>

#include "net/run_there.h"

namespace hearth::main {
namespace {

// A door that is open on another loop. It is opened and closed by work posted there, in that order.
class DistantDoor final : public environment::OpenDoor {
 public:
  using Place = std::shared_ptr<std::unique_ptr<OpenDoor>>;

  DistantDoor(net::Loop& there, Place place) : there_(there), place_(std::move(place)) {}
  ~DistantDoor() override {
    there_.post([place = std::move(place_)] { place->reset(); });
  }
  DistantDoor(const DistantDoor&) = delete;
  DistantDoor& operator=(const DistantDoor&) = delete;

 private:
  net::Loop& there_;
  Place place_;
};

net::Task<environment::WayHome> look_up(gateway::FunctionEndpoint& endpoint, environment::EndpointIdentity identity) {
  co_return environment::WayHome{.credentials = endpoint.role_credentials(identity),
                                 .trust_bundle_path = endpoint.trust_bundle_path()};
}

}  // namespace

std::unique_ptr<environment::OpenDoor> EnvironmentDoors::open_runtime_api(environment::Environment& environment,
                                                                          UniqueFd listener) {
  return runtime_api_.open(environment, std::move(listener));
}

std::unique_ptr<environment::OpenDoor> EnvironmentDoors::open_endpoint(environment::EndpointIdentity identity,
                                                                       UniqueFd http, UniqueFd https, UniqueFd dns_udp,
                                                                       UniqueFd dns_tcp) {
  if (&here_ == &control_) {
    return endpoint_.get().open(std::move(identity), std::move(http), std::move(https), std::move(dns_udp),
                                std::move(dns_tcp));
  }
  auto place = std::make_shared<std::unique_ptr<environment::OpenDoor>>();
  control_.post([&endpoint = endpoint_.get(), place, identity = std::move(identity), http = std::move(http),
                 https = std::move(https), dns_udp = std::move(dns_udp), dns_tcp = std::move(dns_tcp)]() mutable {
    *place =
        endpoint.open(std::move(identity), std::move(http), std::move(https), std::move(dns_udp), std::move(dns_tcp));
  });
  return std::make_unique<DistantDoor>(control_, std::move(place));
}

net::Task<environment::WayHome> EnvironmentDoors::way_home(environment::EndpointIdentity identity) {
  auto ask = [&endpoint = endpoint_.get(), identity = std::move(identity)]() mutable {
    return look_up(endpoint, std::move(identity));
  };
  return net::run_there(here_, control_, std::move(ask));
}

}  // namespace hearth::main
