#pragma once
// HttpPeer: the other end of a connection to the server: a client, or a runtime inside a sandbox.
//
// It writes what it is given, in pieces and with pauses if it is to be slow, and reads whole answers. It judges what it
// reads: an answer that is not HTTP, or bytes that nobody asked for, are the server's fault.

#include <chrono>
#include <optional>
#include <string>

#include "base/unique_fd.h"
#include "net/fd_watch.h"
#include "net/loop.h"
#include "random.h"

namespace hearth::simulation {

struct HttpAnswer {
  int status = 0;
  std::string head;  // lower case
  std::string body;

  // The value of header `name` (lower case), or "".
  std::string header(const std::string& name) const;
};

// Thread: the loop's. Outlives its own tasks.
class HttpPeer {
 public:
  HttpPeer(net::Loop& loop, UniqueFd socket);

  // False if the server has closed.
  net::Task<bool> send(std::string bytes, SteadyTime deadline);
  // The same in up to `pieces`, waiting up to `pause` between them.
  net::Task<bool> send_slowly(std::string bytes, int pieces, std::chrono::milliseconds pause, Random& random);
  // Nothing if the server closed or `deadline` passed; is_broken() if what came is not an answer.
  net::Task<std::optional<HttpAnswer>> receive(SteadyTime deadline);

  bool is_broken() const { return broken_; }
  // What has arrived and was not asked for.
  std::size_t stray_bytes();
  void close();

 private:
  enum class Taken : std::uint8_t { kNothing, kBytes, kEnd };
  Taken take();
  std::optional<HttpAnswer> parse();

  net::Loop& loop_;
  UniqueFd socket_;
  std::optional<net::FdWatch> watch_;
  std::string input_;
  bool broken_ = false;
};

// A socket bound to a name of the kernel's choice, listening; and a connection to it.
struct UnixListener {
  UniqueFd socket;
  std::string name;
};
UnixListener listen_on_unix();
UniqueFd connect_to_unix(const std::string& name);

}  // namespace hearth::simulation
