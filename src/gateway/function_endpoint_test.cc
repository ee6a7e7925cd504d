#include "gateway/function_endpoint.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include "base/unique_fd.h"
#include "gateway/test_support.h"
#include "net/thread_pool.h"
#include "storage/memory_store.h"

namespace hearth::gateway {
namespace {

// Issues sessions that never change, and knows nobody.
class FakeIssuer final : public services::RoleSessionIssuer {
 public:
  Session issue_role_session(const std::string& role_arn, const std::string& session_name) override {
    ++issued;
    return {.access_key_id = "ASIA" + std::to_string(issued),
            .credential = {.secret_access_key = "secret",
                           .session_token = "token",
                           .expires = expires,
                           .account = "111122223333",
                           .arn = "arn:aws:sts::111122223333:assumed-role/" + role_arn + "/" + session_name,
                           .user_id = "AROA:" + session_name}};
  }
  int issued = 0;
  std::optional<TimePoint> expires;
};

class NoHealth final : public HealthSource {
 public:
  HealthReport health() const override { return {}; }
  net::Task<> describe(observe::MetricsText&) override { co_return; }
};
class NoReset final : public Resetter {
 public:
  net::Task<Status> reset() override { co_return Status{}; }
};

struct Listening {
  UniqueFd fd;
  sockaddr_in address{};
};

Listening listening() {
  Listening out;
  out.fd = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  out.address.sin_family = AF_INET;
  out.address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof out.address;
  EXPECT_EQ(::bind(out.fd.get(), reinterpret_cast<const sockaddr*>(&out.address), size), 0);
  EXPECT_EQ(::listen(out.fd.get(), 8), 0);
  EXPECT_EQ(::getsockname(out.fd.get(), reinterpret_cast<sockaddr*>(&out.address), &size), 0);
  return out;
}

UniqueFd connected(const sockaddr_in& address) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval patience{.tv_sec = 5, .tv_usec = 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fd.reset();
  return fd;
}

std::string request_text(const std::string& host) {
  return "GET / HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n";
}

// What a client that trusts `ca_file` alone reads from https://`host`/; its error if it does not trust the answer.
std::string get_by_tls(const sockaddr_in& address, const std::string& host, const std::string& ca_file) {
  const UniqueFd fd = connected(address);
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_load_verify_locations(context, ca_file.c_str(), nullptr);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL* ssl = SSL_new(context);
  SSL_set_tlsext_host_name(ssl, host.c_str());
  SSL_set1_host(ssl, host.c_str());
  SSL_set_fd(ssl, fd.get());
  std::string out;
  if (SSL_connect(ssl) == 1) {
    const std::string text = request_text(host);
    SSL_write(ssl, text.data(), static_cast<int>(text.size()));
    char buffer[4096];
    for (int got = SSL_read(ssl, buffer, sizeof buffer); got > 0; got = SSL_read(ssl, buffer, sizeof buffer)) {
      out.append(buffer, static_cast<std::size_t>(got));
    }
  } else {
    out = "no handshake";
  }
  SSL_free(ssl);
  SSL_CTX_free(context);
  return out;
}

std::string get_plainly(const sockaddr_in& address, const std::string& host) {
  const UniqueFd fd = connected(address);
  const std::string text = request_text(host);
  if (::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL) < 0) return "not sent";
  std::string out;
  char buffer[4096];
  for (ssize_t got = ::recv(fd.get(), buffer, sizeof buffer, 0); got > 0;
       got = ::recv(fd.get(), buffer, sizeof buffer, 0)) {
    out.append(buffer, static_cast<std::size_t>(got));
  }
  return out;
}

class FunctionEndpointTest : public testing::Test {
 protected:
  FunctionEndpointTest()
      : downloads_(*CodeDownload::open(store_, blobs_, clock_)),
        authority_(*CertificateAuthority::open(folder_.path() + "/ca", clock_)),
        trust_(*TrustBundle::open(folder_.path(), authority_->certificate_pem(), {}, clock_, log_)) {}

  environment::EndpointIdentity identity() const {
    return {.account = "111122223333", .region = "eu-west-1", .role_arn = "exec", .session_name = "f"};
  }

