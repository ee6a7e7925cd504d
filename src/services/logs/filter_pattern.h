#pragma once
// FilterPattern: CloudWatch's pattern language for unstructured text.
//
// Terms separated by blanks must all occur; "quoted phrases" are one term; -term must not occur; of the ?terms at least
// one must occur (when there are other terms too, AWS ignores the optional ones). Matching is by exact case. Patterns
// for JSON ({ $.x = 1 }), for columns ([a, b]) and regular expressions (%...%) are not built: parse() says so by name.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hearth::services::logs {

class FilterPattern {
 public:
  // Errors: ErrorKind::kInvalid, kUnsupported.
  static Result<FilterPattern> parse(std::string_view text);
  bool matches(std::string_view message) const;

 private:
  std::vector<std::string> required_;
  std::vector<std::string> excluded_;
  std::vector<std::string> optional_;
};

}  // namespace hearth::services::logs
