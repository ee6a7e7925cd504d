#include "base/bytes.h"

#include <gtest/gtest.h>

namespace hearth {
namespace {

TEST(Bytes, Base64RoundTripsEveryLength) {
  std::string bytes;
  for (int i = 0; i < 70; ++i) {
    EXPECT_EQ(base64_decode(base64_encode(bytes)), bytes);
    bytes.push_back(static_cast<char>(i * 37));
  }
}

TEST(Bytes, Base64RefusesWhatIsNotBase64) {
  EXPECT_FALSE(base64_decode("abc"));
  EXPECT_FALSE(base64_decode("ab!d"));
  EXPECT_FALSE(base64_decode("=abc"));
  EXPECT_FALSE(base64_decode("ab==abcd"));
  EXPECT_FALSE(base64_decode("ab=dabcd"));
  EXPECT_FALSE(
      base64_decode("a\xff"
                    "cdabcdabcd"));
  EXPECT_FALSE(base64_decode("a==="));
  EXPECT_FALSE(base64_decode("===="));
  EXPECT_EQ(base64_decode(""), "");
}

TEST(Bytes, Sha256MatchesTheStandardVector) {
  EXPECT_EQ(hex_encode(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Bytes, HmacMatchesRfc4231Case2) {
  EXPECT_EQ(hex_encode(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(Bytes, UuidsAreVersionFourAndDiffer) {
  const std::string a = random_uuid();
  EXPECT_EQ(a.size(), 36U);
  EXPECT_EQ(a[14], '4');
  EXPECT_NE(a, random_uuid());
}

}  // namespace
}  // namespace hearth
