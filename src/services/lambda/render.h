#pragma once
// Rendering: a function as the API shows it.

#include <string>
#include <string_view>

#include "functions/function.h"
#include "wire/generated/lambda.h"

namespace hearth::services::lambda {

enum class ShownState { kShown, kLeftOut };  // lists show no state, as on AWS

// A function has one ARN, but shows the qualifier that the caller named; empty: none.
wire::lambda::FunctionConfiguration render(const functions::FunctionVersion& function, std::string_view qualifier = {},
                                           ShownState state = ShownState::kShown);

wire::lambda::AliasConfiguration render(const functions::Alias& alias, const std::string& function_arn);

// "2026-11-20T14:00:00.123+0000"
std::string date_text(TimePoint time);

// The ARN of the runtime version a function runs on: the same for the same runtime name.
std::string runtime_version_arn(const functions::FunctionVersion& function);

}  // namespace hearth::services::lambda
