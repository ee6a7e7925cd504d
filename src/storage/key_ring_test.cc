#include "storage/key_ring.h"

#include <gtest/gtest.h>

#include <string>

#include "base/bytes.h"

namespace hearth::storage {
namespace {

constexpr std::string_view kSecret = R"({"PASSWORD":"hunter2"})";

std::string opened(const KeyRing& ring, std::string_view sealed, std::string_view owner) {
  const auto secret = ring.open(sealed, owner);
  return secret ? *secret : "refused: " + secret.error().message();
}

TEST(KeyRingTest, WhatWasSealedOpensForItsOwnerAlone) {
  const KeyRing ring = KeyRing::fresh();
  const std::string sealed = ring.seal(kSecret, "a");
  EXPECT_EQ(sealed.find("hunter2"), std::string::npos);
  EXPECT_EQ(base64_decode(sealed.substr(sealed.find(':') + 1))->find("hunter2"), std::string::npos);
  EXPECT_EQ(opened(ring, sealed, "a"), kSecret);
  const auto of_another = ring.open(sealed, "b");
  ASSERT_FALSE(of_another);
  EXPECT_TRUE(of_another.error().is(KeyRingError::kBroken));
}

TEST(KeyRingTest, AnyAlteredByteIsNoticed) {
  const KeyRing ring = KeyRing::fresh();
  const std::string sealed = ring.seal(kSecret, "a");
  const std::size_t colon = sealed.find(':');
  const std::string bytes = *base64_decode(sealed.substr(colon + 1));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string altered = bytes;
    altered[i] = static_cast<char>(altered[i] ^ 1);
    const auto secret = ring.open(sealed.substr(0, colon + 1) + base64_encode(altered), "a");
    ASSERT_FALSE(secret) << i;
    EXPECT_TRUE(secret.error().is(KeyRingError::kBroken));
  }
}

TEST(KeyRingTest, NoSealedTextAtAllIsRefused) {
  const KeyRing ring = KeyRing::fresh();
  for (const std::string& text : {std::string(), std::string("abc"), ring.current_id() + ":", ring.current_id() + ":!!",
                                  ring.current_id() + ":" + base64_encode(std::string(16, 'x'))}) {
    const auto secret = ring.open(text, "a");
    ASSERT_FALSE(secret) << text;
    EXPECT_TRUE(secret.error().is(KeyRingError::kBroken)) << text;
  }
}

TEST(KeyRingTest, AForeignKeyIsAMissingKey) {
  const auto secret = KeyRing::fresh().open(KeyRing::fresh().seal(kSecret, "a"), "a");
  ASSERT_FALSE(secret);
  EXPECT_TRUE(secret.error().is(KeyRingError::kNoKey));
}

TEST(KeyRingTest, TheSameTextSealsToTheSameBytes) {
  const KeyRing ring = KeyRing::fresh();
  EXPECT_EQ(ring.seal(kSecret, "a"), ring.seal(kSecret, "a"));
  EXPECT_NE(ring.seal(kSecret, "a"), ring.seal(kSecret, "b"));
}

TEST(KeyRingTest, AReplacedKeyStillOpensAndNoLongerSeals) {
  KeyRing ring = KeyRing::fresh();
  const std::string before = ring.seal(kSecret, "a");
  EXPECT_TRUE(ring.is_current(before));
  ring.rotate();
  EXPECT_FALSE(ring.is_current(before));
  EXPECT_EQ(opened(ring, before, "a"), kSecret);
  EXPECT_TRUE(ring.is_current(ring.seal(kSecret, "a")));
}

TEST(KeyRingTest, ItsFileGivesTheSameRing) {
  KeyRing ring = KeyRing::fresh();
  const std::string old = ring.seal(kSecret, "a");
  ring.rotate();
  const auto read = KeyRing::parse(ring.text());
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->text(), ring.text());
  EXPECT_EQ(read->seal(kSecret, "a"), ring.seal(kSecret, "a"));
  EXPECT_EQ(opened(*read, old, "a"), kSecret);
}

TEST(KeyRingTest, AFileThatIsNoneIsRefusedNamingTheLine) {
  const std::string good = KeyRing::fresh().text();
  const std::string key = good.substr(good.rfind('\n', good.size() - 2) + 1);
  EXPECT_TRUE(KeyRing::parse("\n  # remark\r\n" + key + "\n\n"));
  for (const auto& [text, words] : {std::pair<std::string, std::string>{"", "no key"},
                                    {"# nothing\n", "no key"},
                                    {key + "abc\n", "line 2"},
                                    {"\n01234567 " + base64_encode("short"), "line 2"},
                                    {"01234567" + key.substr(8), "does not belong"}}) {
    const auto ring = KeyRing::parse(text);
    ASSERT_FALSE(ring) << text;
    EXPECT_TRUE(ring.error().is(KeyRingError::kBadFile));
    EXPECT_NE(ring.error().message().find(words), std::string::npos) << ring.error().message();
  }
}

}  // namespace
}  // namespace hearth::storage
