#include "services/lambda/layer_names.h"

#include <fmt/format.h>

#include <vector>

#include "functions/registry.h"
#include "services/lambda/errors.h"
#include "services/lambda/names.h"

namespace hearth::services::lambda {
namespace {

constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kRegionCharacters = "abcdefghijklmnopqrstuvwxyz0123456789-";
constexpr std::string_view kNameCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
constexpr std::size_t kLongestRegion = 32;
constexpr std::size_t kLongestName = 140;  // as the model's LayerName

}  // namespace

std::string LayerRef::layer_arn() const {
  return fmt::format("arn:{}:lambda:{}:{}:layer:{}", partition_of(key.region), key.region, key.account, key.name);
}

std::string LayerRef::arn() const { return fmt::format("{}:{}", layer_arn(), number); }

std::optional<LayerRef> parse_layer_arn(std::string_view arn) {
  std::vector<std::string_view> parts;
  for (std::string_view rest = arn;;) {
    const std::size_t colon = rest.find(':');
    parts.push_back(rest.substr(0, colon));
    if (colon == std::string_view::npos) break;
    rest.remove_prefix(colon + 1);
  }
  if (parts.size() < 7 || parts.size() > 8 || parts[0] != "arn" || parts[2] != "lambda" || parts[5] != "layer") {
    return std::nullopt;
  }
  const auto consists_of = [](std::string_view part, std::string_view characters) {
    return !part.empty() && part.find_first_not_of(characters) == std::string_view::npos;
  };
  if (!consists_of(parts[3], kRegionCharacters) || parts[3].size() > kLongestRegion ||
      !consists_of(parts[4], kDigits) || parts[4].size() != 12 || !consists_of(parts[6], kNameCharacters) ||
      parts[6].size() > kLongestName) {
    return std::nullopt;
  }
  if (parts[1] != partition_of(parts[3])) return std::nullopt;
  LayerRef ref{.key = {std::string(parts[4]), std::string(parts[3]), std::string(parts[6])}};
  if (parts.size() == 8) ref.number = functions::version_number(parts[7]).value_or(0);
  return ref;
}

LayerRef any_layer(const RequestContext& context, std::string_view layer_name, std::int64_t number) {
  auto ref = parse_layer_arn(layer_name);
  if (!ref) ref = LayerRef{.key = {context.account, context.region, std::string(layer_name)}};
  ref->number = number < 1 ? 0 : static_cast<std::uint64_t>(number);
  return *std::move(ref);
}

Result<LayerRef> resolve_layer(const RequestContext& context, std::string_view action, std::string_view layer_name,
                               std::int64_t number) {
  LayerRef ref = any_layer(context, layer_name, number);
  if (ref.key.account == context.account && ref.key.region == context.region) return ref;
  return layer_denied(context, action, number == 0 ? ref.layer_arn() : ref.arn());
}

std::unexpected<Error> layer_denied(const RequestContext& context, std::string_view action, const std::string& arn) {
  return fail(ErrorKind::kAccessDenied, fmt::format("User: {} is not authorized to perform: {} on resource: {} because "
                                                    "no resource-based policy allows the {} action",
                                                    context.caller.arn, action, arn, action));
}

std::string layer_resource(const RequestContext& context, std::string_view layer_name) {
  return any_layer(context, layer_name, 0).layer_arn();
}

std::string layer_resource(const RequestContext& context, std::string_view layer_name, std::int64_t number) {
  return any_layer(context, layer_name, number).arn();
}

}  // namespace hearth::services::lambda
