// Any bytes as the head of a signed request: parsing, checking and verifying end, and what this code signed verifies.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "wire/sigv4.h"
#include "wire/sigv4_text.h"

namespace {

using namespace hearth;        // NOLINT: a test program
using namespace hearth::wire;  // NOLINT

void require(bool condition) {
  if (!condition) __builtin_trap();
}

}  // namespace

// Lines: method, path, query, then "name:value" headers up to an empty line; the rest is the body.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static SigV4 signer;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const auto take_line = [&] {
    const std::size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    return line;
  };
  const std::string_view method = take_line();
  const std::string_view path = take_line();
  const std::string_view query = take_line();
  std::vector<Header> headers;
  for (std::string_view line = take_line(); !line.empty() && headers.size() < 64; line = take_line()) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    headers.push_back({std::string(line.substr(0, colon)), std::string(line.substr(colon + 1))});
  }
  const SignedRequest request{method, path, query, headers};
  const std::string hash = signer.sha256_hex(rest);
  const TimePoint now = *parse_amz_time("20150830T123600Z");
  const SigV4Rules rules{.service = "lambda"};
  if (const auto claim = parse_signature(request); claim && *claim) {
    if (check_claim(**claim, rules, now)) {
      (void)signer.verify(request, **claim, rules, "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", hash).has_value();
    }
  }
  // A path is in its normal form after one normalisation, and canonical text is a fixed point.
  const std::string normal = normalize_path(path);
  require(normalize_path(normal) == normal);
  const std::string canonical = canonical_query(query, "");
  require(canonical_query(canonical, "") == canonical);
  // Whatever is signed here verifies here.
  std::vector<Header> plain{{"Host", "h"}};
  for (const Header& header : headers) {
    const std::string name = lower(header.name);
    if (name != "authorization" && !name.starts_with("x-amz-") && name != "host" && name != "date" && !name.empty() &&
        name.find_first_of(";, \t\r\v\f") == std::string::npos) {
      plain.push_back(header);
    }
  }
  if (has_query_name(query, "X-Amz-Algorithm") || has_query_name(query, "X-Amz-Signature")) return 0;
  const SignedRequest bare{method, path, query, plain};
  std::vector<Header> complete = plain;
  for (Header& header : signer.sign(bare, {"AKIA", "s"}, {"us-east-1", "lambda"}, now, hash))
    complete.push_back(header);
  const SignedRequest sent{method, path, query, complete};
  const auto own = parse_signature(sent);
  require(own && *own);
  require(check_claim(**own, rules, now).has_value());
  require(signer.verify(sent, **own, rules, "s", hash).has_value());
  return 0;
}
