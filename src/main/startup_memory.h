#pragma once
// Start-up memory: what only starting up needed, given back once a process serves.

namespace hearth::main {

// Returns free heap to the kernel, and drops pages of the program's text, which are clean and come back from the page
// cache when they are run again. Takes well under a millisecond.
void release_startup_memory();

}  // namespace hearth::main
