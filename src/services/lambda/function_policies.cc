#include "services/lambda/function_policies.h"

#include "services/lambda/names.h"

namespace hearth::services::lambda {
namespace {

constexpr std::size_t kMostKept = 10'000;

}  // namespace

std::optional<ResourceFacts> FunctionPolicies::facts_of(std::string_view, const std::string& arn) const {
  const auto ref = parse_function_arn(arn);
  if (!ref) return std::nullopt;
  ResourceFacts facts;
  facts.tags = registry_.tags(ref->key);
  std::string text = registry_.policy(ref->key, ref->is_latest() ? std::string() : ref->qualifier).document;
  if (text.empty()) return facts;
  if (kept_.size() >= kMostKept) kept_.clear();
  Kept& kept = kept_[arn];
  if (kept.text != text) {
    auto document = policy::parse_document(text, policy::DocumentKind::kResource);
    // AddPermission writes grants alone, so one that cannot be read grants nothing and denies nothing.
    kept.document = document ? std::make_shared<const policy::Document>(*std::move(document)) : nullptr;
    kept.text = std::move(text);
  }
  facts.policy = kept.document;
  return facts;
}

}  // namespace hearth::services::lambda
