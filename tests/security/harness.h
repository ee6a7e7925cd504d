#pragma once
// Harness: a real launcher, a real client, and sandboxes to look into, for tests that need root.
//
// The loop runs on a thread of its own; the test's thread asks it to do things and waits, always with a deadline.

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "net/loop.h"
#include "observe/log.h"
#include "sandbox/launcher_client.h"
#include "sandbox/sandbox.h"

namespace hearth::security {

// How long something may take that should be quick: 20 s, and HEARTH_TIMEOUT_FACTOR times that on a slow machine.
std::chrono::milliseconds patience();

// Why these tests cannot run here; empty if they can.
std::string reason_to_skip();
// Which isolation is tested: "namespace", "user" or "landlock", by the environment variable HEARTH_TIER.
std::string tier_under_test();
// Who the launcher is in tiers other than the namespace tier, when the test is root: a user of nobody's.
constexpr uid_t kOrdinaryUser = 61'300;
// Makes everything below `folder` that user's, in those tiers: files of the server are files of its user.
void give_to_launcher(const std::string& folder);
// Becomes that user for good, in those tiers, in a forked child.
void become_ordinary();

// One sandbox of a test. Destroying it kills the sandbox.
// Thread: the test's.
class Inside {
 public:
  Inside(net::Loop& loop, std::unique_ptr<sandbox::Sandbox> sandbox);
  ~Inside();
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

  // Everything written to the pipe until all writers have closed it.
  std::string read_stdout() { return read_all(stdout_); }
  std::string read_stderr() { return read_all(stderr_); }
  std::string read_log_pipe() { return read_all(log_pipe_); }
  // The next line of standard output, without its newline. Nothing at end of file or when it takes too long.
  std::optional<std::string> read_line();
  std::optional<sandbox::Exit> wait_exit(std::chrono::milliseconds limit = patience());

  // Runs `work` with the sandbox on the loop's thread.
  template <class Work>
  auto with_sandbox(Work work) -> std::invoke_result_t<Work, sandbox::Sandbox&> {
    using T = std::invoke_result_t<Work, sandbox::Sandbox&>;
    std::promise<T> done;
    loop_.post([&] {
      if constexpr (std::is_void_v<T>) {
        work(*sandbox_);
        done.set_value();
      } else {
        done.set_value(work(*sandbox_));
      }
    });
    return done.get_future().get();
  }
  // Blocking accept on a listener of the sandbox; its descriptors are taken once, at construction.
  const sandbox::SandboxListeners& listeners() const { return listeners_; }

 private:
  static std::string read_all(const UniqueFd& pipe);

  net::Loop& loop_;
  std::unique_ptr<sandbox::Sandbox> sandbox_;
  sandbox::SandboxListeners listeners_;
  UniqueFd stdout_, stderr_, log_pipe_;
  std::string line_buffer_;
  std::shared_ptr<std::promise<sandbox::Exit>> exited_ = std::make_shared<std::promise<sandbox::Exit>>();
  std::future<sandbox::Exit> exit_ = exited_->get_future();
};

// Thread: the test's. Sandboxes end before it.
class Harness {
 public:
  // `left_out`: names of barriers (mutants/left_out.h); any, and the launcher is the mutant one.
  explicit Harness(const std::string& left_out = {});
  ~Harness();
  Harness(const Harness&) = delete;
  Harness& operator=(const Harness&) = delete;

  // Small memory, the attack program mounted at /var/task, `arguments` for it.
  sandbox::SandboxSpec spec(std::vector<std::string> arguments);
  Result<std::unique_ptr<sandbox::Sandbox>> create(sandbox::SandboxSpec spec);
  // create() that must succeed.
  std::unique_ptr<Inside> start(sandbox::SandboxSpec spec);
  std::unique_ptr<Inside> start(std::vector<std::string> arguments) { return start(spec(std::move(arguments))); }

  sandbox::LauncherClient& client() { return *client_; }
  net::Loop& loop() { return loop_; }
  pid_t launcher_pid() const { return launcher_pid_; }
  const std::string& prefix() const { return prefix_; }
  const std::string& left_out() const { return left_out_; }
  const std::string& source_folder() const { return folder_; }  // one of the launcher's source roots, of this test
  // Kills the launcher (SIGKILL), waits for its end and connects to another.
  void replace_launcher();
  void kill_launcher();
  // Starts a launcher and returns the server's end of its socket.
  static UniqueFd launch(const std::string& prefix, const std::string& source_folder, pid_t& pid,
                         const std::string& left_out = {});
  // Paths of cgroup directories of this harness's launcher, or of the one with `prefix`, that exist now.
  std::vector<std::string> cgroup_directories() const { return cgroup_directories(prefix_); }
  static std::vector<std::string> cgroup_directories(const std::string& prefix);

 private:
  std::string left_out_;
  std::string prefix_;
  std::string folder_;
  pid_t launcher_pid_ = -1;
  SystemClock clock_;
  net::Loop loop_{clock_};
  observe::Logger log_;
  std::unique_ptr<sandbox::LauncherClient> client_;
  std::thread thread_;
  int next_name_ = 0;
};

}  // namespace hearth::security
