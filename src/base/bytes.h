#pragma once
// Byte counts with their unit in the type, and the text encodings of bytes.

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hearth {

struct ByteCount {
  std::uint64_t value = 0;
  auto operator<=>(const ByteCount&) const = default;
  static constexpr ByteCount kib(std::uint64_t n) { return {n << 10U}; }
  static constexpr ByteCount mib(std::uint64_t n) { return {n << 20U}; }
};

std::string hex_encode(std::string_view bytes);                        // lower case
std::string base64_encode(std::string_view bytes);                     // standard alphabet, padded
std::optional<std::string> base64_decode(std::string_view text);       // standard alphabet; nothing if malformed
std::string sha256(std::string_view bytes);                            // 32 raw bytes
std::string hmac_sha256(std::string_view key, std::string_view data);  // 32 raw bytes
std::string random_bytes(std::size_t count);                           // from the kernel; aborts if it has none
std::string random_uuid();                                             // RFC 4122 version 4, lower case

}  // namespace hearth
