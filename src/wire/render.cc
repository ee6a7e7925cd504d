#include "wire/render.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <vector>

namespace hearth::wire {

namespace json = boost::json;

std::string render(const json::value& value, const Rules& rules) {
  static constexpr Rules kPlain;
  const Rules& element = rules.element != nullptr ? *rules.element : kPlain;
  switch (value.kind()) {
    case json::kind::null:
      return "null";
    case json::kind::bool_:
      return value.get_bool() ? "true" : "false";
    case json::kind::string:
      return std::string(value.get_string());
    case json::kind::int64:
      if (rules.float_max || rules.float_min) return double_text(static_cast<double>(value.get_int64()));
      return std::to_string(value.get_int64());
    case json::kind::uint64:
      return std::to_string(value.get_uint64());
    case json::kind::double_:
      return double_text(value.get_double());
    case json::kind::array: {
      std::string out = "[";
      for (const json::value& item : value.get_array()) {
        if (out.size() > 1) out += ", ";
        out += render(item, element);
      }
      return out + "]";
    }
    case json::kind::object: {
      std::string out = "{";
      for (const auto& member : value.get_object()) {
        if (out.size() > 1) out += ", ";
        out.append(std::string_view(member.key())).append("=").append(render(member.value(), element));
      }
      return out + "}";
    }
  }
  return {};
}

std::string join_constraints(const Rules& rules, Measure measure, Nulls nulls) {
  std::vector<std::string> all;
  if (rules.max) all.push_back(max_text(measure, std::to_string(*rules.max)));
  if (rules.float_max) all.push_back(max_text(Measure::kValue, double_text(*rules.float_max)));
  if (rules.min) all.push_back(min_text(measure, std::to_string(*rules.min)));
  if (rules.float_min) all.push_back(min_text(Measure::kValue, double_text(*rules.float_min)));
  if (rules.pattern != nullptr) all.push_back(pattern_text(*rules.pattern));
  if (!rules.values.empty()) all.push_back(values_text(rules.values));
  if (nulls == Nulls::kRefused) all.emplace_back("Member must not be null");
  std::string out;
  for (const std::string& text : all) {
    if (!out.empty()) out += ", ";
    out += text;
  }
  return out;
}

std::string_view token_name(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return "NULL_VALUE";
    case json::kind::bool_:
      return value.get_bool() ? "TRUE_VALUE" : "FALSE_VALUE";
    case json::kind::string:
      return "STRING_VALUE";
    case json::kind::int64:
    case json::kind::uint64:
      return "NUMBER_VALUE";
    case json::kind::double_:
      return "DECIMAL_VALUE";
    case json::kind::array:
      return "START_ARRAY";
    case json::kind::object:
      return "START_OBJECT";
  }
  return "VALUE";
}

std::string java_class(const json::value& value) {
  if (value.is_string()) return "class java.lang.String";
  if (value.is_bool()) return "class java.lang.Boolean";
  if (value.is_double()) return "class java.lang.Double";
  return "class java.lang.Integer";
}

}  // namespace hearth::wire
