#pragma once
// DistantParts: what environments of a further loop are built from.
//
// Sandboxes, code, logs and the AWS endpoint belong to the control loop. For environments of that loop they are used as
// they are; for those of another one these stand in, which hand over what is asked and bring back the answer. What
// crosses is one message per step of a start, and one batch of log lines per turn.
//
// Path: invocation/data_plane.cc -> here -> the parts themselves, on their loop        Tests: distant_parts_test.cc

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "environment/environment.h"
#include "net/alarm.h"
#include "sandbox/distant_sandboxes.h"

namespace hearth::environment {

// Thread: `here`'s; the source belongs to `there`.
class DistantCode final : public CodeSource {
 public:
  DistantCode(net::Loop& here, net::Loop& there, CodeSource& code) : here_(here), there_(there), code_(code) {}
  net::Task<Result<std::string>> tree(functions::CodePackage code) override;
  net::Task<Result<std::string>> layers(std::vector<functions::CodePackage> packages) override;

 private:
  net::Loop& here_;
  net::Loop& there_;
  CodeSource& code_;
};

// Thread: `here`'s; the sink belongs to `there`. Lines arrive in the order they were appended.
class DistantLogs final : public LogSink {
 public:
  // So much may be on its way; what comes on top is dropped, with a warning, since the reader cannot follow.
  static constexpr std::size_t kMostOnTheWay = std::size_t{64} * 1024 * 1024;

  DistantLogs(net::Loop& here, net::Loop& there, LogSink& sink, const observe::Logger& log)
      : here_(here), there_(there), sink_(sink), log_(log) {}

  void append(const std::string& account, const std::string& region, const std::string& group,
              const std::string& stream, std::vector<LogLine> lines) override;
  // Hands over what a turn gathered. Happens by itself after each; call it once more when no turn will follow.
  void flush();

 private:
  struct Batch {
    std::string account;
    std::string region;
    std::string group;
    std::string stream;
    std::vector<LogLine> lines;
  };

  net::Loop& here_;
  net::Loop& there_;
  LogSink& sink_;
  const observe::Logger& log_;
  std::vector<Batch> gathered_;
  std::size_t gathered_bytes_ = 0;
  // Shared with batches on their way, which may arrive when this is gone.
  std::shared_ptr<std::atomic<std::size_t>> on_the_way_ = std::make_shared<std::atomic<std::size_t>>(0);
};

// Thread: built anywhere before `here` runs, then `here`'s.
// Lifetime: everything it is built with outlives it, and `there.loop` runs until the last environment is gone.
class DistantParts {
 public:
  // `there`: the parts on their own loop. `doors` belongs to `here`.
  DistantParts(net::Loop& here, const EnvironmentParts& there, Doors& doors);

  EnvironmentParts parts();
  DistantLogs& logs() { return logs_; }

 private:
  net::Loop& here_;
  const EnvironmentParts there_;
  Doors& doors_;
  net::FairTurns turns_;
  net::LoopAlarms alarms_;
  sandbox::DistantSandboxes sandboxes_;
  DistantCode code_;
  DistantLogs logs_;
};

}  // namespace hearth::environment
