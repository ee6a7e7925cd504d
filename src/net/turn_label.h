#pragma once
// TurnLabel: what the loop of this thread is doing, for its watchdog and nobody else.
//
// Handlers and tasks note themselves where they begin; it costs a clock read. What runs until the next note, or the
// end of the turn, counts as theirs.

#include <string_view>

namespace hearth::net {

// `what` is of static storage duration. Any thread; without a loop nothing happens.
void note_turn(std::string_view what);

}  // namespace hearth::net