  // Runs `client` on a pool thread against an open door and returns what it returned.
  template <class Client>
  std::string with_door(Client client) {
    Listening plain = listening();
    Listening secure = listening();
    auto door = endpoint_.open(identity(), std::move(plain.fd), std::move(secure.fd), UniqueFd(), UniqueFd());
    std::string seen;
    auto work = [client, plain = plain.address, secure = secure.address] { return client(plain, secure); };
    loop_.spawn(finish(pool_.run(loop_, std::move(work)), &seen, &door));
    loop_.run();
    return seen;
  }

  static net::Task<> finish(net::Task<std::string> client, std::string* seen,
                            std::unique_ptr<environment::OpenDoor>* door) {
    *seen = co_await std::move(client);
    door->reset();
  }

  TemporaryFolder folder_;
  SystemClock clock_;
  UniqueFd nowhere_{::open("/dev/null", O_WRONLY | O_CLOEXEC)};
  observe::Logger log_{nowhere_.get(), observe::Level::kError, observe::LogFormat::kText};
  net::Loop loop_{clock_};
  net::ThreadPool pool_{1};
  storage::MemoryStore store_;
  storage::MemoryBlobStore blobs_;
  NoHealth health_;
  NoReset reset_;
  OpenAccess policy_;
  ServiceTable table_{std::vector<ServiceEntry>{}};
  CodeDownload downloads_;
  Guard guard_{AuthMode::kEnforced, {}};
  PlatformPages pages_{AuthMode::kEnforced, "0", health_, reset_, downloads_, clock_};
  Authenticator authenticator_{AuthMode::kEnforced, {}, loop_, pool_, clock_};
  Gateway gateway_{{}, guard_, pages_, table_, authenticator_, policy_, store_, clock_, log_};
  std::unique_ptr<CertificateAuthority> authority_;
  TrustBundle trust_;
  FakeIssuer issuer_;
  net::FairTurns turns_{loop_, 1};
  FunctionEndpoint endpoint_{loop_, turns_, gateway_, *authority_, trust_, issuer_, clock_, log_};
};

TEST_F(FunctionEndpointTest, PlainHttpIsServedAsTheRole) {
  const std::string reply = with_door([](sockaddr_in plain, sockaddr_in) { return get_plainly(plain, "127.0.0.1"); });
  EXPECT_TRUE(reply.starts_with("HTTP/1.1 200")) << reply;
  EXPECT_NE(reply.find("The caller is arn:aws:sts::111122223333:assumed-role/exec/f."), std::string::npos) << reply;
}

TEST_F(FunctionEndpointTest, TlsClientsThatTrustTheBundleAreServedByAnyAwsName) {
  const std::string bundle = endpoint_.trust_bundle_path();
  for (const std::string host :
       {"sts.eu-west-1.amazonaws.com", "a.b.s3.us-east-1.amazonaws.com", "lambda.us-west-2.api.aws"}) {
    const std::string reply =
        with_door([=](sockaddr_in, sockaddr_in secure) { return get_by_tls(secure, host, bundle); });
    EXPECT_TRUE(reply.starts_with("HTTP/1.1 ")) << host << ": " << reply;
    EXPECT_NE(reply.find("x-amzn-RequestId"), std::string::npos) << host << ": " << reply;
  }
}

TEST_F(FunctionEndpointTest, OtherNamesGetNoCertificate) {
  const std::string bundle = endpoint_.trust_bundle_path();
  EXPECT_EQ(with_door([=](sockaddr_in, sockaddr_in secure) { return get_by_tls(secure, "example.com", bundle); }),
            "no handshake");
}

TEST_F(FunctionEndpointTest, EnvironmentsOfOneFunctionShareCredentialsWhileTheyAreFresh) {
  issuer_.expires = clock_.now() + std::chrono::hours(12);
  const auto first = endpoint_.role_credentials(identity());
  EXPECT_EQ(first.session_token, "token");
  EXPECT_EQ(endpoint_.role_credentials(identity()).access_key_id, first.access_key_id);
  issuer_.expires = clock_.now() + std::chrono::hours(5);
  endpoint_.forget_sessions();
  const auto stale = endpoint_.role_credentials(identity());
  EXPECT_NE(endpoint_.role_credentials(identity()).access_key_id, stale.access_key_id);
  environment::EndpointIdentity other = identity();
  other.session_name = "g";
  EXPECT_NE(endpoint_.role_credentials(other).access_key_id, stale.access_key_id);
}

}  // namespace
}  // namespace hearth::gateway
