#pragma once
// RuntimeCatalog: from AWS's runtime names to the interpreters of this machine.
//
// A name maps to the exact version if it is here, else to a newer minor version of the family, and for Python alone to
// an older one. The mapping in force is part of the choice, so that the function's log, the health page and the
// Hearth-Warning header can say it. Interpreters come from the system and from `hearth runtime add`.
//
// Path: pool.cc, services/lambda/ -> here -> runtime_catalog_system.h        Tests: runtime_catalog_test.cc

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "functions/native_modules.h"
#include "net/loop.h"
#include "net/task.h"
#include "sandbox/sandbox.h"

namespace hearth::environment {

enum class RuntimeError {
  kNotInstalled,       // the message is one sentence that says how to get it
  kUnknown,            // no such runtime name
  kInvalidEntrypoint,  // provided*: the package and layers have no bootstrap that can run; the message is AWS's
};

// How to start a runtime: added to the sandbox of every environment that uses it.
struct RuntimeChoice {
  std::string name;               // "python3.12"
  std::vector<std::string> argv;  // {"/usr/bin/python3.11", ..., "/var/runtime/bootstrap.py"}; see command_line()
  std::vector<std::string> env;   // further variables of the runtime: AWS_EXECUTION_ENV, NODE_PATH, ...
  std::vector<sandbox::BindMount> mounts;  // /var/runtime, /var/lang
  functions::RuntimeAbi abi;
  std::string interpreter_version;  // "3.11.2"
  std::string note;                 // "python3.12 runs on Python 3.11.2 (/usr/bin/python3)"; empty: exact
};

// The command that starts `choice` in an environment of `memory_mib`, whose package is unpacked at `code_tree` and
// whose layers (or "") at `opt_tree` on this host. Node.js is told its heap size, since it cannot see its limit;
// provided* starts /var/task/bootstrap, else /opt/bootstrap. Errors: kInvalidEntrypoint.
Result<std::vector<std::string>> command_line(const RuntimeChoice& choice, std::uint32_t memory_mib,
                                              const std::string& code_tree, const std::string& opt_tree);

struct RuntimeStatus {
  std::string name;
  bool available = false;
  std::string note;  // the mapping, or how to install it
};

class RuntimeCatalog {
 public:
  virtual ~RuntimeCatalog() = default;
  // Errors: kNotInstalled (message says the command that installs it), kUnknown.
  virtual Result<RuntimeChoice> choose(const std::string& runtime) const = 0;
  virtual std::vector<RuntimeStatus> status() const = 0;
  // Learns what changed on the machine, off the caller's `loop`; calls of the others right after it do not block.
  virtual net::Task<> refresh(net::Loop& loop) const {
    (void)loop;
    co_return;
  }
};

}  // namespace hearth::environment
