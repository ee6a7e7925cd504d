#pragma once
// TlsContext::Impl: the OpenSSL context behind a TlsContext. Internal to net/.

#include <openssl/ssl.h>

#include <boost/asio/ssl/context.hpp>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "net/tls.h"

namespace hearth::net {

struct X509Deleter {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
struct KeyDeleter {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct ChainDeleter {
  void operator()(STACK_OF(X509) * chain) const { sk_X509_pop_free(chain, X509_free); }
};

// A TlsIdentity as OpenSSL holds it.
struct ParsedIdentity {
  std::unique_ptr<X509, X509Deleter> certificate;
  std::unique_ptr<EVP_PKEY, KeyDeleter> key;
  std::unique_ptr<STACK_OF(X509), ChainDeleter> chain;
};
Result<ParsedIdentity> parse_identity(const TlsIdentity& identity);

struct TlsContext::Impl {
  explicit Impl(TlsIdentitySource& the_source) : source(the_source) {}

  // Made when the first connection needs it.
  boost::asio::ssl::context& context();
  // From the cache or the source; nullptr if there is none for this name, and then `failure` says why.
  const ParsedIdentity* identity_for(std::string_view server_name);

  TlsIdentitySource& source;
  std::optional<Error> failure;  // of the handshake under way; whoever reports it takes it
  std::optional<boost::asio::ssl::context> made;
  struct Cached {
    std::string name;
    ParsedIdentity identity;
  };
  std::list<Cached> newest_first;
  std::unordered_map<std::string, std::list<Cached>::iterator> by_name;
};

}  // namespace hearth::net
