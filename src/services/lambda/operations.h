#pragma once
// The operations of Lambda that are supported. The gateway runs them; main makes the table.

#include "services/lambda/service.h"
#include "services/operation_table.h"

namespace hearth::services::lambda {

// `service` outlives the table.
OperationTable make_operations(LambdaService& service);

}  // namespace hearth::services::lambda
