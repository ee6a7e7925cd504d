#include "storage/key_ring.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"

namespace hearth::storage {
namespace {

constexpr std::size_t kKeyBytes = 64;
constexpr std::size_t kTagBytes = 16;  // RFC 5297: the synthetic initialisation vector
constexpr std::size_t kIdDigits = 8;

constexpr std::string_view kHead =
    "# The keys under which this server keeps environment variables of functions. Keep a copy in a safe place, apart\n"
    "# from copies of the data folder: what was stored under a lost key cannot be read again.\n"
    "# The first key is the one in use; those after it only read what was stored before they were replaced.\n";

using Cipher = std::unique_ptr<EVP_CIPHER, decltype(&EVP_CIPHER_free)>;
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

EVP_CIPHER* siv() {
  static const Cipher cipher(EVP_CIPHER_fetch(nullptr, "AES-256-SIV", nullptr), &EVP_CIPHER_free);
  return cipher.get();
}

struct Parts {
  std::string_view id;
  std::string_view base64;
};
std::optional<Parts> split(std::string_view sealed) {
  const std::size_t colon = sealed.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  return Parts{.id = sealed.substr(0, colon), .base64 = sealed.substr(colon + 1)};
}

std::string_view trimmed(std::string_view line) {
  while (!line.empty() && (line.back() == ' ' || line.back() == '\t' || line.back() == '\r')) line.remove_suffix(1);
  while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
  return line;
}

}  // namespace

KeyRing::Key KeyRing::make(std::string bytes) {
  std::string id = hex_encode(sha256(bytes)).substr(0, kIdDigits);
  return {.id = std::move(id), .bytes = std::move(bytes)};
}

KeyRing KeyRing::of(std::string key) {
  HEARTH_CHECK(key.size() == kKeyBytes);
  std::vector<Key> keys;
  keys.push_back(make(std::move(key)));
  return KeyRing(std::move(keys));
}

KeyRing KeyRing::fresh() { return of(random_bytes(kKeyBytes)); }

Result<KeyRing> KeyRing::parse(std::string_view text) {
  std::vector<Key> keys;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.front() == '#') continue;
    const std::size_t blank = line.find_first_of(" \t");
    auto bytes = blank == std::string_view::npos ? std::nullopt : base64_decode(trimmed(line.substr(blank)));
    if (!bytes || bytes->size() != kKeyBytes) {
      return fail(KeyRingError::kBadFile, fmt::format("line {} is not an id and a key", number));
    }
    Key key = make(*std::move(bytes));
    if (key.id != line.substr(0, blank)) {
      return fail(KeyRingError::kBadFile, fmt::format("the key of line {} does not belong to its id", number));
    }
    keys.push_back(std::move(key));
  }
  if (keys.empty()) return fail(KeyRingError::kBadFile, "there is no key in it");
  return KeyRing(std::move(keys));
}

std::string KeyRing::text() const {
  std::string text(kHead);
  for (const Key& key : keys_) text += fmt::format("{} {}\n", key.id, base64_encode(key.bytes));
  return text;
}

void KeyRing::rotate() { keys_.insert(keys_.begin(), make(random_bytes(kKeyBytes))); }

std::string KeyRing::seal(std::string_view secret, std::string_view owner) const {
  const Key& key = keys_.front();
  const CipherContext context(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  std::string out(kTagBytes + secret.size(), '\0');
  int written = 0;
  const bool sealed =
      !secret.empty() && !owner.empty() && context &&
      EVP_EncryptInit_ex2(context.get(), siv(), bytes_of(key.bytes), nullptr, nullptr) == 1 &&
      EVP_EncryptUpdate(context.get(), nullptr, &written, bytes_of(owner), static_cast<int>(owner.size())) == 1 &&
      EVP_EncryptUpdate(context.get(), bytes_of(out) + kTagBytes, &written, bytes_of(secret),
                        static_cast<int>(secret.size())) == 1 &&
      EVP_EncryptFinal_ex(context.get(), bytes_of(out) + out.size(), &written) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, kTagBytes, out.data()) == 1;
  HEARTH_CHECK(sealed);
  return fmt::format("{}:{}", key.id, base64_encode(out));
}

Result<std::string> KeyRing::open(std::string_view sealed, std::string_view owner) const {
  const auto parts = split(sealed);
  if (!parts) return fail(KeyRingError::kBroken, "not a sealed text");
  const auto key = std::ranges::find(keys_, parts->id, &Key::id);
  if (key == keys_.end()) return fail(KeyRingError::kNoKey, fmt::format("no key {}", parts->id));
  auto bytes = base64_decode(parts->base64);
  if (!bytes || bytes->size() <= kTagBytes) return fail(KeyRingError::kBroken, "not a sealed text");
  std::string tag = bytes->substr(0, kTagBytes);
  const std::string_view hidden = std::string_view(*bytes).substr(kTagBytes);
  std::string secret(hidden.size(), '\0');
  const CipherContext context(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  int written = 0;
  const bool opened =
      context && EVP_DecryptInit_ex2(context.get(), siv(), bytes_of(key->bytes), nullptr, nullptr) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, kTagBytes, tag.data()) == 1 &&
      EVP_DecryptUpdate(context.get(), nullptr, &written, bytes_of(owner), static_cast<int>(owner.size())) == 1 &&
      EVP_DecryptUpdate(context.get(), bytes_of(secret), &written, bytes_of(hidden), static_cast<int>(hidden.size())) ==
          1;
  if (!opened) return fail(KeyRingError::kBroken, fmt::format("altered, or not of its owner, under key {}", key->id));
  return secret;
}

bool KeyRing::is_current(std::string_view sealed) const {
  const auto parts = split(sealed);
  return parts && parts->id == keys_.front().id;
}

}  // namespace hearth::storage
