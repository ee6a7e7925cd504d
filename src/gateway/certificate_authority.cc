#include "gateway/certificate_authority.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <chrono>
#include <ctime>

#include "base/bytes.h"
#include "base/check.h"
#include "gateway/aws_host.h"
#include "storage/file_system.h"
#include "storage/store.h"

namespace hearth::gateway {
namespace {

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Deleter<X509_free>>;
using Bio = std::unique_ptr<BIO, Deleter<BIO_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION_free>>;

using Days = std::chrono::days;
constexpr Days kAuthorityLife{3650};
constexpr Days kRenewBefore{365};
constexpr Days kLeafLife{397};  // the longest that current clients accept
constexpr std::chrono::hours kClockSlack{24};

constexpr std::string_view kConstraints =
    "critical,permitted;DNS:amazonaws.com,permitted;DNS:amazonaws.com.cn,permitted;DNS:api.aws,"
    "excluded;IP:0.0.0.0/0.0.0.0,excluded;IP:0:0:0:0:0:0:0:0/0:0:0:0:0:0:0:0";

std::string to_pem(const Bio& bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string key_pem(EVP_PKEY* key) {
  const Bio bio(BIO_new(BIO_s_mem()));
  HEARTH_CHECK(PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return to_pem(bio);
}

std::string certificate_text(X509* certificate) {
  const Bio bio(BIO_new(BIO_s_mem()));
  HEARTH_CHECK(PEM_write_bio_X509(bio.get(), certificate) == 1);
  return to_pem(bio);
}

constexpr storage::SyncSite kKeySite{"tls.key"};
constexpr storage::SyncSite kCertificateSite{"tls.certificate"};
constexpr storage::SyncSite kNamesSite{"tls.names"};

Key new_key() {
  Key key(EVP_EC_gen("P-256"));
  HEARTH_CHECK(key != nullptr, "OpenSSL made no P-256 key");
  return key;
}

void set_serial(X509* certificate) {
  std::string bytes = random_bytes(16);
  bytes[0] = static_cast<char>((static_cast<unsigned char>(bytes[0]) & 0x7FU) | 0x40U);  // positive, full length
  BIGNUM* number =
      BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()), nullptr);
  const bool done = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != nullptr;
  BN_free(number);
  HEARTH_CHECK(done);
}

void set_life(X509* certificate, TimePoint now, Days life) {
  const auto begin = std::chrono::system_clock::to_time_t(std::chrono::system_clock::time_point(now - kClockSlack));
  const auto end = std::chrono::system_clock::to_time_t(std::chrono::system_clock::time_point(now + life));
  HEARTH_CHECK(ASN1_TIME_set(X509_getm_notBefore(certificate), begin) != nullptr);
  HEARTH_CHECK(ASN1_TIME_set(X509_getm_notAfter(certificate), end) != nullptr);
}

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  HEARTH_CHECK(extension != nullptr, value);
  HEARTH_CHECK(X509_add_ext(certificate, extension.get(), -1) == 1);
}

void add_name(X509_NAME* name, const char* field, const std::string& value) {
  HEARTH_CHECK(X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
                                          reinterpret_cast<const unsigned char*>(value.data()),
                                          static_cast<int>(value.size()), -1, 0) == 1);
}

Certificate make_authority(EVP_PKEY* key, TimePoint now) {
  Certificate certificate(X509_new());
  X509_set_version(certificate.get(), X509_VERSION_3);
  set_serial(certificate.get());
  set_life(certificate.get(), now, kAuthorityLife);
  X509_NAME* name = X509_get_subject_name(certificate.get());
  add_name(name, "O", "Hearth");
  // A number of its own, so that bundles holding an older CA of the same machine are not confused.
  add_name(name, "CN", fmt::format("Hearth sandbox CA {}", hex_encode(random_bytes(4))));
  HEARTH_CHECK(X509_set_issuer_name(certificate.get(), name) == 1);
  HEARTH_CHECK(X509_set_pubkey(certificate.get(), key) == 1);
  add_extension(certificate.get(), certificate.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
  add_extension(certificate.get(), certificate.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
  add_extension(certificate.get(), certificate.get(), NID_subject_key_identifier, "hash");
  add_extension(certificate.get(), certificate.get(), NID_name_constraints, std::string(kConstraints));
  HEARTH_CHECK(X509_sign(certificate.get(), key, EVP_sha256()) > 0);
  return certificate;
}

bool is_plain_name(std::string_view name) {
  if (name.empty() || name.size() > 253 || name.front() == '.' || name.find("..") != std::string_view::npos) {
    return false;
  }
  return std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  });
}

Key read_key(const std::string& pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return Key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
}

Certificate read_certificate(const std::string& pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return Certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

}  // namespace

