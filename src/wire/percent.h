#pragma once
// Percent-encoding of paths, queries and forms.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hearth::wire {

// `text` with %XX decoded; '+' stays. Nothing if an escape is malformed.
std::optional<std::string> percent_decode(std::string_view text);
// Every byte but unreserved ones (letters, digits, - . _ ~) as %XX, upper case.
std::string percent_encode(std::string_view text);

using Parameters = std::vector<std::pair<std::string, std::string>>;

// application/x-www-form-urlencoded, or the query part of a target: in order, decoded, '+' is a space.
// Nothing if an escape is malformed.
std::optional<Parameters> decode_form(std::string_view text);

}  // namespace hearth::wire
