#pragma once
// RecordReader: members of one stored JSON record; remembers the first that was missing or of the wrong type.
//
// Path: functions/store.cc, functions/layer_store.cc -> here        Tests: registry_test.cc, layers_test.cc

#include <array>
#include <boost/json.hpp>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "functions/function.h"

namespace hearth::functions {

inline boost::json::object encode_package(const CodePackage& package) {
  return {{"blob", package.blob.sha256_hex},
          {"code_sha256", package.sha256_base64},
          {"code_size", package.size_bytes},
          {"unpacked_size", package.unpacked_bytes}};
}

// `object` outlives it.
class RecordReader {
 public:
  explicit RecordReader(const boost::json::object& object) : object_(object) {}

  std::string text(std::string_view name) {
    const boost::json::value* value = object_.if_contains(name);
    if (!value || !value->is_string()) return broken(name), std::string();
    return std::string(value->get_string());
  }
  bool has(std::string_view name) const { return object_.contains(name); }
  // Of a member that older records lack.
  std::string text_or_empty(std::string_view name) { return object_.contains(name) ? text(name) : std::string(); }
  template <class Number = std::uint64_t>
  Number number(std::string_view name) {
    const boost::json::value* value = object_.if_contains(name);
    if (!value) return broken(name), 0;
    boost::system::error_code error;
    const auto number = value->to_number<Number>(error);
    if (error) return broken(name), 0;
    return number;
  }
  std::optional<std::uint32_t> number_if_there(std::string_view name) {
    if (!object_.contains(name)) return std::nullopt;
    return static_cast<std::uint32_t>(number(name));
  }
  TimePoint time(std::string_view name) {
    return TimePoint(std::chrono::milliseconds(static_cast<std::int64_t>(number(name))));
  }
  bool flag(std::string_view name) {
    const boost::json::value* value = object_.if_contains(name);
    if (!value || !value->is_bool()) return broken(name), false;
    return value->get_bool();
  }
  std::map<std::string, std::string> map(std::string_view name) {
    std::map<std::string, std::string> result;
    const boost::json::value* value = object_.if_contains(name);
    if (!value || !value->is_object()) return broken(name), result;
    for (const auto& member : value->get_object()) {
      if (!member.value().is_string()) return broken(name), result;
      result.emplace(member.key(), member.value().get_string());
    }
    return result;
  }
  std::map<std::string, double> weights(std::string_view name) {
    std::map<std::string, double> result;
    const boost::json::value* value = object_.if_contains(name);
    if (!value || !value->is_object()) return broken(name), result;
    for (const auto& member : value->get_object()) {
      boost::system::error_code error;
      const auto weight = member.value().to_number<double>(error);
      if (error) return broken(name), result;
      result.emplace(member.key(), weight);
    }
    return result;
  }
  template <class Enum, std::size_t N>
  Enum word(std::string_view name, const std::array<std::string_view, N>& words) {
    const std::string wanted = text(name);
    for (std::size_t i = 0; i < N; ++i) {
      if (words[i] == wanted) return static_cast<Enum>(i);
    }
    return broken(name), Enum{};
  }
  // As encode_package() wrote it.
  CodePackage package() {
    CodePackage package;
    package.blob.sha256_hex = text("blob");
    package.sha256_base64 = text("code_sha256");
    package.size_bytes = number("code_size");
    package.unpacked_bytes = number("unpacked_size");
    return package;
  }
  std::vector<std::string> texts(std::string_view name) {
    std::vector<std::string> result;
    const boost::json::value* value = object_.if_contains(name);
    if (!value || !value->is_array()) return broken(name), result;
    for (const auto& entry : value->get_array()) {
      if (!entry.is_string()) return broken(name), result;
      result.emplace_back(entry.get_string());
    }
    return result;
  }
  // Visits the objects of a list that older records lack.
  template <class Visit>
  void each_if_there(std::string_view name, const Visit& visit) {
    const boost::json::value* value = object_.if_contains(name);
    if (!value) return;
    if (!value->is_array()) return broken(name);
    for (const auto& entry : value->get_array()) {
      if (!entry.is_object()) return broken(name);
      RecordReader inner(entry.get_object());
      visit(inner);
      if (!inner.broken_.empty()) broken(inner.broken_);
    }
  }
  const std::string& first_broken() const { return broken_; }

 private:
  void broken(std::string_view name) {
    if (broken_.empty()) broken_ = name;
  }
  const boost::json::object& object_;
  std::string broken_;
};

}  // namespace hearth::functions
