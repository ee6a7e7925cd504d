#pragma once
// Client: somebody who uses the server over its socket: creates, changes, removes and invokes functions, and remembers
// what was promised.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "http_peer.h"
#include "ledger.h"
#include "model.h"
#include "net/loop.h"
#include "random.h"
#include "trace.h"

namespace hearth::simulation {

// What clients share. Outlives them.
struct Town {
  net::Loop& loop;
  Trace& trace;
  Ledger& ledger;
  Model& model;
  std::string address;
  std::uint64_t steps_left = 0;
  bool is_closing = false;  // the server stops: requests may end unanswered
  std::uint64_t next_word = 1;

  std::string word(std::string_view kind) { return std::string(kind) + std::to_string(next_word++); }
};

enum class Manners : std::uint8_t {
  kGood,  // sends at once, waits for the answer
  kBad,   // is slow, goes away, comes back
};

// Thread: the loop's. Outlives its tasks. It alone changes `functions`, `role` and `log_group`; it invokes any of
// `all_functions`.
class Client {
 public:
  struct Belongings {
    std::vector<std::string> functions;
    std::string role;
    std::string log_group;
    std::vector<std::string> all_functions;
  };
  Client(Town& town, std::string name, Belongings belongings, Random random, Manners manners);

  // Does one thing after the other while the town has steps left.
  net::Task<> live();
  // Looks whether everything that was promised is there; then that every function runs.
  net::Task<> check_promises();
  net::Task<> check_functions_run();

 private:
  struct Request {
    std::string method;
    std::string path;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
  };
  // Nothing if no answer came.
  net::Task<std::optional<HttpAnswer>> ask(Request request);
  net::Task<std::optional<HttpAnswer>> ask_once(Request request);
  // Sends a request that makes `change` happen to `known`, and draws the conclusions. `expected` answers say that it
  // did; `excuses` (4xx) that it did not.
  net::Task<> attempt(std::string what, Known& known, Known::Change change, Request request);

  net::Task<> change_function(std::string name);
  net::Task<> create_function(std::string name);
  net::Task<> update_configuration(std::string name);
  net::Task<> update_code(std::string name);
  net::Task<> delete_function(std::string name);
  net::Task<> read_function(std::string name);
  net::Task<> check_package(std::string location, std::string hash);
  net::Task<> change_role();
  net::Task<> read_role();
  net::Task<> write_log();
  net::Task<> invoke(std::string function, Doing doing, bool is_event);
  net::Task<> ask_something_else();
  Doing something_to_do();
  std::string zip_of(const std::string& word);
  void note(std::string_view what) { town_.trace.note(name_, what); }
  void violation(std::string what) { town_.trace.violation(name_ + ": " + std::move(what)); }
  SteadyTime now() const { return town_.loop.clock().steady_now(); }

  Town& town_;
  const std::string name_;
  const Belongings belongings_;
  Random random_;
  Manners manners_;
  std::optional<HttpPeer> connection_;
};

}  // namespace hearth::simulation
