#include "gateway/certificate_authority.h"

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <fstream>
#include <memory>

#include "gateway/test_support.h"
#include "storage/file_system.h"

namespace hearth::gateway {
namespace {

struct Free {
  void operator()(X509* x) const { X509_free(x); }
  void operator()(X509_STORE* x) const { X509_STORE_free(x); }
  void operator()(X509_STORE_CTX* x) const { X509_STORE_CTX_free(x); }
  void operator()(BIO* x) const { BIO_free(x); }
  void operator()(EVP_PKEY* x) const { EVP_PKEY_free(x); }
};

std::unique_ptr<X509, Free> read(const std::string& pem) {
  const std::unique_ptr<BIO, Free> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return std::unique_ptr<X509, Free>(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

// 0 if `leaf_pem` is valid for `name` under `ca_pem`, else OpenSSL's reason.
int verify(const std::string& leaf_pem, const std::string& ca_pem, const std::string& name) {
  const auto leaf = read(leaf_pem);
  const auto ca = read(ca_pem);
  const std::unique_ptr<X509_STORE, Free> store(X509_STORE_new());
  X509_STORE_add_cert(store.get(), ca.get());
  const std::unique_ptr<X509_STORE_CTX, Free> context(X509_STORE_CTX_new());
  X509_STORE_CTX_init(context.get(), store.get(), leaf.get(), nullptr);
  X509_VERIFY_PARAM* param = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set1_host(param, name.data(), name.size());
  X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT);
  X509_STORE_CTX_set_purpose(context.get(), X509_PURPOSE_SSL_SERVER);
  const int outcome = X509_verify_cert(context.get()) == 1 ? 0 : X509_STORE_CTX_get_error(context.get());
  ERR_clear_error();
  return outcome;
}

class CertificateAuthorityTest : public testing::Test {
 protected:
  std::unique_ptr<CertificateAuthority> open() {
    auto opened = CertificateAuthority::open(folder_.path() + "/ca", clock_);
    EXPECT_TRUE(opened) << opened.error().message();
    return *std::move(opened);
  }
  TemporaryFolder folder_;
  SystemClock clock_;
};

TEST_F(CertificateAuthorityTest, ItsCertificatesAreValidForExactlyTheNameAskedFor) {
  const auto authority = open();
  for (const std::string name : {"sts.eu-west-1.amazonaws.com", "a.b.s3.us-east-1.amazonaws.com",
                                 "lambda.us-west-2.api.aws", "sts.cn-north-1.amazonaws.com.cn"}) {
    const auto identity = authority->identity_for(name);
    ASSERT_TRUE(identity) << identity.error().message();
    EXPECT_EQ(verify(identity->certificate_pem, authority->certificate_pem(), name), X509_V_OK);
    EXPECT_NE(verify(identity->certificate_pem, authority->certificate_pem(), "iam.amazonaws.com"), X509_V_OK);
  }
}

TEST_F(CertificateAuthorityTest, TheKeyBelongsToTheCertificate) {
  const auto identity = open()->identity_for("sts.amazonaws.com");
  const std::unique_ptr<BIO, Free> bio(
      BIO_new_mem_buf(identity->private_key_pem.data(), static_cast<int>(identity->private_key_pem.size())));
  const std::unique_ptr<EVP_PKEY, Free> key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  EXPECT_EQ(X509_check_private_key(read(identity->certificate_pem).get(), key.get()), 1);
}

TEST_F(CertificateAuthorityTest, OtherNamesAreRefused) {
  const auto authority = open();
  for (const std::string name :
       {"example.com", "evilamazonaws.com", "amazonaws.com.evil.example", "127.0.0.1", "localhost", ".amazonaws.com",
        "a..amazonaws.com", "a b.amazonaws.com", "x,DNS:evil.example.amazonaws.com", "*.amazonaws.com"}) {
    const auto identity = authority->identity_for(name);
    ASSERT_FALSE(identity) << name;
    EXPECT_TRUE(identity.error().is(CertificateError::kForeignName));
  }
  EXPECT_FALSE(authority->identity_for(std::string(300, 'a') + ".amazonaws.com"));
  EXPECT_TRUE(authority->identity_for(""));
  EXPECT_TRUE(authority->identity_for("STS.amazonaws.com"));
}

// What a thief of the key could do with it is bounded by the certificate itself.
TEST_F(CertificateAuthorityTest, ItsCertificateVouchesForAwsNamesOnly) {
  const auto authority = open();
  const auto ca = read(authority->certificate_pem());
  ASSERT_TRUE(ca);
  int critical = 0;
  auto* constraints =
      static_cast<NAME_CONSTRAINTS*>(X509_get_ext_d2i(ca.get(), NID_name_constraints, &critical, nullptr));
  ASSERT_NE(constraints, nullptr);
  EXPECT_EQ(critical, 1);
  EXPECT_EQ(sk_GENERAL_SUBTREE_num(constraints->permittedSubtrees), 3);
  EXPECT_EQ(sk_GENERAL_SUBTREE_num(constraints->excludedSubtrees), 2);
  NAME_CONSTRAINTS_free(constraints);
  EXPECT_EQ(X509_check_ca(ca.get()), 1);
}

TEST_F(CertificateAuthorityTest, ItIsMadeOnceAndItsKeyIsPrivate) {
  const std::string first = open()->certificate_pem();
  EXPECT_EQ(open()->certificate_pem(), first);
  struct stat status{};
  ASSERT_EQ(::stat((folder_.path() + "/ca/ca-key.pem").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  ASSERT_EQ(::stat((folder_.path() + "/ca").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0700U);
}

TEST_F(CertificateAuthorityTest, ACertificateNearItsEndIsMadeAnewWithTheSameKey) {
  const std::string first = open()->certificate_pem();
  FakeClock later;
  later.set(clock_.now() + std::chrono::days(3650 - 300));
  auto renewed = CertificateAuthority::open(folder_.path() + "/ca", later);
  ASSERT_TRUE(renewed);
  EXPECT_NE((*renewed)->certificate_pem(), first);
  const auto before = read(first);
  const auto after = read((*renewed)->certificate_pem());
  EXPECT_EQ(EVP_PKEY_eq(X509_get0_pubkey(before.get()), X509_get0_pubkey(after.get())), 1);
}

TEST_F(CertificateAuthorityTest, ABrokenKeyIsNamedAndNotReplaced) {
  open();
  const std::string path = folder_.path() + "/ca/ca-key.pem";
  ASSERT_TRUE(storage::FileSystem().replace(path, "not a key", 0600, std::nullopt));
  const auto opened = CertificateAuthority::open(folder_.path() + "/ca", clock_);
  ASSERT_FALSE(opened);
  EXPECT_TRUE(opened.error().is(CertificateError::kBroken));
  EXPECT_NE(opened.error().message().find(path), std::string::npos);
  EXPECT_EQ(*storage::FileSystem().read(path), "not a key");
}

}  // namespace
}  // namespace hearth::gateway
