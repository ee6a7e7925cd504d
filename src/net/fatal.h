#pragma once
// The end of the program on a bug that left a task or posted work: nobody is left who could answer for it.

#include <exception>
#include <string_view>

namespace hearth::net {

// Writes one line with what `failure` says to standard error and aborts.
[[noreturn]] void end_program(std::string_view what, std::exception_ptr failure) noexcept;

}  // namespace hearth::net
