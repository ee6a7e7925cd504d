#pragma once
// Supervisor: the parent of the server and the launcher.
//
// `hearth serve` becomes three processes: this one, which does nothing but start, watch and restart; the launcher,
// which builds sandboxes; and the server, which drops every privilege before it opens a socket. Started as root, this
// one and the launcher of the namespace tier keep root; launchers of the other tiers need none and run as the server's
// user. When the launcher dies a new one is started and its socket handed to the server. When the server dies, both
// are started anew, after a pause that doubles with every death; the sockets it listened on are kept for it, so that
// clients who come meanwhile wait instead of being refused. Who dies too often is given up. When the server ends by
// itself, so do the others. Forking happens here only: this process never has a second thread.
//
// Path: main/serve_command.cc -> here -> main/server.cc        Tests: tests/e2e/test_processes.py, tests/crash/

#include <sys/types.h>

#include <cstdint>
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

// Root looks up `name`; empty: "hearth" if there is such a user, else "nobody". Anybody else is himself: another `name`
// is refused. Errors: kNoUser.
Result<ServerUser> find_server_user(const std::string& name);

// What the server half gets. Both sockets are AF_UNIX SOCK_SEQPACKET, close-on-exec.
struct ServerSockets {
  UniqueFd launcher;  // speaks the launcher's protocol
  // Received: the socket of a new launcher; end of file: shut down. Sent: the sockets the server listens on, once it is
  // ready. control_socket.h.
  UniqueFd control;
  std::vector<UniqueFd> listeners = {};  // those of the server before, in its order; empty: there was none
};

struct SupervisorOptions {
  std::string launcher_path;                    // the hearth-launcher binary
  std::vector<std::string> launcher_arguments;  // besides --socket-fd
  enum class Launcher : std::uint8_t { kAsStarted, kAsUser } launcher = Launcher::kAsStarted;
  ServerUser user;
};

// In a forked child: becomes `hearth-launcher` with its arguments and `further` ones, as the options say, or ends with
// status 126 or 127. `parent`: whose death ends it.
[[noreturn]] void become_launcher(const SupervisorOptions& options, const std::vector<std::string>& further,
                                  pid_t parent);

// Gives up every privilege of the calling process for good: becomes `user`, without capabilities, and can gain none.
// Who is not root is that user already.
// False, with errno set, if a step failed: the process must end then.
bool drop_privileges(const ServerUser& user);

class ServerMain {
 public:
  virtual ~ServerMain() = default;
  // The server, in its own process, without privileges. Returns its exit status.
  virtual int run(ServerSockets sockets) = 0;
};

// Starts both halves and supervises until the server ends or is given up. SIGINT and SIGTERM are passed to the server
// once; a second one kills it. Returns the exit status to end with. Errors: kSystem when a half could not be started.
Result<int> supervise(const SupervisorOptions& options, ServerMain& server);

}  // namespace hearth::main
