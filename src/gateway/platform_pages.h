#pragma once
// PlatformPages: what Hearth answers about itself below /_hearth/: health, metrics, reset, downloads of code.
//
//   GET  /_hearth/health        JSON: what is up, the isolation in force, runtimes found, warnings
//   GET  /_hearth/metrics       counters and histograms, for Prometheus; with keys in force for this machine only
//   POST /_hearth/reset         empties everything; auth "open" only, with the header X-Hearth-Reset: yes
//   GET  /_hearth/code/...      a presigned download (code_download.h)
//
// Path: gateway.cc -> here        Tests: platform_pages_test.cc

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "gateway/code_download.h"
#include "gateway/guard.h"
#include "net/http.h"
#include "net/task.h"
#include "observe/metrics_text.h"

namespace hearth::gateway {

struct RuntimeHealth {
  std::string name;
  bool available = false;
  std::string note;  // the mapping in force, or how to install it
};

struct HealthReport {
  std::string isolation_tier;                // "namespace"
  std::vector<std::string> isolation_parts;  // mechanisms in force: "cgroup v2", "seccomp", ...
  std::vector<RuntimeHealth> runtimes;
  std::vector<std::string> warnings;           // sentences for the operator
  std::optional<std::string> storage_trouble;  // Store::trouble()
  std::uint64_t functions = 0;
  std::uint64_t environments = 0;
};

// Implemented in main, where everything is known. Thread: the loop's.
class HealthSource {
 public:
  virtual ~HealthSource() = default;
  // Before health(): learns what takes long to learn.
  virtual net::Task<> look() { co_return; }
  virtual HealthReport health() const = 0;
  virtual net::Task<> describe(observe::MetricsText& metrics) = 0;
};

// Empties everything. Implemented in main.
class Resetter {
 public:
  virtual ~Resetter() = default;
  // Ends when nothing is left and the disk says so.
  virtual net::Task<Status> reset() = 0;
};

// Thread: the loop's. Lifetime: all references outlive it.
class PlatformPages {
 public:
  PlatformPages(AuthMode mode, std::string version, HealthSource& health, Resetter& resetter, CodeDownload& downloads,
                const Clock& clock);

  static bool is_platform_path(std::string_view path) { return path == "/_hearth" || path.starts_with("/_hearth/"); }
  // `request` is one that the guard let through.
  net::Task<net::HttpReply> serve(net::HttpRequest request);

 private:
  net::HttpReply health(const net::HttpRequest& request) const;
  net::Task<net::HttpReply> metrics(net::HttpRequest request);
  // With keys in force, strangers learn no more than that the server is up.
  bool is_stranger(const net::HttpRequest& request) const;
  net::Task<net::HttpReply> reset(net::HttpRequest request);

  AuthMode mode_;
  std::string version_;
  HealthSource& health_;
  Resetter& resetter_;
  CodeDownload& downloads_;
  const Clock& clock_;
  SteadyTime started_;
};

// {"message": `sentence`} with `status`.
net::HttpReply sentence_reply(int status, std::string_view sentence);

}  // namespace hearth::gateway
