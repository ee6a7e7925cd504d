#pragma once
// UTF-8, as far as the program needs it.

#include <cstddef>
#include <string_view>

namespace hearth {

// The length of the well-formed sequence that `text` begins with; 0 if it begins with none.
std::size_t utf8_sequence(std::string_view text);

// The first `max` bytes of `text`, or fewer so as not to cut a sequence.
std::string_view utf8_prefix(std::string_view text, std::size_t max);

}  // namespace hearth
