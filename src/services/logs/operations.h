#pragma once
// The operations of CloudWatch Logs that have a handler.

#include "services/logs/service.h"
#include "services/operation_table.h"

namespace hearth::services::logs {

// `service`, and what `workers` refers to, outlive the table.
OperationTable make_operations(Service& service, Workers workers);

}  // namespace hearth::services::logs
