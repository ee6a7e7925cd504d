// ARNs and names of functions and layers: what is taken apart goes together again, and a name means one function or a
// refusal. Lines: the name, the qualifier.
#include "fuzz.h"
#include "services/lambda/layer_names.h"
#include "services/lambda/names.h"
#include "wire/arn.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hearth;
  fuzz::Input input(data, size);
  const std::string name = input.line();
  const std::string qualifier = input.line();
  if (const auto arn = wire::parse_arn(name)) {
    FUZZ_REQUIRE(wire::format_arn(*arn) == name);
    FUZZ_REQUIRE(!arn->partition.empty() && !arn->service.empty() && !arn->resource.empty());
    FUZZ_REQUIRE(arn->account.find(':') == std::string::npos && arn->region.find(':') == std::string::npos);
  }
  if (const auto layer = services::lambda::parse_layer_arn(name)) {
    // It becomes the name of a file (layer_import.h), and is the same layer when read again.
    FUZZ_REQUIRE(layer->arn().find('/') == std::string::npos && layer->arn().size() < 240);
    const auto again = services::lambda::parse_layer_arn(layer->arn());
    FUZZ_REQUIRE(again && again->key == layer->key && again->number == layer->number);
  }
  services::RequestContext context;
  context.account = "123456789012";
  context.region = "eu-west-1";
  for (const auto& asked : {std::optional<std::string>(), std::optional(qualifier)}) {
    FUZZ_REQUIRE(!services::lambda::resource_arn(context, name, asked).empty());
    const auto ref = services::lambda::resolve_name(context, "lambda:GetFunction", name, asked);
    if (!ref) continue;
    // Nobody reaches another account or region by the spelling of a name, and the full ARN means the same function.
    FUZZ_REQUIRE(ref->key.account == context.account && ref->key.region == context.region);
    const auto again = services::lambda::resolve_name(context, "lambda:GetFunction", ref->arn());
    if (ref->key.name.find(':') == std::string::npos && !ref->key.name.empty()) {
      FUZZ_REQUIRE(again && again->key == ref->key);
    }
  }
  if (const auto ref = services::lambda::parse_function_arn(name)) {
    const auto again = services::lambda::parse_function_arn(ref->arn());
    FUZZ_REQUIRE(again && again->key == ref->key);
  }
  if (const auto ref = services::lambda::resolve_layer(context, "lambda:GetLayerVersion", name)) {
    FUZZ_REQUIRE(ref->key.account == context.account && ref->key.region == context.region);
  }
  FUZZ_REQUIRE(!services::lambda::layer_resource(context, name).empty());
  return 0;
}
