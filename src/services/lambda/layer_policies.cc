#include "services/lambda/layer_policies.h"

#include <utility>

#include "services/lambda/layer_names.h"

namespace hearth::services::lambda {
namespace {

constexpr std::string_view kForEverybody =
    R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"lambda:GetLayerVersion","Resource":"*"}]})";

}  // namespace

std::optional<ResourceFacts> LayerPolicies::facts_of(std::string_view, const std::string& arn) const {
  const auto ref = parse_layer_arn(arn);
  if (!ref || ref->number == 0) return std::nullopt;
  const functions::LayerSnapshot layer = layers_.find(ref->key, ref->number);
  const bool open = !layer || layer->origin == functions::LayerOrigin::kImported;
  const std::string_view text = open ? kForEverybody : std::string_view(layer->policy);
  ResourceFacts facts;
  if (text.empty()) return facts;
  // One that cannot be read grants nothing.
  auto document = policy::parse_document(text, policy::DocumentKind::kResource);
  if (document) facts.policy = std::make_shared<const policy::Document>(*std::move(document));
  return facts;
}

}  // namespace hearth::services::lambda
