// Deciding with policies: an identity policy, a resource policy and a request, all of a hostile client's words.
// Lines: action, resource, the value of each key; the rest is two documents with a line "--" between them.
#include "fuzz.h"
#include "policy/evaluate.h"

namespace {

using namespace hearth::policy;

std::shared_ptr<const Document> parsed(std::string_view text, DocumentKind kind) {
  auto document = parse_document(text, kind);
  return document ? std::make_shared<const Document>(*std::move(document)) : nullptr;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  hearth::fuzz::Input input(data, size);
  Request request;
  request.requester.account = "111122223333";
  request.requester.arn = "arn:aws:iam::111122223333:user/u";
  request.action = input.line();
  request.resource = input.line();
  const std::string value = input.line();
  for (const char* key : {"aws:username", "aws:SourceIp", "aws:CurrentTime", "aws:TagKeys"})
    request.context.set(key, value);
  const std::string rest = input.rest();
  const std::size_t border = rest.find("\n--\n");
  const auto identity = parsed(std::string_view(rest).substr(0, border), DocumentKind::kIdentity);
  const auto resource = border == std::string::npos
                            ? nullptr
                            : parsed(std::string_view(rest).substr(border + 4), DocumentKind::kResource);
  Policies policies;
  if (identity) policies.identity.push_back(identity);
  policies.resource = resource;
  const Decision decision = evaluate(policies, request);
  FUZZ_REQUIRE(!decision.allowed() || identity || resource);
  FUZZ_REQUIRE(decision.allowed() || !denial_of(decision, request.action).empty());
  // Asking for more can only take away: what is allowed within a boundary and a session is allowed without them, unless
  // the resource's policy names the user itself.
  if (!identity) return 0;
  Policies narrowed = policies;
  narrowed.boundary = identity;
  narrowed.session = Documents{identity};
  if (evaluate(narrowed, request).allowed()) FUZZ_REQUIRE(decision.allowed());
  // An explicit deny ends it, whatever else allows.
  if (effect_of(*identity, request) == Effect::kDeny) FUZZ_REQUIRE(!decision.allowed());
  return 0;
}
