#pragma once
// JsonCheck: whether a payload is JSON, without building anything from it.
//
// Payloads reach 6 MB, and those below 128 KiB are checked on the loop, so long strings are skipped sixteen bytes at a
// time.
//
// Tests: json_check_test.cc

#include <optional>
#include <string>
#include <string_view>

namespace hearth::invocation {

// What is wrong, with its line and column, or nothing. Nesting deeper than 1,000 is refused.
std::optional<std::string> json_problem(std::string_view text);

}  // namespace hearth::invocation
