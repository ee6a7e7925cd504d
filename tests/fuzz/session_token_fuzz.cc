// Session tokens: what was sealed opens for its own key id alone, and no other bytes open at all.
// First byte: where a sealed token is changed; then lines: account, ARN, user id; the rest is tried as a token.
#include "fuzz.h"
#include "services/sts/session_token.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hearth;
  using namespace hearth::services::sts;
  static const std::string kKey(32, 'k');
  static const std::string kOtherKey(32, 'o');
  fuzz::Input input(data, size);
  const std::size_t at = input.byte();
  Session session;
  session.account = input.line();
  session.arn = input.line();
  session.user_id = input.line();
  session.expires = TimePoint(std::chrono::milliseconds(1'700'000'000'000));
  const std::string token = input.rest();
  FUZZ_REQUIRE(!unseal(kKey, "ASIAX", token));

  const TemporaryCredentials sealed = seal(kKey, session);
  const auto opened = unseal(kKey, sealed.access_key_id, sealed.session_token);
  if (opened) {
    FUZZ_REQUIRE(opened->account == session.account && opened->arn == session.arn);
    FUZZ_REQUIRE(opened->user_id == session.user_id && opened->expires == session.expires);
  } else {
    // Only what no name can be: text that is not UTF-8, or longer than any.
    FUZZ_REQUIRE(sealed.session_token.size() > 8'192 || session.account.size() + session.arn.size() > 0 ||
                 !session.user_id.empty());
  }
  FUZZ_REQUIRE(!unseal(kOtherKey, sealed.access_key_id, sealed.session_token));
  FUZZ_REQUIRE(!unseal(kKey, sealed.access_key_id + "X", sealed.session_token));
  FUZZ_REQUIRE(secret_of(kKey, sealed.access_key_id) == sealed.secret_access_key);
  std::string changed = sealed.session_token;
  char& c = changed[at % changed.size()];
  if (c == '=' || changed[std::min(at % changed.size() + 1, changed.size() - 1)] == '=') return 0;  // unused bits
  c = c == 'A' ? 'B' : 'A';
  FUZZ_REQUIRE(!unseal(kKey, sealed.access_key_id, changed));
  return 0;
}
