#pragma once
// Sandbox: one isolated set of processes, and the descriptors through which the server sees and steers it.
//
// A SandboxFactory builds sandboxes; the one in launcher_client.h asks the privileged launcher. The child of a sandbox
// starts running at once. Its network namespace holds listening sockets that the server serves: who connects there can
// only be this sandbox.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "net/task.h"

namespace hearth::sandbox {

enum class ErrorKind {
  kRefused,      // the specification is not acceptable (path missing, bad size); the message says what
  kNoResources,  // out of memory, descriptors, pids or cgroups
  kLauncherGone,
  kFailed,  // a step failed; the message names the step and errno
};

struct BindMount {
  std::string source;       // absolute path on the host; a folder or a file
  std::string destination;  // absolute path inside; read-only, nosuid, nodev
};

struct SandboxSpec {
  std::string name;  // unique among living sandboxes: [a-zA-Z0-9_-]{1,64}
  std::vector<BindMount> mounts = {};
  std::vector<std::string> argv = {};  // argv[0] is an absolute path inside
  std::vector<std::string> env = {};   // "NAME=value"
  std::string working_directory = "/var/task";
  ByteCount memory = {};  // hard limit, tmpfs pages included
  ByteCount tmp_size = {};
  std::uint64_t tmp_inodes = 65'536;
  std::uint32_t cpu_milli = 0;      // thousandths of a CPU; 0: no quota
  std::uint32_t pids = 1024;        // processes and threads, as AWS
  std::uint32_t open_files = 1024;  // RLIMIT_NOFILE, as AWS
};

// How a sandbox's first process ended.
struct Exit {
  int code = 0;  // exit status if `signal` is 0
  int signal = 0;
  bool oom_killed = false;   // its memory limit killed a process in it
  bool host_failed = false;  // the platform took it away: nothing that it did itself
};

// Sockets made inside the sandbox's network namespace, all bound to 127.0.0.1 there, listening (stream) or bound (dns).
struct SandboxListeners {
  UniqueFd runtime_api;  // tcp 9001
  UniqueFd http;         // tcp 80
  UniqueFd https;        // tcp 443
  UniqueFd dns_udp;      // udp 53
  UniqueFd dns_tcp;      // tcp 53
};

// Destroying a Sandbox kills it and lets its cgroups, mounts and namespaces go.
// Thread: its factory's loop. What steers it through descriptors of its own (freeze, thaw, limit_cpu and the memory
// figures) may instead be called from one other thread (distant_sandboxes.h).
class Sandbox {
 public:
  virtual ~Sandbox() = default;

  // Given once; empty descriptors afterwards.
  virtual SandboxListeners take_listeners() = 0;
  virtual UniqueFd take_stdout() = 0;  // read ends, non-blocking
  virtual UniqueFd take_stderr() = 0;
  // What the first process writes to descriptor 3 (framed log messages of runtime clients, _LAMBDA_TELEMETRY_LOG_FD).
  virtual UniqueFd take_log_pipe() = 0;

  // SIGKILL to everything inside. Idempotent; the exit still arrives.
  virtual void kill() = 0;
  // SIGTERM to the first process.
  virtual void terminate() = 0;
  // Stops and resumes every process inside. Idempotent.
  virtual Status freeze() = 0;
  virtual Status thaw() = 0;

  // Changes the processor quota of a sandbox that was created with one of at least 50 thousandths; ignored where the
  // machine has no quotas. What runs already keeps running.
  virtual Status limit_cpu(std::uint32_t milli) {
    (void)milli;
    return {};
  }
  // Memory in use now, without page cache and tmpfs: what counts against what the function was promised.
  virtual ByteCount memory_in_use() { return peak_memory(); }
  // Peak memory since the last reset_peak_memory(), without page cache and tmpfs where the kernel can tell.
  virtual ByteCount peak_memory() = 0;
  virtual void reset_peak_memory() = 0;
  // Called once on the loop when the first process ended and the rest was killed. Set before the next suspension
  // after creation; never called inside the setter.
  virtual void on_exit(std::move_only_function<void(Exit)> callback) = 0;
};

class SandboxFactory {
 public:
  virtual ~SandboxFactory() = default;
  virtual net::Task<Result<std::unique_ptr<Sandbox>>> create(SandboxSpec spec) = 0;
  // What isolation is in force, for people: tier "namespace" and the mechanisms in use.
  struct Tier {
    std::string name;
    std::vector<std::string> mechanisms;
    std::vector<std::string> warnings;
  };
  virtual Tier tier() const = 0;
};

}  // namespace hearth::sandbox
