#pragma once
// The text rules of Signature Version 4: splitting, encoding and normalising, apart from keys and time.
//
// Used by sigv4.cc; all functions are total: any bytes in, no failure but those stated.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/header.h"

namespace hearth::wire {

std::vector<std::string_view> split(std::string_view text, char separator);
std::string_view trim(std::string_view text);                       // spaces and tabs
std::string lower(std::string_view text);                           // ASCII
std::optional<std::uint64_t> parse_decimal(std::string_view text);  // digits only, at most 18

// Everything but A-Z a-z 0-9 - . _ ~ as %XX.
std::string encode_component(std::string_view text);
// '+' counts as a space; a '%' that begins no escape stays.
std::string decode_query_component(std::string_view text);

// Query parameters, decoded, in order.
std::vector<std::pair<std::string, std::string>> split_query(std::string_view query);
bool has_query_name(std::string_view query, std::string_view name);
// Decoded, encoded afresh, sorted by name then value; without the parameter `omit` (empty: none).
std::string canonical_query(std::string_view query, std::string_view omit);

// Resolves "." and ".." and drops empty segments, as RFC 3986 5.2.4 and AWS do; always begins with '/'.
std::string normalize_path(std::string_view path);
// Encodes all but unreserved characters and '/', the sent '%' included.
std::string encode_path_again(std::string_view path);
// Decodes what was sent and encodes it once; "/" for an empty path.
std::string encode_path_once(std::string_view path);

// Appends the values of every header called `name`, joined by ',', inner runs of blanks made one space.
void append_canonical_values(const std::vector<Header>& headers, std::string_view name, std::string& out);

// An RFC 7231 IMF-fixdate ("Sun, 06 Nov 1994 08:49:37 GMT").
std::optional<TimePoint> parse_http_date(std::string_view text);

}  // namespace hearth::wire
