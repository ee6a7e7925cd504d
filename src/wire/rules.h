#pragma once
// Rules: what a model says about the values of one shape. The generated code holds constant tables of them.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "wire/pattern.h"
#include "wire/timestamp.h"

namespace hearth::wire {

enum class Encoding { kText, kBase64 };   // how a string in the document carries bytes
enum class Secrecy { kShown, kHidden };   // hidden values are left out of messages
enum class Nulls { kAllowed, kRefused };  // may a list or map hold null
enum class ListForm { kWrapped, kBare };  // "Member must satisfy constraint: [...]", or the one constraint alone

struct Rules {
  std::optional<std::int64_t> min = {};  // of an integer's value, a string's characters, a list's members
  std::optional<std::int64_t> max = {};
  std::optional<double> float_min = {};
  std::optional<double> float_max = {};
  std::span<const std::string_view> values = {};  // enum
  const Pattern* pattern = nullptr;
  // What a service says instead of naming the pattern, alone; "{member}" stands for the member's path.
  std::string_view pattern_message = {};
  Encoding encoding = Encoding::kText;
  Secrecy secrecy = Secrecy::kShown;
  Nulls nulls = Nulls::kAllowed;
  ListForm list_form = ListForm::kWrapped;
  const Rules* key = nullptr;      // of a map
  const Rules* element = nullptr;  // of a list or a map's values
  // Location names of a query map entry's key and value; of a list's member where it is not "member".
  std::string_view key_name = "key";
  std::string_view value_name = "value";
};

// "Member must have length less than or equal to 64": one sentence per constraint, in AWS's order.
enum class Measure { kLength, kValue };
std::string max_text(Measure measure, const std::string& limit);
std::string min_text(Measure measure, const std::string& limit);
std::string values_text(std::span<const std::string_view> values);
std::string pattern_text(const Pattern& pattern);
// Java's text of a double, which is what AWS's messages show: 1.0, 0.25, 1.0E10.
std::string double_text(double value);
// Characters as AWS counts them: UTF-16 code units of valid UTF-8.
std::int64_t count_characters(std::string_view utf8);

}  // namespace hearth::wire
