#include "wire/document.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <charconv>
#include <utility>
#include <vector>

namespace hearth::wire {

namespace json = boost::json;

const json::value* Document::parse_json(std::string_view text, std::string& why) {
  json::parse_options options;
  options.max_depth = kMaxDepth;
  boost::system::error_code error;
  value_.emplace(json::parse(text, error, &memory_, options));
  if (error) {
    why = error.message();
    return nullptr;
  }
  return &*value_;
}

namespace {

// The position a segment spells, if it is one: "1", "12".
std::optional<std::size_t> list_index(std::string_view text) {
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return index;
}

// Turns objects whose names are all positions into lists, and ones that only wrap such a list into that list.
void fold_lists(json::value& value) {
  if (!value.is_object()) return;
  json::object& members = value.get_object();
  for (auto& member : members) fold_lists(member.value());
  if (members.size() == 1) {
    const std::string_view name = members.begin()->key();
    if ((name == "member" || name == "entry") && members.begin()->value().is_array()) {
      json::value inner = std::move(members.begin()->value());
      value = std::move(inner);
      return;
    }
  }
  std::vector<std::pair<std::size_t, json::value*>> items;
  for (auto& member : members) {
    const auto index = list_index(member.key());
    if (!index) return;
    items.emplace_back(*index, &member.value());
  }
  if (items.empty()) return;
  std::ranges::sort(items, {}, &std::pair<std::size_t, json::value*>::first);
  json::array list(value.storage());
  list.reserve(items.size());
  for (auto& [index, item] : items) list.push_back(std::move(*item));
  value = std::move(list);
}

}  // namespace

const json::value* Document::build_form(const Parameters& parameters, std::string& why) {
  if (parameters.size() > kMaxParameters) {
    why = "too many parameters";
    return nullptr;
  }
  json::value& root = value_.emplace(json::object(&memory_));
  for (const auto& [name, text] : parameters) {
    json::object* at = &root.get_object();
    std::string_view rest = name;
    for (std::size_t depth = 0;; ++depth) {
      if (depth == kMaxDepth) {
        why = "parameter name too deep";
        return nullptr;
      }
      const std::size_t dot = rest.find('.');
      const std::string_view segment = rest.substr(0, dot);
      if (dot == std::string_view::npos) {
        auto [member, is_new] = at->emplace(segment, text);
        if (!is_new) {
          if (member->value().is_object()) {
            why = "parameter " + name + " is both a value and a structure";
            return nullptr;
          }
          member->value() = text;
        }
        break;
      }
      auto [member, is_new] = at->emplace(segment, json::object(&memory_));
      if (!is_new && !member->value().is_object()) {
        // An empty value marks an empty list; what follows fills it.
        if (!member->value().get_string().empty()) {
          why = "parameter " + name + " is both a value and a structure";
          return nullptr;
        }
        member->value() = json::object(&memory_);
      }
      at = &member->value().get_object();
      rest.remove_prefix(dot + 1);
    }
  }
  fold_lists(root);
  if (!root.is_object()) {
    why = "parameters without names";
    return nullptr;
  }
  return &root;
}

}  // namespace hearth::wire
