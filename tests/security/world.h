#pragma once
// World: what there is outside for an attempt to reach, made so that nothing of the real machine is at stake.
//
// The test's process (and with it the launcher) gets network, IPC and host name namespaces of its own, in which the
// metadata address and a host address exist, a port listens, and shared memory and a message queue are open to all.

#include <sys/types.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "harness.h"

namespace hearth::security {

// What came of each attempt, by its name: "held", "broke: how" or "ended: how".
using Outcomes = std::map<std::string, std::string>;

class World {
 public:
  // `left_out`: barriers that the launcher leaves out.
  explicit World(const std::string& left_out);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // Every attempt, together and alone, and those from outside (outside_attempts.h).
  Outcomes run_all();

  Harness& harness() { return *harness_; }
  // A sandbox that runs these attempts, by name, or "together".
  sandbox::SandboxSpec spec(const std::vector<std::string>& attempts);
  // A folder with code to mount, files of the host beside it.
  std::string code_folder() const { return harness_->source_folder() + "/code"; }

 private:
  void make_files() const;
  void listen();
  pid_t host_process();
  std::unique_ptr<Inside> start_neighbour();

  std::unique_ptr<Harness> harness_;
  std::vector<UniqueFd> open_;
  std::vector<std::string> told_;
  int shared_memory_ = -1;
  pid_t stand_in_ = -1;
};

// Namespaces of our own, once for the process, before it has threads. True if they could be had.
bool enter_test_namespaces();

// The names of the attempts of the guest program, those for a sandbox of their own in `alone`.
struct AttemptNames {
  std::vector<std::string> together, alone;
};
AttemptNames list_attempts();

}  // namespace hearth::security
