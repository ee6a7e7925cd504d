#pragma once
// Rendering: a function as the API shows it.

#include "functions/function.h"
#include "wire/generated/lambda.h"

namespace hearth::services::lambda {

enum class ArnForm { kPlain, kQualified };   // with ":$LATEST" where the caller named a qualifier
enum class ShownState { kShown, kLeftOut };  // lists show no state, as on AWS

wire::lambda::FunctionConfiguration render(const functions::FunctionVersion& function, ArnForm form = ArnForm::kPlain,
                                           ShownState state = ShownState::kShown);

// The ARN of the runtime version a function runs on: the same for the same runtime name.
std::string runtime_version_arn(const functions::FunctionVersion& function);

}  // namespace hearth::services::lambda
