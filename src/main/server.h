#pragma once
// Server: the composition root: builds every object of the unprivileged half, wires them by constructor, starts them,
// and stops them in the opposite order.
//
// Path: main/serve_command.cc -> main/supervisor.cc -> here        Tests: tests/e2e/

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "config/load.h"
#include "main/supervisor.h"
#include "storage/data_folder.h"
#include "storage/key_ring.h"

namespace hearth::main {

class Server final : public ServerMain {
 public:
  // `folder` is open and locked; all outlive the server. `tier`: what the launcher must say it builds.
  Server(const config::Loaded& settings, const storage::DataFolder& folder, const storage::KeyRing& keys,
         std::string tier)
      : settings_(settings), folder_(folder), keys_(keys), tier_(std::move(tier)) {}

  // Serves until SIGINT, SIGTERM or the end of the control socket. Returns 0 after a clean stop, 1 if it could not
  // start; then one sentence on standard error says why.
  int run(ServerSockets sockets) override;

 private:
  const config::Loaded& settings_;
  const storage::DataFolder& folder_;
  const storage::KeyRing& keys_;
  std::string tier_;
};

}  // namespace hearth::main
