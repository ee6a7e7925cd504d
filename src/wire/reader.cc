#include "wire/reader.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/bytes.h"
#include "base/utf8.h"
#include "wire/render.h"

namespace hearth::wire {
namespace {

std::string lower_first(std::string_view name) {
  std::string out(name);
  if (!out.empty() && out[0] >= 'A' && out[0] <= 'Z') out[0] = static_cast<char>(out[0] - 'A' + 'a');
  return out;
}

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number{};
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || rest != end || text.empty()) return std::nullopt;
  return number;
}

// A JSON number as an integer; numbers with a fraction lose it, as AWS's deserialiser does.
std::optional<std::int64_t> integer(const json::value& value) {
  if (value.is_int64()) return value.get_int64();
  if (value.is_double()) {
    const double number = std::trunc(value.get_double());
    if (std::fabs(number) < 9.0e18) return static_cast<std::int64_t>(number);
  }
  return std::nullopt;
}

}  // namespace

const json::object* Reader::body(Document& document) {
  std::string why;
  const json::value* root = nullptr;
  if (model_.protocol == Protocol::kQuery) {
    Parameters parameters = call_.query;
    auto form = decode_form(call_.body);
    if (!form) {
      mistyped("malformed percent-encoding in the request body");
      return nullptr;
    }
    parameters.insert(parameters.end(), form->begin(), form->end());
    root = document.build_form(parameters, why);
  } else {
    if (call_.body.empty()) return nullptr;
    root = document.parse_json(call_.body, why);
  }
  if (root == nullptr) {
    mistyped(std::move(why));
    return nullptr;
  }
  if (root->is_null()) return nullptr;
  return structure(*root);
}

const json::value* Reader::payload(Document& document) {
  text_ = false;
  if (call_.body.empty()) return nullptr;
  std::string why;
  const json::value* root = document.parse_json(call_.body, why);
  if (root == nullptr) mistyped(std::move(why));
  return root;
}

const json::value* Reader::find(const json::object* in, std::string_view name) {
  text_ = false;
  return in == nullptr ? nullptr : in->if_contains(name);
}

const json::value* Reader::label(std::string_view name) {
  for (const auto& [key, value] : call_.labels) {
    if (key != name) continue;
    text_ = true;
    text_value_ = value;
    return &text_value_;
  }
  return nullptr;
}

const json::value* Reader::query(std::string_view name) {
  for (const auto& [key, value] : call_.query) {
    if (key != name) continue;
    text_ = true;
    text_value_ = value;
    return &text_value_;
  }
  return nullptr;
}

const json::value* Reader::query_list(std::string_view name) {
  json::array items;
  for (const auto& [key, value] : call_.query) {
    if (key == name) items.emplace_back(value);
  }
  if (items.empty()) return nullptr;
  text_ = true;
  text_value_ = std::move(items);
  return &text_value_;
}

const json::value* Reader::header(std::string_view name) {
  const std::string* value = find_header(call_.headers, name);
  if (value == nullptr) return nullptr;
  text_ = true;
  text_value_ = *value;
  return &text_value_;
}

void Reader::read(const json::value& value, std::string& out, const Rules& rules) {
  if (!value.is_string()) return mistyped(value, "String");
  const json::string& text = value.get_string();
  if (rules.encoding == Encoding::kBase64) {
    auto bytes = base64_decode(std::string_view(text));
    if (!bytes) return mistyped("Unable to decode base64 input");
    out = *std::move(bytes);
    const auto size = static_cast<std::int64_t>(out.size());
    const std::string shown =
        "java.nio.HeapByteBuffer[pos=0 lim=" + std::to_string(size) + " cap=" + std::to_string(size) + "]";
    if (rules.max && size > *rules.max) {
      violation(shown, rules.secrecy, max_text(Measure::kLength, std::to_string(*rules.max)));
    }
    if (rules.min && size < *rules.min) {
      violation(shown, rules.secrecy, min_text(Measure::kLength, std::to_string(*rules.min)));
    }
    return;
  }
  out.assign(text.data(), text.size());
  check_string(out, rules);
}

void Reader::check_string(const std::string& value, const Rules& rules) {
  if (rules.pattern != nullptr && !rules.pattern->matches(value)) {
    if (rules.pattern_message.empty()) {
      violation(value, rules.secrecy, pattern_text(*rules.pattern));
    } else {
      refusal(rules.pattern_message);
    }
  }
  if (rules.min || rules.max) {
    const std::int64_t size = count_characters(value);
    if (rules.max && size > *rules.max) {
      violation(value, rules.secrecy, max_text(Measure::kLength, std::to_string(*rules.max)));
    }
    if (rules.min && size < *rules.min) {
      violation(value, rules.secrecy, min_text(Measure::kLength, std::to_string(*rules.min)));
    }
  }
  if (!rules.values.empty()) {
    for (const std::string_view allowed : rules.values) {
      if (value == allowed) return;
    }
    violation(value, rules.secrecy, values_text(rules.values));
  }
}

