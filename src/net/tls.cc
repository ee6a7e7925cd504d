#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>
#include <utility>

#include "net/tls_impl.h"

namespace hearth::net {
namespace {

constexpr std::size_t kCachedNames = 1024;
constexpr std::size_t kMaxName = 255;
constexpr unsigned char kHttp11[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

struct BioDeleter {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using BioPtr = std::unique_ptr<BIO, BioDeleter>;

BioPtr bio_over(const std::string& text) { return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))); }

// No passphrase is ever asked for on a terminal.
int no_passphrase(char*, int, int, void*) { return 0; }

// OpenSSL's answer to a failed call, and its error queue empty again.
std::string take_openssl_error() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  std::string text(256, '\0');
  ERR_error_string_n(code, text.data(), text.size());
  text.resize(text.find('\0'));
  return text;
}

std::string lower_case(std::string_view name) {
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return lower;
}

// Called in each handshake once the client's name is known. 1: go on; 0: the handshake fails.
int choose_certificate(SSL* ssl, void* argument) {
  auto& impl = *static_cast<TlsContext::Impl*>(argument);
  const char* const asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  const ParsedIdentity* const identity =
      impl.identity_for(asked == nullptr ? std::string_view() : std::string_view(asked));
  if (identity == nullptr) return 0;
  constexpr int kOverride = 1;
  return SSL_use_cert_and_key(ssl, identity->certificate.get(), identity->key.get(), identity->chain.get(), kOverride);
}

int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* chosen_size, const unsigned char* offered,
                    unsigned int offered_size, void*) {
  unsigned char* selected = nullptr;
  const int outcome = SSL_select_next_proto(&selected, chosen_size, kHttp11, sizeof(kHttp11), offered, offered_size);
  *chosen = selected;
  return outcome == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

}  // namespace

Result<ParsedIdentity> parse_identity(const TlsIdentity& identity) {
  ParsedIdentity parsed;
  const BioPtr certificates = bio_over(identity.certificate_pem);
  parsed.certificate.reset(PEM_read_bio_X509(certificates.get(), nullptr, no_passphrase, nullptr));
  if (!parsed.certificate) return fail(TlsError::kBadCertificate, "certificate: " + take_openssl_error());
  parsed.chain.reset(sk_X509_new_null());
  while (X509* const issuer = PEM_read_bio_X509(certificates.get(), nullptr, no_passphrase, nullptr)) {
    sk_X509_push(parsed.chain.get(), issuer);
  }
  const bool read_to_the_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  const std::string chain_error = take_openssl_error();
  if (!read_to_the_end) return fail(TlsError::kBadCertificate, "certificate chain: " + chain_error);
  const BioPtr key = bio_over(identity.private_key_pem);
  parsed.key.reset(PEM_read_bio_PrivateKey(key.get(), nullptr, no_passphrase, nullptr));
  if (!parsed.key) return fail(TlsError::kBadKey, "private key: " + take_openssl_error());
  if (X509_check_private_key(parsed.certificate.get(), parsed.key.get()) != 1) {
    return fail(TlsError::kBadKey, "the private key is not the certificate's: " + take_openssl_error());
  }
  return parsed;
}

boost::asio::ssl::context& TlsContext::Impl::context() {
  if (made) return *made;
  made.emplace(boost::asio::ssl::context::tls_server);
  SSL_CTX* const native = made->native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
  constexpr unsigned char kSessionContext[] = "hearth";
  SSL_CTX_set_session_id_context(native, kSessionContext, sizeof(kSessionContext) - 1);
  SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);  // tickets need no memory here
  SSL_CTX_set_num_tickets(native, 1);
  SSL_CTX_set_cert_cb(native, choose_certificate, this);
  SSL_CTX_set_alpn_select_cb(native, choose_protocol, nullptr);
  return *made;
}

const ParsedIdentity* TlsContext::Impl::identity_for(std::string_view server_name) {
  if (server_name.size() > kMaxName) return nullptr;
  std::string name = lower_case(server_name);
  if (const auto found = by_name.find(name); found != by_name.end()) {
    newest_first.splice(newest_first.begin(), newest_first, found->second);
    return &found->second->identity;
  }
  const auto refuse = [this](const Error& error) {
    failure = error;
    return nullptr;
  };
  const Result<TlsIdentity> identity = source.identity_for(name);
  if (!identity) return refuse(identity.error());
  Result<ParsedIdentity> parsed = parse_identity(*identity);
  if (!parsed) return refuse(parsed.error());
  newest_first.push_front({name, std::move(*parsed)});
  by_name[std::move(name)] = newest_first.begin();
  if (newest_first.size() > kCachedNames) {
    by_name.erase(newest_first.back().name);
    newest_first.pop_back();
  }
  return &newest_first.front().identity;
}

TlsContext::TlsContext(TlsIdentitySource& source) : impl_(std::make_unique<Impl>(source)) {}
TlsContext::~TlsContext() = default;

}  // namespace hearth::net
