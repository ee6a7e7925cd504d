#pragma once
// TrustBundle: the file of trusted CAs inside sandboxes: the system's own, and Hearth's.
//
// It replaces /etc/ssl/certs/ca-certificates.crt there. When the system's bundle changes (an update, a company CA), the
// next path() writes ours anew; environments that started before keep the one they were given.
//
// Tests: trust_bundle_test.cc

#include <sys/stat.h>

#include <chrono>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "observe/log.h"

namespace hearth::gateway {

class TrustBundle {
 public:
  // Writes `folder`/ca-certificates.crt from the first of `system_bundles` that exists and `certificate_pem`.
  // `clock` and `log` outlive the bundle. Errors: storage::ErrorKind.
  static Result<TrustBundle> open(const std::string& folder, std::string certificate_pem,
                                  std::vector<std::string> system_bundles, const Clock& clock,
                                  const observe::Logger& log);

  // Where the file is. Looks for a changed system bundle at most every ten seconds; a rewrite that fails is logged and
  // the former file stays in force.
  const std::string& path();

 private:
  struct Stamp {
    std::string source;  // empty: the system has no bundle
    std::int64_t changed_ns = 0;
    std::int64_t size = 0;
    bool operator==(const Stamp&) const = default;
  };

  TrustBundle(std::string path, std::string certificate_pem, std::vector<std::string> system_bundles,
              const Clock& clock, const observe::Logger& log);
  Stamp look() const;
  Status write(const Stamp& stamp);

  std::string path_;
  std::string certificate_pem_;
  std::vector<std::string> system_bundles_;
  const Clock* clock_;
  const observe::Logger* log_;
  Stamp written_;
  SteadyTime looked_at_;
};

// Debian, Fedora, Alpine and others, in this order.
std::vector<std::string> system_trust_bundles();

}  // namespace hearth::gateway
