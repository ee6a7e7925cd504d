#pragma once
// Destination: the record of an asynchronous invocation that its function's destination gets when it has ended.
//
// Path: services/lambda/event_queue.cc -> here        Tests: event_queue_test.cc

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "invocation/invoker.h"
#include "services/lambda/names.h"
#include "services/lambda/store.h"

namespace hearth::services::lambda {

enum class EventEnding { kSuccess, kRetriesExhausted, kEventAgeExceeded, kZeroReservedConcurrency };

// The record as JSON. `outcome` is the last run's; nullptr if it never ran to an end.
std::string destination_record(const StoredEvent& event, EventEnding ending, const invocation::InvokeOutcome* outcome,
                               TimePoint now);

// The invocation of the destination `target` with that record.
invocation::InvokeRequest destination_request(const FunctionRef& target, std::string record);

}  // namespace hearth::services::lambda
