#include "gateway/trust_bundle.h"

#include <utility>

#include "storage/file_system.h"

namespace hearth::gateway {
namespace {

constexpr std::chrono::seconds kLookInterval{10};

}  // namespace

std::vector<std::string> system_trust_bundles() {
  return {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
          "/etc/ssl/cert.pem"};
}

TrustBundle::TrustBundle(std::string path, std::string certificate_pem, std::vector<std::string> system_bundles,
                         const Clock& clock, const observe::Logger& log)
    : path_(std::move(path)),
      certificate_pem_(std::move(certificate_pem)),
      system_bundles_(std::move(system_bundles)),
      clock_(&clock),
      log_(&log),
      looked_at_(clock.steady_now()) {}

Result<TrustBundle> TrustBundle::open(const std::string& folder, std::string certificate_pem,
                                      std::vector<std::string> system_bundles, const Clock& clock,
                                      const observe::Logger& log) {
  TrustBundle bundle(folder + "/ca-certificates.crt", std::move(certificate_pem), std::move(system_bundles), clock,
                     log);
  TRY_STATUS(bundle.write(bundle.look()));
  return bundle;
}

TrustBundle::Stamp TrustBundle::look() const {
  for (const std::string& candidate : system_bundles_) {
    struct stat status{};
    if (::stat(candidate.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    return {.source = candidate,
            .changed_ns = status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec,
            .size = status.st_size};
  }
  return {};
}

Status TrustBundle::write(const Stamp& stamp) {
  const storage::FileSystem files;
  std::string bytes;
  if (!stamp.source.empty()) {
    TRY(bytes, files.read(stamp.source));
    if (!bytes.empty() && !bytes.ends_with('\n')) bytes += '\n';
  }
  // Not synced: every start writes it anew before anything reads it.
  TRY_STATUS(files.replace(path_, bytes + certificate_pem_, 0644, std::nullopt));
  written_ = stamp;
  return {};
}

const std::string& TrustBundle::path() {
  const SteadyTime now = clock_->steady_now();
  if (now - looked_at_ < kLookInterval) return path_;
  looked_at_ = now;
  const Stamp stamp = look();
  if (stamp == written_) return path_;
  if (const Status written = write(stamp); !written) {
    log_->warn("the trust bundle of sandboxes could not be rewritten", {{"error", written.error().message()}});
  } else {
    log_->info("the system's trusted CAs changed; sandboxes get the new ones", {{"bundle", path_}});
  }
  return path_;
}

}  // namespace hearth::gateway