struct CertificateAuthority::Impl {
  const Clock& clock;
  Key key;
  Certificate certificate;
  std::string certificate_pem;
  Key leaf_key;
  std::string leaf_key_pem;
};

CertificateAuthority::CertificateAuthority(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CertificateAuthority::~CertificateAuthority() = default;

Result<std::unique_ptr<CertificateAuthority>> CertificateAuthority::open(const std::string& folder, const Clock& clock,
                                                                         const storage::FileSystem& files) {
  TRY_STATUS(files.make_folder(folder, 0700));
  TRY_STATUS(files.remove_left_over(folder));
  const std::string key_path = folder + "/ca-key.pem";
  const std::string certificate_path = folder + "/ca.pem";
  auto impl = std::make_unique<Impl>(Impl{clock, nullptr, nullptr, {}, nullptr, {}});

  // kCorrupt: the file is missing
  auto stored_key = files.read(key_path);
  if (!stored_key && !stored_key.error().is(storage::ErrorKind::kCorrupt)) return fail(std::move(stored_key).error());
  if (stored_key) {
    impl->key = read_key(*stored_key);
    if (!impl->key)
      return fail(CertificateError::kBroken, key_path + " holds no private key; remove it to get a new CA");
  } else {
    impl->key = new_key();
    TRY_STATUS(files.replace(key_path, key_pem(impl->key.get()), 0600, kKeySite));
  }

  auto stored = files.read(certificate_path);
  if (!stored && !stored.error().is(storage::ErrorKind::kCorrupt)) return fail(std::move(stored).error());
  if (stored) {
    impl->certificate = read_certificate(*stored);
    if (!impl->certificate) return fail(CertificateError::kBroken, certificate_path + " holds no certificate");
    std::time_t renew_at =
        std::chrono::system_clock::to_time_t(std::chrono::system_clock::time_point(clock.now() + kRenewBefore));
    const bool ours = X509_check_private_key(impl->certificate.get(), impl->key.get()) == 1;
    const bool fresh = X509_cmp_time(X509_get0_notAfter(impl->certificate.get()), &renew_at) > 0;
    ERR_clear_error();
    if (!ours || !fresh) impl->certificate.reset();
  }
  if (!impl->certificate) {
    impl->certificate = make_authority(impl->key.get(), clock.now());
    TRY_STATUS(files.replace(certificate_path, certificate_text(impl->certificate.get()), 0644, kCertificateSite));
  }
  // At every start: that the names are there does not say that the start which made them got as far as this.
  TRY_STATUS(files.sync_folder(folder, kNamesSite));
  impl->certificate_pem = certificate_text(impl->certificate.get());
  impl->leaf_key = new_key();
  impl->leaf_key_pem = key_pem(impl->leaf_key.get());
  return std::unique_ptr<CertificateAuthority>(new CertificateAuthority(std::move(impl)));
}

Result<net::TlsIdentity> CertificateAuthority::identity_for(std::string_view server_name) {
  const HostName host = parse_host(server_name);
  const std::string name = server_name.empty() ? "amazonaws.com" : host.name;
  if (!is_plain_name(name) || !is_aws_name(name)) {
    return fail(CertificateError::kForeignName, fmt::format("no certificate for '{}': not an AWS name", name));
  }
  const Certificate leaf(X509_new());
  X509_set_version(leaf.get(), X509_VERSION_3);
  set_serial(leaf.get());
  set_life(leaf.get(), impl_->clock.now(), kLeafLife);
  add_name(X509_get_subject_name(leaf.get()), "CN", "Hearth endpoint");
  HEARTH_CHECK(X509_set_issuer_name(leaf.get(), X509_get_subject_name(impl_->certificate.get())) == 1);
  HEARTH_CHECK(X509_set_pubkey(leaf.get(), impl_->leaf_key.get()) == 1);
  X509* issuer = impl_->certificate.get();
  add_extension(leaf.get(), issuer, NID_basic_constraints, "critical,CA:FALSE");
  add_extension(leaf.get(), issuer, NID_key_usage, "critical,digitalSignature");
  add_extension(leaf.get(), issuer, NID_ext_key_usage, "serverAuth");
  add_extension(leaf.get(), issuer, NID_subject_key_identifier, "hash");
  add_extension(leaf.get(), issuer, NID_authority_key_identifier, "keyid:always");
  add_extension(leaf.get(), issuer, NID_subject_alt_name, "DNS:" + name);
  HEARTH_CHECK(X509_sign(leaf.get(), impl_->key.get(), EVP_sha256()) > 0);
  return net::TlsIdentity{.certificate_pem = certificate_text(leaf.get()) + impl_->certificate_pem,
                          .private_key_pem = impl_->leaf_key_pem};
}

const std::string& CertificateAuthority::certificate_pem() const { return impl_->certificate_pem; }

}  // namespace hearth::gateway