template <class Number>
void Reader::read_integer(const json::value& value, Number& out, const Rules& rules) {
  const std::string_view wanted = sizeof(Number) == 4 ? "Integer" : "Long";
  std::optional<std::int64_t> number;
  if (value.is_string() && text()) {
    number = parse_number<std::int64_t>(std::string_view(value.get_string()));
  } else {
    number = integer(value);
  }
  if (!number || *number > std::numeric_limits<Number>::max() || *number < std::numeric_limits<Number>::min()) {
    return mistyped(value, wanted);
  }
  out = static_cast<Number>(*number);
  if (rules.max && *number > *rules.max) {
    violation(std::to_string(*number), rules.secrecy, max_text(Measure::kValue, std::to_string(*rules.max)));
  }
  if (rules.min && *number < *rules.min) {
    violation(std::to_string(*number), rules.secrecy, min_text(Measure::kValue, std::to_string(*rules.min)));
  }
}

void Reader::read(const json::value& value, std::int32_t& out, const Rules& rules) { read_integer(value, out, rules); }
void Reader::read(const json::value& value, std::int64_t& out, const Rules& rules) { read_integer(value, out, rules); }

void Reader::read(const json::value& value, double& out, const Rules& rules) {
  std::optional<double> number;
  if (value.is_string()) {
    const std::string_view text_value = value.get_string();
    if (text()) number = parse_number<double>(text_value);
    if (text_value == "NaN") number = std::numeric_limits<double>::quiet_NaN();
    if (text_value == "Infinity") number = std::numeric_limits<double>::infinity();
    if (text_value == "-Infinity") number = -std::numeric_limits<double>::infinity();
  } else if (value.is_number()) {
    number = value.to_number<double>();
  }
  if (!number) return mistyped(value, "Double");
  out = *number;
  if (rules.float_max && out > *rules.float_max) {
    violation(double_text(out), rules.secrecy, max_text(Measure::kValue, double_text(*rules.float_max)));
  }
  if (rules.float_min && out < *rules.float_min) {
    violation(double_text(out), rules.secrecy, min_text(Measure::kValue, double_text(*rules.float_min)));
  }
}

void Reader::read(const json::value& value, bool& out, const Rules& /*rules*/) {
  if (value.is_bool()) {
    out = value.get_bool();
    return;
  }
  if (value.is_string() && text()) {
    const std::string_view word = value.get_string();
    if (word == "true" || word == "false") {
      out = word == "true";
      return;
    }
  }
  mistyped(value, "Boolean");
}

void Reader::read(const json::value& value, TimePoint& out, const Rules& /*rules*/) {
  std::optional<TimePoint> time;
  if (value.is_string()) time = parse_timestamp(std::string_view(value.get_string()));
  if (value.is_number()) time = timestamp_from_seconds(value.to_number<double>());
  if (!time) return mistyped(value, "Timestamp");
  out = *time;
}

const json::object* Reader::structure(const json::value& value) {
  if (value.is_object()) return &value.get_object();
  // A form spells an empty structure as an empty value.
  static const json::object kEmpty;
  if (value.is_string() && text() && value.get_string().empty()) return &kEmpty;
  if (value.is_array()) {
    mistyped("Start of list found where not expected");
  } else {
    mistyped("Unexpected field type");
  }
  return nullptr;
}

std::optional<std::vector<const json::value*>> Reader::list_items(const json::value& value) {
  const json::value* list = &value;
  if (model_.protocol == Protocol::kQuery && value.is_object() && value.get_object().size() == 1) {
    list = &value.get_object().begin()->value();  // a wrapper with a name of its own
  }
  std::vector<const json::value*> items;
  if (list->is_array()) {
    items.reserve(list->get_array().size());
    for (const json::value& item : list->get_array()) items.push_back(&item);
    return items;
  }
  if (list->is_string() && text() && list->get_string().empty()) return items;
  if (list->is_object()) {
    mistyped("Start of structure or map found where not expected.");
  } else {
    mistyped("Unrecognized collection type " + java_class(*list));
  }
  return std::nullopt;
}

