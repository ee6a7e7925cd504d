#pragma once
// The operations of IAM that have a handler.

#include "services/iam/service.h"
#include "services/operation_table.h"

namespace hearth::services::iam {

// `service`, and what `workers` refers to, outlive the table.
OperationTable make_operations(Service& service, Workers workers);

}  // namespace hearth::services::iam
