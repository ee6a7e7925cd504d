#include "net/tls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "net/http_test_support.h"

namespace hearth::net {
namespace {

using test::Client;
using test::ServerThread;
using testing::EndsWith;
using testing::HasSubstr;

std::string pem_text(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<std::size_t>(size));
  BIO_free(bio);
  return text;
}

TlsIdentity self_signed(const std::string& name) {
  EVP_PKEY* const key = EVP_EC_gen("P-256");
  X509* const certificate = X509_new();
  X509_set_version(certificate, X509_VERSION_3);
  X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  X509_NAME* const subject = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1,
                             0);
  X509_set_issuer_name(certificate, subject);
  X509_sign(certificate, key, EVP_sha256());
  TlsIdentity identity;
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(bio, certificate);
  identity.certificate_pem = pem_text(bio);
  bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  identity.private_key_pem = pem_text(bio);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return identity;
}

class MintingSource : public TlsIdentitySource {
 public:
  Result<TlsIdentity> identity_for(std::string_view server_name) override {
    ++asked;
    if (server_name == "unknown.test") return fail(TlsError::kBadCertificate, "no such name");
    if (server_name == "broken.test") return TlsIdentity{.certificate_pem = "no PEM", .private_key_pem = "neither"};
    return self_signed(server_name.empty() ? "nameless" : std::string(server_name));
  }

  std::atomic<int> asked = 0;
};

// A blocking TLS client on a Client's socket.
class TlsClient {
 public:
  TlsClient(std::uint16_t port, const char* name, std::string_view protocols = {}, int max_version = TLS1_3_VERSION)
      : tcp_(port), context_(SSL_CTX_new(TLS_client_method())), ssl_(SSL_new(context_.get())) {
    SSL_set_max_proto_version(ssl_.get(), max_version);
    if (name != nullptr) SSL_set_tlsext_host_name(ssl_.get(), name);
    SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(protocols.data()),
                        static_cast<unsigned>(protocols.size()));
    SSL_set_fd(ssl_.get(), tcp_.fd());
    connected_ = SSL_connect(ssl_.get()) == 1;
  }

  bool connected() const { return connected_; }
  std::string common_name() const {
    X509* const certificate = SSL_get1_peer_certificate(ssl_.get());
    char name[256] = {};
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, sizeof(name));
    X509_free(certificate);
    return name;
  }
  std::string protocol() const {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_.get(), &name, &size);
    return {reinterpret_cast<const char*>(name), size};
  }
  std::string ask(std::string_view request) {
    SSL_write(ssl_.get(), request.data(), static_cast<int>(request.size()));
    std::string reply;
    char bytes[16'384];
    for (int count = 0; (count = SSL_read(ssl_.get(), bytes, sizeof(bytes))) > 0;) {
      reply.append(bytes, static_cast<std::size_t>(count));
      const std::size_t head = reply.find("\r\n\r\n");
      const std::size_t field = reply.find("Content-Length: ");
      if (head == std::string::npos || field == std::string::npos) continue;
      if (reply.size() >= head + 4 + static_cast<std::size_t>(std::atoll(reply.c_str() + field + 16))) break;
    }
    return reply;
  }
  // Whether the server ends the connection as TLS wants it, by a close_notify.
  bool ends_properly() {
    char byte = 0;
    return SSL_read(ssl_.get(), &byte, 1) == 0 && SSL_get_error(ssl_.get(), 0) == SSL_ERROR_ZERO_RETURN;
  }

 private:
  struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };

  Client tcp_;
  std::unique_ptr<SSL_CTX, Free> context_;
  std::unique_ptr<SSL, Free> ssl_;
  bool connected_ = false;
};

class EchoHandler : public HttpHandler {
 public:
  Task<HttpReply> handle(HttpRequest request) override {
    co_return HttpReply{.status = 200, .headers = {}, .body = request.head.target + request.body, .close = false};
  }
};

class TlsTest : public testing::Test {
 protected:
  MintingSource source_;
  TlsContext context_{source_};
  EchoHandler handler_;
  ServerThread server_{handler_, HttpLimits{}, &context_};
};

TEST_F(TlsTest, TheCertificateFollowsTheNameAskedForAndIsMadeOnce) {
  for (int i = 0; i < 3; ++i) {
    TlsClient client(server_.port(), "STS.eu-west-1.amazonaws.com");
    ASSERT_TRUE(client.connected());
    EXPECT_EQ(client.common_name(), "sts.eu-west-1.amazonaws.com");
    EXPECT_THAT(client.ask("GET /over-tls HTTP/1.1\r\nHost: h\r\n\r\n"), EndsWith("/over-tls"));
  }
  EXPECT_EQ(source_.asked, 1);
  EXPECT_EQ(TlsClient(server_.port(), "other.test").common_name(), "other.test");
  EXPECT_EQ(TlsClient(server_.port(), nullptr).common_name(), "nameless");
  EXPECT_EQ(source_.asked, 3);
}

TEST_F(TlsTest, ANameWithoutAUsableCertificateFailsItsHandshakeAlone) {
  EXPECT_FALSE(TlsClient(server_.port(), "unknown.test").connected());
  EXPECT_FALSE(TlsClient(server_.port(), "broken.test").connected());
  EXPECT_TRUE(TlsClient(server_.port(), "fine.test").connected());
}

TEST_F(TlsTest, SpeaksTls12And13ButNothingOlder) {
  EXPECT_TRUE(TlsClient(server_.port(), "a.test", {}, TLS1_2_VERSION).connected());
  EXPECT_TRUE(TlsClient(server_.port(), "a.test", {}, TLS1_3_VERSION).connected());
  EXPECT_FALSE(TlsClient(server_.port(), "a.test", {}, TLS1_1_VERSION).connected());
}

TEST_F(TlsTest, AgreesOnHttp11Alone) {
  using namespace std::string_view_literals;
  TlsClient both(server_.port(), "a.test", "\x02h2\x08http/1.1"sv);
  ASSERT_TRUE(both.connected());
  EXPECT_EQ(both.protocol(), "http/1.1");
  EXPECT_FALSE(TlsClient(server_.port(), "a.test", "\x02h2"sv).connected());
}

TEST_F(TlsTest, CarriesLargeBodiesBothWaysAndEndsProperly) {
  TlsClient client(server_.port(), "a.test");
  const std::string body(3'000'000, 'y');
  const std::string reply =
      client.ask("POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 3000000\r\n\r\n" + body);
  EXPECT_THAT(reply, HasSubstr("Content-Length: 3000001\r\n"));
  EXPECT_TRUE(reply.ends_with(body));
  EXPECT_TRUE(client.ends_properly());
}

TEST_F(TlsTest, APlainClientIsTurnedAway) {
  const Client plain(server_.port());
  plain.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(TlsClient(server_.port(), "a.test").connected());
}

}  // namespace
}  // namespace hearth::net
