// Key files and what is sealed under their keys: a file that is read is written the same, what was sealed opens for its
// owner alone, and no other bytes open at all.
// Lines: owner, secret; the rest is tried as a key file and as a sealed text.
#include "fuzz.h"
#include "storage/key_ring.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using hearth::storage::KeyRing;
  static const KeyRing keys = KeyRing::of(std::string(64, 'k'));
  hearth::fuzz::Input input(data, size);
  const std::string owner = input.line();
  const std::string secret = input.line();
  const std::string rest = input.rest();
  FUZZ_REQUIRE(!keys.open(rest, owner));
  FUZZ_REQUIRE(!keys.open(keys.current_id() + ":" + rest, owner));
  auto read = KeyRing::parse(rest);
  if (!read) FUZZ_REQUIRE(!read.error().message().empty());
  if (read) {
    const auto again = KeyRing::parse(read->text());
    FUZZ_REQUIRE(again && again->text() == read->text());
  }
  if (owner.empty() || secret.empty()) return 0;
  KeyRing ring = read ? *read : keys;
  const std::string sealed = ring.seal(secret, owner);
  FUZZ_REQUIRE(ring.is_current(sealed) && ring.seal(secret, owner) == sealed);
  FUZZ_REQUIRE(!ring.open(sealed, owner + "x"));
  FUZZ_REQUIRE(!ring.open(sealed.substr(0, sealed.size() / 2), owner));
  ring.rotate();
  FUZZ_REQUIRE(!ring.is_current(sealed));
  const auto opened = ring.open(sealed, owner);
  FUZZ_REQUIRE(opened && *opened == secret);
  return 0;
}
