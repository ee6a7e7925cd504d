#include "base/bytes.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstdlib>

namespace hearth {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<std::int8_t, 256> make_base64_table() {
  std::array<std::int8_t, 256> table{};
  table.fill(-1);
  for (std::size_t i = 0; i < kBase64.size(); ++i)
    table[static_cast<unsigned char>(kBase64[i])] = static_cast<std::int8_t>(i);
  return table;
}
constexpr auto kBase64Values = make_base64_table();

}  // namespace

std::string hex_encode(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out.push_back(kHexDigits[byte >> 4U]);
    out.push_back(kHexDigits[byte & 0xFU]);
  }
  return out;
}

std::string base64_encode(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t left = bytes.size() - i;
    std::uint32_t group = static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i])) << 16U;
    if (left > 1) group |= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i + 1])) << 8U;
    if (left > 2) group |= static_cast<unsigned char>(bytes[i + 2]);
    out.push_back(kBase64[group >> 18U]);
    out.push_back(kBase64[(group >> 12U) & 63U]);
    out.push_back(left > 1 ? kBase64[(group >> 6U) & 63U] : '=');
    out.push_back(left > 2 ? kBase64[group & 63U] : '=');
  }
  return out;
}

std::optional<std::string> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  if (text.empty()) return std::string();
  const std::size_t padding = !text.ends_with('=') ? 0 : text.ends_with("==") ? 2 : 1;
  const auto value = [&](std::size_t at) { return std::int32_t{kBase64Values[static_cast<unsigned char>(text[at])]}; };
  bool good = true;
  std::string out;
  // Not the size handed to the callback: libstdc++ 12 rounds it up for short strings.
  const std::size_t decoded = text.size() / 4 * 3;
  out.resize_and_overwrite(decoded, [&](char* to, std::size_t) {
    // Packages arrive like this, up to 70 MB of text: no branch per character. A bad one has its sign bit set.
    std::int32_t seen = 0;
    const std::size_t whole = text.size() - 4;
    for (std::size_t i = 0; i < whole; i += 4) {
      const std::int32_t a = value(i);
      const std::int32_t b = value(i + 1);
      const std::int32_t c = value(i + 2);
      const std::int32_t d = value(i + 3);
      seen |= a | b | c | d;
      *to++ = static_cast<char>(a << 2 | b >> 4);
      *to++ = static_cast<char>(b << 4 | c >> 2);
      *to++ = static_cast<char>(c << 6 | d);
    }
    const std::int32_t a = value(whole);
    const std::int32_t b = value(whole + 1);
    const std::int32_t c = padding > 1 ? 0 : value(whole + 2);
    const std::int32_t d = padding > 0 ? 0 : value(whole + 3);
    good = (seen | a | b | c | d) >= 0;
    *to++ = static_cast<char>(a << 2 | b >> 4);
    *to++ = static_cast<char>(b << 4 | c >> 2);
    *to++ = static_cast<char>(c << 6 | d);
    return decoded - padding;
  });
  if (!good) return std::nullopt;
  return out;
}

std::string sha256(std::string_view bytes) {
  std::string out(32, '\0');
  EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(out.data()), nullptr, EVP_sha256(), nullptr);
  return out;
}

std::string hmac_sha256(std::string_view key, std::string_view data) {
  std::string out(32, '\0');
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(data.data()),
       data.size(), reinterpret_cast<unsigned char*>(out.data()), nullptr);
  return out;
}

std::string random_bytes(std::size_t count) {
  std::string out(count, '\0');
  std::size_t done = 0;
  while (done < count) {
    const ssize_t got = ::getrandom(out.data() + done, count - done, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) std::abort();
    done += static_cast<std::size_t>(got);
  }
  return out;
}

std::string random_uuid() {
  std::string raw = random_bytes(16);
  raw[6] = static_cast<char>((static_cast<unsigned char>(raw[6]) & 0x0FU) | 0x40U);
  raw[8] = static_cast<char>((static_cast<unsigned char>(raw[8]) & 0x3FU) | 0x80U);
  const std::string hex = hex_encode(raw);
  return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" + hex.substr(16, 4) + "-" +
         hex.substr(20);
}

}  // namespace hearth
