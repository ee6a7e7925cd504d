#pragma once
// RuntimeApi: serves the Lambda Runtime API of environments, each on its own socket.
//
// Who calls is known from the socket: what connects there runs inside that sandbox. Connections have no idle deadline,
// since a frozen environment keeps its connection for as long as it sleeps, and few are allowed.
//
// Path: environment/environment.cc (opens its door) -> here -> calls.h        Tests: runtime_api_test.cc

#include <memory>

#include "environment/doors.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "observe/log.h"

namespace hearth::runtime_api {

// Thread: the loop's. Lifetime: `loop` and `log` outlive it and every door it opened.
class RuntimeApi {
 public:
  RuntimeApi(net::Loop& loop, const observe::Logger& log) : loop_(loop), log_(log) {}
  // What environment::Doors::open_runtime_api() promises.
  std::unique_ptr<environment::OpenDoor> open(environment::Environment& environment, UniqueFd listener);

 private:
  net::Loop& loop_;
  const observe::Logger& log_;
};

}  // namespace hearth::runtime_api
