#pragma once
// CertificateAuthority: Hearth's own CA, which lets unmodified AWS clients inside a sandbox talk TLS to Hearth.
//
// Made once per data folder: an ECDSA P-256 key (file mode 0600) and a certificate that can vouch for AWS's names only
// (critical name constraints: amazonaws.com, amazonaws.com.cn, api.aws; no address), so that even its theft says
// nothing about other sites. It is trusted inside sandboxes alone. Certificates for single names are minted when a
// client asks for them by SNI; net::TlsContext keeps them.
//
// Path: gateway/function_endpoint.cc -> net/tls.h -> here        Tests: certificate_authority_test.cc

#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "net/tls.h"
#include "storage/file_system.h"

namespace hearth::gateway {

enum class CertificateError {
  kForeignName,  // not a name this CA may vouch for
  kBroken,       // the stored key or certificate cannot be read; the message has the path
};

class CertificateAuthority final : public net::TlsIdentitySource {
 public:
  // Reads ca-key.pem and ca.pem in `folder`, making the folder (0700) and both when they are missing, or anew when the
  // certificate has under a year left. `clock` outlives the CA. Errors: CertificateError::kBroken, storage::ErrorKind.
  static Result<std::unique_ptr<CertificateAuthority>> open(const std::string& folder, const Clock& clock,
                                                            const storage::FileSystem& files = storage::FileSystem());
  ~CertificateAuthority() override;

  // A certificate for exactly this name, signed by the CA, with a key shared by all names of this process. An empty
  // name (a client without SNI) gets one for amazonaws.com. Errors: kForeignName.
  Result<net::TlsIdentity> identity_for(std::string_view server_name) override;

  const std::string& certificate_pem() const;

 private:
  struct Impl;
  explicit CertificateAuthority(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hearth::gateway
