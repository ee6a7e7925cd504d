#pragma once
// Doors: what serves the sockets of an environment. The layers above implement them (runtime_api/, gateway/), main
// hands them to the environment, so that arrows keep pointing down.

#include <memory>
#include <string>

#include "base/unique_fd.h"
#include "net/task.h"
#include "sandbox/sandbox.h"

namespace hearth::environment {

class Environment;

// What an environment is to the AWS endpoint inside it: its function's execution role.
struct EndpointIdentity {
  std::string account;
  std::string region;
  std::string role_arn;
  std::string session_name;  // the function's name, as AWS names such sessions
};

// Credentials put into an environment's variables; valid at every door.
struct RoleCredentials {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;
};

// What code inside needs to call the AWS endpoint: who it is, and the host file with the trust bundle (system CAs and
// ours) to put into its sandbox.
struct WayHome {
  RoleCredentials credentials;
  std::string trust_bundle_path;
};

// Serving ends when the returned object is destroyed.
class OpenDoor {
 public:
  virtual ~OpenDoor() = default;
};

class Doors {
 public:
  virtual ~Doors() = default;
  // Serves the Runtime API of `environment` on `listener`. `environment` outlives the OpenDoor.
  virtual std::unique_ptr<OpenDoor> open_runtime_api(Environment& environment, UniqueFd listener) = 0;
  // Serves AWS APIs (http, https) and names (dns) as `identity`.
  virtual std::unique_ptr<OpenDoor> open_endpoint(EndpointIdentity identity, UniqueFd http, UniqueFd https,
                                                  UniqueFd dns_udp, UniqueFd dns_tcp) = 0;
  virtual net::Task<WayHome> way_home(EndpointIdentity identity) = 0;
};

}  // namespace hearth::environment
