#pragma once
// TlsContext: server-side TLS whose certificate is chosen per connection by the name the client asked for (SNI).

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hearth::net {

struct TlsIdentity {
  std::string certificate_pem;  // leaf first, then its chain
  std::string private_key_pem;
};

// Gives the identity for a server name (empty when the client sent none). Thread: the loop's.
class TlsIdentitySource {
 public:
  virtual ~TlsIdentitySource() = default;
  virtual Result<TlsIdentity> identity_for(std::string_view server_name) = 0;
};

enum class TlsError { kBadCertificate, kBadKey };

// TLS 1.2 and 1.3, ALPN http/1.1. A name without an identity, or with one that does not parse, fails its handshake.
class TlsContext {
 public:
  // `source` outlives the context. Names reach it in lower case. Parsed identities are cached per name (1,024 at most,
  // the one unused for longest dropped).
  explicit TlsContext(TlsIdentitySource& source);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace hearth::net
