#pragma once
// SystemRuntimeCatalog: the catalog of what this machine has: /usr/bin, /usr/local/bin, and DATA/runtimes.
//
// Every interpreter is asked once for its version, in an empty environment and with a deadline; the answers are kept in
// DATA/runtimes/interpreters.tsv by path, size and modification time, so that a start costs no process. Asking a Python
// also compiles the runtime client for it. Only interpreters below /usr count, because sandboxes see nothing else.
//
// Path: main -> here -> runtime_files.h, runtime_process.h        Tests: runtime_catalog_test.cc

#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "environment/runtime_catalog.h"
#include "environment/runtime_files.h"
#include "net/thread_pool.h"
#include "observe/log.h"

namespace hearth::environment {

struct RuntimeVersion {
  int major = 0;
  int minor = 0;
  int patch = 0;
  auto operator<=>(const RuntimeVersion&) const = default;
  std::string text() const;
};

enum class RuntimeFamily { kPython, kNodejs };

struct Interpreter {
  RuntimeFamily family = RuntimeFamily::kPython;
  RuntimeVersion version;
  std::uint32_t modules_abi = 0;  // Node.js: NODE_MODULE_VERSION
  std::string host_path;          // "/usr/bin/python3.11"
  std::string root;               // the folder to bind at /var/lang; empty: in place
};

// The rule: the exact version, else the nearest newer one, and for Python alone the nearest older one. An added
// interpreter is preferred to one of the system. nullopt: none fits.
std::optional<Interpreter> pick_interpreter(const std::vector<Interpreter>& interpreters, RuntimeFamily family,
                                            RuntimeVersion wanted);

struct CatalogFolders {
  std::string runtimes;  // DATA/runtimes
  std::vector<std::string> system_bin = {"/usr/bin", "/usr/local/bin"};
  std::string system_root = "/usr/";  // an interpreter of the system must really be below
};

// Thread: any, one at a time: a call that meets an interpreter for the first time blocks while it is asked (20-50 ms,
// on a busy machine a second), unless refresh() was awaited before: that asks on the pool. Lifetime: `log` and the pool
// outlive the catalog; the catalog outlives every refresh().
class SystemRuntimeCatalog final : public RuntimeCatalog {
 public:
  SystemRuntimeCatalog(const observe::Logger& log, RuntimeFiles files, CatalogFolders folders);

  Result<RuntimeChoice> choose(const std::string& runtime) const override;
  std::vector<RuntimeStatus> status() const override;
  net::Task<> refresh(net::Loop& loop) const override;
  // From now on refresh() works, there.
  void look_on(net::ThreadPool& pool) { pool_ = &pool; }
  // What was found, in no order.
  std::vector<Interpreter> interpreters() const;

 private:
  struct Candidate {
    RuntimeFamily family;
    std::string path;
    std::string root;
  };
  std::vector<Candidate> candidates() const;
  std::string fingerprint() const;
  // With mutex_ held.
  void scan() const;
  Result<Interpreter> ask(const Candidate& candidate) const;
  RuntimeChoice python_choice(const std::string& runtime, const Interpreter& interpreter) const;
  RuntimeChoice nodejs_choice(const std::string& runtime, int major, const Interpreter& interpreter) const;

  const observe::Logger& log_;
  RuntimeFiles files_;
  CatalogFolders folders_;
  net::ThreadPool* pool_ = nullptr;
  mutable std::mutex mutex_;
  // The result of looking at folders that have not changed since.
  mutable std::optional<std::string> scanned_;
  mutable std::vector<Interpreter> interpreters_;
};

}  // namespace hearth::environment
