#include "services/logs/filter_pattern.h"

#include <algorithm>

#include "services/logs/errors.h"

namespace hearth::services::logs {
namespace {

constexpr std::string_view kBlanks = " \t\n\r";

bool contains(std::string_view message, const std::string& term) {
  return message.find(term) != std::string_view::npos;
}

}  // namespace

Result<FilterPattern> FilterPattern::parse(std::string_view text) {
  FilterPattern pattern;
  std::size_t at = text.find_first_not_of(kBlanks);
  if (at == std::string_view::npos) return pattern;
  if (text[at] == '{')
    return fail(ErrorKind::kUnsupported, "Hearth does not support JSON filter patterns ({ ... }) yet");
  if (text[at] == '[') {
    return fail(ErrorKind::kUnsupported, "Hearth does not support space-delimited filter patterns ([ ... ]) yet");
  }
  while (at != std::string_view::npos) {
    std::vector<std::string>* terms = &pattern.required_;
    if (text[at] == '-' || text[at] == '?') {
      terms = text[at] == '-' ? &pattern.excluded_ : &pattern.optional_;
      ++at;
    }
    std::string term;
    if (at < text.size() && text[at] == '"') {
      bool closed = false;
      for (++at; at < text.size() && !closed; ++at) {
        if (text[at] == '\\' && at + 1 < text.size()) {
          term.push_back(text[++at]);
        } else if (text[at] == '"') {
          closed = true;
        } else {
          term.push_back(text[at]);
        }
      }
      if (!closed) return fail(ErrorKind::kInvalid, "Invalid filter pattern");
    } else {
      const std::size_t end = std::min(text.find_first_of(kBlanks, at), text.size());
      term = text.substr(at, end - at);
      at = end;
      if (term.size() > 1 && term.front() == '%' && term.back() == '%') {
        return fail(ErrorKind::kUnsupported,
                    "Hearth does not support regular expressions in filter patterns (%...%) yet");
      }
    }
    if (term.empty()) return fail(ErrorKind::kInvalid, "Invalid filter pattern");
    terms->push_back(std::move(term));
    at = text.find_first_not_of(kBlanks, at);
  }
  return pattern;
}

bool FilterPattern::matches(std::string_view message) const {
  const auto occurs = [&](const std::string& term) { return contains(message, term); };
  if (!std::ranges::all_of(required_, occurs)) return false;
  if (std::ranges::any_of(excluded_, occurs)) return false;
  return !required_.empty() || optional_.empty() || std::ranges::any_of(optional_, occurs);
}

}  // namespace hearth::services::logs
