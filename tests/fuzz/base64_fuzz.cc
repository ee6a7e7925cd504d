// Base64: what is encoded comes back; what is accepted is what OpenSSL decodes, and its encoding differs from the text
// at most in the bits that padding leaves unused.
#include <openssl/evp.h>

#include "base/bytes.h"
#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hearth;
  const std::string bytes = fuzz::Input(data, size).rest();
  const std::string encoded = base64_encode(bytes);
  const auto back = base64_decode(encoded);
  FUZZ_REQUIRE(back && *back == bytes);
  FUZZ_REQUIRE(hex_encode(bytes).size() == 2 * bytes.size());

  const auto decoded = base64_decode(bytes);
  if (!decoded) return 0;
  std::string oracle(bytes.size(), '\0');
  const int count =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(oracle.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  FUZZ_REQUIRE(count >= 0);
  FUZZ_REQUIRE(decoded->size() <= static_cast<std::size_t>(count));
  FUZZ_REQUIRE(static_cast<std::size_t>(count) - decoded->size() <= 2);  // EVP counts padding as zero bytes
  FUZZ_REQUIRE(oracle.compare(0, decoded->size(), *decoded) == 0);
  FUZZ_REQUIRE(base64_decode(base64_encode(*decoded)) == decoded);
  FUZZ_REQUIRE(base64_encode(*decoded).size() == bytes.size());
  return 0;
}
