#pragma once
// LayerRef: which layer, and which version of it, a request means: by name and number, or by ARN.
//
// Tests: layer_handlers_test.cc

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "functions/layer.h"
#include "services/request_context.h"

namespace hearth::services::lambda {

struct LayerRef {
  functions::LayerKey key;
  std::uint64_t number = 0;  // 0: none, or one that no version can have

  // "arn:aws:lambda:REGION:ACCOUNT:layer:NAME", without and with the number.
  std::string layer_arn() const;
  std::string arn() const;
};

// From the ARN of a layer or of a version. Nothing if it is none.
std::optional<LayerRef> parse_layer_arn(std::string_view arn);

// A layer's name or ARN. Errors: ErrorKind::kAccessDenied (another account; `action` is named).
Result<LayerRef> resolve_layer(const RequestContext& context, std::string_view action, std::string_view layer_name,
                               std::int64_t number = 0);
// The same, also of other accounts: what they allow is asked later.
LayerRef any_layer(const RequestContext& context, std::string_view layer_name, std::int64_t number);

std::unexpected<Error> layer_denied(const RequestContext& context, std::string_view action, const std::string& arn);

// What authorisation is asked about, never failing.
std::string layer_resource(const RequestContext& context, std::string_view layer_name);
std::string layer_resource(const RequestContext& context, std::string_view layer_name, std::int64_t number);

}  // namespace hearth::services::lambda
