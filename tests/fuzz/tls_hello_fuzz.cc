// The first flight of a TLS client, as OpenSSL and our choice of certificate by name see it: any bytes end in a refusal
// or in waiting for more, the name asked for is one a certificate is made for, and the server never finishes a
// handshake with a client that has no key.
#include <openssl/bio.h>
#include <openssl/ssl.h>

#include <boost/asio/ssl/context.hpp>

#include "fuzz.h"
#include "net/tls_impl.h"

namespace {

using namespace hearth;

class NoIdentity final : public net::TlsIdentitySource {
 public:
  Result<net::TlsIdentity> identity_for(std::string_view server_name) override {
    FUZZ_REQUIRE(server_name.size() <= 255);
    for (const char c : server_name) FUZZ_REQUIRE(c != '\0' && (c < 'A' || c > 'Z'));
    ++asked;
    return fail(net::TlsError::kBadCertificate, "none in this test");
  }
  int asked = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static NoIdentity source;
  static net::TlsContext context(source);
  const std::string bytes = fuzz::Input(data, size).rest();
  SSL* ssl = SSL_new(context.impl().context().native_handle());
  BIO* in = BIO_new(BIO_s_mem());
  BIO* out = BIO_new(BIO_s_mem());
  BIO_write(in, bytes.data(), static_cast<int>(bytes.size()));
  SSL_set_bio(ssl, in, out);
  SSL_set_accept_state(ssl);
  FUZZ_REQUIRE(SSL_do_handshake(ssl) != 1);
  FUZZ_REQUIRE(SSL_is_init_finished(ssl) == 0);
  SSL_free(ssl);
  context.impl().failure.reset();
  return 0;
}
