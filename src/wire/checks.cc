#include "wire/checks.h"

#include <algorithm>

#include "base/utf8.h"
#include "wire/json_writer.h"
#include "wire/reader.h"
#include "wire/rules.h"

namespace hearth::wire {
namespace {

std::string lower_first(std::string_view name) {
  std::string out(name);
  if (!out.empty() && out[0] >= 'A' && out[0] <= 'Z') out[0] = static_cast<char>(out[0] - 'A' + 'a');
  return out;
}

// `message` with "{value}" replaced.
std::string with_value(std::string_view message, std::string_view value) {
  constexpr std::string_view kPlace = "{value}";
  std::string text(message);
  if (const std::size_t at = text.find(kPlace); at != std::string::npos) text.replace(at, kPlace.size(), value);
  return text;
}

// The function's name in "name", "name:qualifier", "account:function:name" or "arn:...:function:name:qualifier".
std::string_view function_name(std::string_view text) {
  constexpr std::string_view kMark = "function:";
  if (const std::size_t mark = text.find(kMark); mark != std::string_view::npos) {
    text.remove_prefix(mark + kMark.size());
  } else if (text.size() > 13 && text[12] == ':' &&
             std::ranges::all_of(text.substr(0, 12), [](char c) { return c >= '0' && c <= '9'; })) {
    text.remove_prefix(13);
  }
  return text.substr(0, text.find(':'));
}

}  // namespace

std::optional<AwsError> check_values_or_arn(const std::string& value, std::string_view member,
                                            std::span<const std::string_view> values, const ErrorShape& error) {
  if (value.starts_with("arn:") || std::ranges::find(values, value) != values.end()) return std::nullopt;
  return make_error(error, "Value " + value + " at '" + lower_first(member) +
                               "' failed to satisfy constraint: " + values_text(values) + " or be a valid ARN");
}

std::optional<AwsError> check_retired(const std::string& value, std::span<const std::string_view> retired,
                                      std::string_view message, const ErrorShape& error) {
  if (std::ranges::find(retired, value) == retired.end()) return std::nullopt;
  return make_error(error, with_value(message, value));
}

std::optional<AwsError> check_function_name_length(const std::string& value, std::string_view member, std::size_t max,
                                                   const ErrorShape& error) {
  const std::string_view name = function_name(value);
  if (name.size() <= max) return std::nullopt;
  return make_error(error, "1 validation error detected: Value '" + std::string(name) + "' at '" + lower_first(member) +
                               "' failed to satisfy constraint: " + max_text(Measure::kLength, std::to_string(max)));
}

std::optional<AwsError> check_max_size(std::size_t size, std::size_t max, std::string_view message,
                                       const ErrorShape& error) {
  if (size <= max) return std::nullopt;
  return make_error(error, std::string(message));
}

std::optional<AwsError> check_environment_size(const std::map<std::string, std::string>& variables, std::size_t max,
                                               std::string_view message, const ErrorShape& error) {
  JsonWriter writer;
  writer.begin_object();
  for (const auto& [name, value] : variables) writer.member(name, value);
  writer.end_object();
  const std::string text = writer.take();
  if (text.size() <= max) return std::nullopt;
  return make_error(error, with_value(message, utf8_prefix(text, Reader::kMaxShown)));
}

std::optional<AwsError> check_min_value(std::int64_t value, std::int64_t min, std::string_view message,
                                        const ErrorShape& error) {
  if (value >= min) return std::nullopt;
  return make_error(error, std::string(message));
}

}  // namespace hearth::wire
