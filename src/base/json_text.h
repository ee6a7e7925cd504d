#pragma once
// How text is written as a JSON string.

#include <string>
#include <string_view>

namespace hearth {

// Appends `text` as a JSON string with its quotes. Control characters are escaped; bytes that are not UTF-8 become
// U+FFFD.
void append_json_string(std::string& out, std::string_view text);

}  // namespace hearth
