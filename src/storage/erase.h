#pragma once
// Erasing many rows without holding up the loop.

#include <string>

#include "net/fair_turns.h"
#include "net/task.h"
#include "storage/store.h"

namespace hearth::storage {

// Erases every key with `prefix`, a piece a turn, each on disk before the next. What is written under the prefix
// meanwhile may be erased or stay. A failure leaves some erased. Errors: kUnavailable.
Task<Status> erase_in_pieces(Store& store, std::string prefix, net::FairTurns& turns);

}  // namespace hearth::storage
