#pragma once
// Reader: turns the parts of one request into typed members, collecting what AWS would complain about.
//
// The generated decoders walk a request's members in model order and call `required` or `optional` for each. Bodies of
// every protocol arrive as one tree of JSON values (a query form becomes the tree it spells), so that a service's
// decoders are the same whatever carries it. Two kinds of fault come out of finish(): a value of the wrong type, which
// AWS reports alone as a SerializationException, and broken constraints, which it reports all together.
//
// Path: generated decode -> here        Tests: reader_test.cc

#include <boost/json/value.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "wire/aws_error.h"
#include "wire/box.h"
#include "wire/call.h"
#include "wire/document.h"
#include "wire/rules.h"
#include "wire/service_model.h"

namespace hearth::wire {

namespace json = boost::json;

class Reader {
 public:
  // Messages quote what was sent: at most so much of one value, and of all of them.
  static constexpr std::size_t kMaxShown = std::size_t{256} << 10U;
  static constexpr std::size_t kMaxText = std::size_t{1} << 20U;

  // `call` and `model` outlive the reader.
  Reader(const ServiceModel& model, const Call& call) : model_(model), call_(call) {}
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  // The body as a tree: its top object, or nullptr if there is none or it is malformed (finish() then says so).
  // `document` keeps the tree alive.
  const json::object* body(Document& document);

  // The whole body as one member's value; nullptr if there is none or it is malformed.
  const json::value* payload(Document& document);

  // Where a member may stand. nullptr: absent. A pointer is good until the next of these calls.
  const json::value* find(const json::object* in, std::string_view name);
  const json::value* find(const json::object& in, std::string_view name) { return find(&in, name); }
  const json::value* label(std::string_view name);
  const json::value* query(std::string_view name);
  const json::value* query_list(std::string_view name);
  const json::value* header(std::string_view name);

  // Reads a member called `name` in messages ("FunctionName" shows as 'functionName').
  template <class T>
  void required(std::string_view name, const json::value* value, T& out, const Rules& rules) {
    path_.emplace_back(name);
    if (value == nullptr || value->is_null()) {
      violation_null();
    } else {
      read(*value, out, rules);
    }
    path_.pop_back();
  }
  template <class Optional>
  void optional(std::string_view name, const json::value* value, Optional& out, const Rules& rules) {
    if (value == nullptr || value->is_null()) return;
    path_.emplace_back(name);
    read(*value, out.emplace(), rules);
    path_.pop_back();
  }

  // What the request is answered with, if anything was wrong with it.
  std::optional<AwsError> finish() const;

 private:
  template <class T>
  static constexpr bool kScalar =
      std::is_arithmetic_v<T> || std::is_same_v<T, std::string> || std::is_same_v<T, TimePoint>;

  void read(const json::value& value, std::string& out, const Rules& rules);
  void read(const json::value& value, std::int32_t& out, const Rules& rules);
  void read(const json::value& value, std::int64_t& out, const Rules& rules);
  void read(const json::value& value, double& out, const Rules& rules);
  void read(const json::value& value, bool& out, const Rules& rules);
  void read(const json::value& value, TimePoint& out, const Rules& rules);
  template <class T>
  void read(const json::value& value, std::vector<T>& out, const Rules& rules) {
    const auto items = list_items(value);
    if (!items) return;
    check_size(value, items->size(), rules);
    out.reserve(items->size());
    for (std::size_t i = 0; i < items->size(); ++i) {
      const json::value& item = *(*items)[i];
      if (item.is_null()) {
        element_null(rules);
      } else if constexpr (kScalar<T>) {
        read_element(item, out.emplace_back(), *rules.element);
      } else {
        path_.emplace_back(i);
        read(item, out.emplace_back(), *rules.element);
        path_.pop_back();
      }
    }
    finish_elements(value, rules, std::is_arithmetic_v<T> ? Measure::kValue : Measure::kLength);
  }
  template <class T>
  void read(const json::value& value, std::map<std::string, T>& out, const Rules& rules) {
    const auto entries = map_entries(value, rules);
    if (!entries) return;
    check_size(value, entries->size(), rules);
    check_keys(value, *entries, rules);
    for (const auto& [key, item] : *entries) {
      if (item->is_null()) {
        element_null(rules);
      } else if constexpr (kScalar<T>) {
        T element{};
        read_element(*item, element, *rules.element);
        out.insert_or_assign(std::string(key), std::move(element));
      } else {
        path_.emplace_back(Key{key});
        T element{};
        read(*item, element, *rules.element);
        out.insert_or_assign(std::string(key), std::move(element));
        path_.pop_back();
      }
    }
    finish_elements(value, rules, std::is_arithmetic_v<T> ? Measure::kValue : Measure::kLength);
  }
  template <class T>
  void read(const json::value& value, Box<T>& out, const Rules& rules) {
    read(value, out.emplace(), rules);
  }
  // A structure: the generated `decode` of its type, found by argument-dependent lookup.
  template <class T>
    requires(std::is_class_v<T> && !kScalar<T>)
  void read(const json::value& value, T& out, const Rules& /*rules*/) {
    if (const json::object* members = structure(value)) decode(*this, *members, out);
  }

  using Entries = std::vector<std::pair<std::string_view, const json::value*>>;
  const json::object* structure(const json::value& value);
  std::optional<std::vector<const json::value*>> list_items(const json::value& value);
  std::optional<Entries> map_entries(const json::value& value, const Rules& rules);
  template <class Number>
  void read_integer(const json::value& value, Number& out, const Rules& rules);
  template <class T>
  void read_element(const json::value& value, T& out, const Rules& rules) {
    in_element_ = true;
    read(value, out, rules);
    in_element_ = false;
  }

  void check_size(const json::value& value, std::size_t size, const Rules& rules);
  void check_keys(const json::value& value, const Entries& entries, const Rules& rules);
  void check_string(const std::string& value, const Rules& rules);
  void element_null(const Rules& rules) { element_broken_ = element_broken_ || rules.nulls == Nulls::kRefused; }
  // Reports elements that broke a rule, as one fault of the whole list or map.
  void finish_elements(const json::value& value, const Rules& rules, Measure measure);
  void violation(std::string_view shown, Secrecy secrecy, const std::string& constraint);
  void add_violation(std::string_view value, std::string_view constraint);
  void violation_null();
  void refusal(std::string_view message);
  void mistyped(std::string message);
  void mistyped(const json::value& value, std::string_view wanted);
  std::string path_text() const;
  bool text() const { return text_ || model_.protocol == Protocol::kQuery; }

  struct Key {
    std::string_view text;
  };

  const ServiceModel& model_;
  const Call& call_;
  json::value text_value_;
  bool text_ = false;  // the value comes from a path, query or header: numbers are text
  bool in_element_ = false;
  bool element_broken_ = false;
  std::vector<std::variant<std::string_view, std::size_t, Key>> path_;
  std::size_t violations_ = 0;
  std::string violations_text_;         // all of them, or the first until they are kMaxText long
  std::optional<std::string> refusal_;  // the first refusal in a service's own words
  std::optional<AwsError> malformed_;
};

}  // namespace hearth::wire
