#pragma once
// The operations of STS that have a handler.

#include "services/operation_table.h"
#include "services/sts/service.h"

namespace hearth::services::sts {

// `service` outlives the table.
OperationTable make_operations(Service& service);

}  // namespace hearth::services::sts
