#pragma once
// Supervisor: the root parent of the server and the launcher.
//
// `hearth serve`, started as root, becomes three processes: this one, which keeps root and does nothing but start,
// watch and restart; the launcher, which builds sandboxes; and the server, which drops every privilege before it opens
// a socket. When the launcher dies a new one is started and its socket handed to the server; when the server ends,
// so do the others. Forking happens here only, before any thread exists.
//
// Path: main/serve_command.cc -> here -> main/server.cc        Tests: tests/e2e/test_processes.py

#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace hearth::main {

enum class SupervisorError { kNotRoot, kNoUser, kNoLauncher, kSystem };

// The unprivileged account the server runs as.
struct ServerUser {
  std::string name;
  unsigned uid = 0;
  unsigned gid = 0;
};

// Looks up `name`; empty: "hearth" if there is such a user, else "nobody". Errors: kNoUser.
Result<ServerUser> find_server_user(const std::string& name);

// What the server half gets. Both sockets are AF_UNIX SOCK_SEQPACKET, close-on-exec.
struct ServerSockets {
  UniqueFd launcher;  // speaks the launcher's protocol
  UniqueFd control;   // each message carries the socket of a new launcher as SCM_RIGHTS; end of file: shut down
};

struct SupervisorOptions {
  std::string launcher_path;                    // the hearth-launcher binary
  std::vector<std::string> launcher_arguments;  // besides --socket-fd
  ServerUser user;
};

// Gives up every privilege of the calling process for good: becomes `user`, without capabilities, and can gain none.
// False, with errno set, if a step failed: the process must end then.
bool drop_privileges(const ServerUser& user);

class ServerMain {
 public:
  virtual ~ServerMain() = default;
  // The server, in its own process, without privileges. Returns its exit status.
  virtual int run(ServerSockets sockets) = 0;
};

// Starts both halves and supervises until the server ends. SIGINT and SIGTERM are passed to the server once; a second
// one kills it. Returns the exit status to end with. Errors: kSystem when a half could not be started.
Result<int> supervise(const SupervisorOptions& options, ServerMain& server);

}  // namespace hearth::main
