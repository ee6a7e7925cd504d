#pragma once
// KeyRing: the keys under which secrets are kept on disk, and what is done with them.
//
// The operator keeps them in a file of their own, outside the data folder: whoever has a copy of the data folder alone
// reads no secret. The first key seals, all of them open; a ring with a new first key is how keys are rotated.
// AES-256-SIV (RFC 5297): sealing the same text twice for the same owner gives the same bytes, which says that it is
// the same and nothing else; no nonce can be used twice by mistake.
//
// Path: functions/store.cc -> here -> OpenSSL        Tests: key_ring_test.cc

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hearth::storage {

enum class KeyRingError {
  kBadFile,  // a line of the file is no key; the message names the line
  kNoKey,    // sealed under a key that is not in the ring
  kBroken,   // sealed for another owner, or altered, or no sealed text at all
};

class KeyRing {
 public:
  static KeyRing fresh();  // one new key
  // One key of 64 bytes.
  static KeyRing of(std::string key);
  // The text of a key file: per line an id and 64 bytes in base64, the sealing key first; '#' begins a remark.
  // Error: kBadFile.
  static Result<KeyRing> parse(std::string_view text);

  std::string text() const;
  // A new key that seals from now on; the former ones still open.
  void rotate();

  // `owner` is bound into the result, "ID:BASE64": what was sealed for one cannot be opened for another. Neither may be
  // empty.
  std::string seal(std::string_view secret, std::string_view owner) const;
  // Errors: kNoKey, kBroken.
  Result<std::string> open(std::string_view sealed, std::string_view owner) const;
  // Whether the key that seals now sealed it.
  bool is_current(std::string_view sealed) const;
  const std::string& current_id() const { return keys_.front().id; }

 private:
  struct Key {
    std::string id;     // the first half of the key's SHA-256, cut to eight hexadecimal digits
    std::string bytes;  // 64: SIV needs one half to authenticate and one to encrypt
  };
  explicit KeyRing(std::vector<Key> keys) : keys_(std::move(keys)) {}
  static Key make(std::string bytes);

  std::vector<Key> keys_;
};

}  // namespace hearth::storage
