#pragma once
// One HTTP header field, shared by `net` (which moves it) and `wire` (which reads it).

#include <string>
#include <string_view>
#include <vector>

namespace hearth {

struct Header {
  std::string name;
  std::string value;
};

// ASCII case-insensitive equality, as header names compare.
bool equals_ignore_case(std::string_view a, std::string_view b);

// The first header called `name`, or nullptr.
const std::string* find_header(const std::vector<Header>& headers, std::string_view name);

}  // namespace hearth