std::optional<Reader::Entries> Reader::map_entries(const json::value& value, const Rules& rules) {
  Entries entries;
  if (model_.protocol == Protocol::kQuery) {
    if (value.is_string() && value.get_string().empty()) return entries;
    if (!value.is_array()) {
      mistyped("Unexpected field type");
      return std::nullopt;
    }
    for (const json::value& item : value.get_array()) {
      const json::object* pair = item.if_object();
      const json::value* key = pair == nullptr ? nullptr : pair->if_contains(rules.key_name);
      const json::value* element = pair == nullptr ? nullptr : pair->if_contains(rules.value_name);
      if (key == nullptr || element == nullptr || !key->is_string()) {
        mistyped("Unexpected field type");
        return std::nullopt;
      }
      entries.emplace_back(std::string_view(key->get_string()), element);
    }
    return entries;
  }
  if (!value.is_object()) {
    mistyped(value.is_array() ? "Start of list found where not expected" : "Unexpected field type");
    return std::nullopt;
  }
  entries.reserve(value.get_object().size());
  for (const auto& member : value.get_object()) entries.emplace_back(std::string_view(member.key()), &member.value());
  return entries;
}

void Reader::check_size(const json::value& value, std::size_t size, const Rules& rules) {
  const auto count = static_cast<std::int64_t>(size);
  if (rules.max && count > *rules.max) {
    violation(render(value, rules), rules.secrecy, max_text(Measure::kLength, std::to_string(*rules.max)));
  }
  if (rules.min && count < *rules.min) {
    violation(render(value, rules), rules.secrecy, min_text(Measure::kLength, std::to_string(*rules.min)));
  }
}

void Reader::check_keys(const json::value& value, const Entries& entries, const Rules& rules) {
  if (rules.key == nullptr) return;
  in_element_ = true;
  for (const auto& entry : entries) check_string(std::string(entry.first), *rules.key);
  in_element_ = false;
  if (!std::exchange(element_broken_, false)) return;
  violation(
      render(value, rules), rules.secrecy,
      "Map keys must satisfy constraint: [" + join_constraints(*rules.key, Measure::kLength, Nulls::kAllowed) + "]");
}

void Reader::finish_elements(const json::value& value, const Rules& rules, Measure measure) {
  if (!std::exchange(element_broken_, false)) return;
  const std::string all = join_constraints(*rules.element, measure, rules.nulls);
  const std::string_view what =
      rules.key != nullptr ? "Map value must satisfy constraint: [" : "Member must satisfy constraint: [";
  violation(render(value, rules), rules.secrecy,
            rules.list_form == ListForm::kBare ? all : std::string(what) + all + "]");
}

void Reader::violation(std::string_view shown, Secrecy secrecy, const std::string& constraint) {
  if (in_element_) {
    element_broken_ = true;
    return;
  }
  std::string value;
  if (secrecy == Secrecy::kShown) value.append(" '").append(utf8_prefix(shown, kMaxShown)).append("'");
  add_violation(value, constraint);
}

void Reader::add_violation(std::string_view value, std::string_view constraint) {
  ++violations_;
  if (violations_text_.size() > kMaxText) return;
  if (!violations_text_.empty()) violations_text_ += "; ";
  violations_text_.append("Value").append(value).append(" at '").append(path_text());
  violations_text_.append("' failed to satisfy constraint: ").append(constraint);
}

void Reader::refusal(std::string_view message) {
  if (refusal_) return;
  constexpr std::string_view kPlace = "{member}";
  refusal_ = std::string(message);
  if (const std::size_t at = refusal_->find(kPlace); at != std::string::npos) {
    refusal_->replace(at, kPlace.size(), path_text());
  }
}

void Reader::violation_null() { add_violation(" null", "Member must not be null"); }

void Reader::mistyped(const json::value& value, std::string_view wanted) {
  if (value.is_object()) return mistyped("Start of structure or map found where not expected.");
  if (value.is_array()) return mistyped("Start of list found where not expected");
  mistyped(std::string(token_name(value)) + " can not be converted to " + (wanted == "Integer" ? "an " : "a ") +
           std::string(wanted));
}

void Reader::mistyped(std::string message) {
  if (malformed_) return;
  const bool form = model_.protocol == Protocol::kQuery;
  malformed_ = AwsError{
      .code = form ? "MalformedInput" : "SerializationException", .message = std::move(message), .status = 400};
}

std::string Reader::path_text() const {
  std::string out;
  for (const auto& segment : path_) {
    if (!out.empty()) out += '.';
    if (const auto* name = std::get_if<std::string_view>(&segment)) {
      out += lower_first(*name);
    } else if (const auto* key = std::get_if<Key>(&segment)) {
      out.append(key->text).append(".member");
    } else {
      out += std::to_string(std::get<std::size_t>(segment) + 1) + ".member";
    }
  }
  return out;
}

std::optional<AwsError> Reader::finish() const {
  if (malformed_) return malformed_;
  if (violations_ == 0) {
    if (refusal_) return make_error(model_.validation_error, *refusal_);
    return std::nullopt;
  }
  std::string text = std::to_string(violations_) +
                     (violations_ == 1 ? " validation error detected: " : " validation errors detected: ") +
                     violations_text_;
  return make_error(model_.validation_error, std::move(text));
}

}  // namespace hearth::wire
