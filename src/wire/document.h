#pragma once
// Document: a request body as a tree of JSON values, parsed within strict limits.

#include <array>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "wire/percent.h"

namespace hearth::wire {

// Owns the memory of its tree. Not movable; lives on the decoder's stack.
class Document {
 public:
  static constexpr std::size_t kMaxDepth = 100;          // nested lists and structures
  static constexpr std::size_t kMaxParameters = 20'000;  // of a form

  Document() = default;
  Document(const Document&) = delete;
  Document& operator=(const Document&) = delete;

  // Parses JSON: UTF-8 checked, numbers in range, nothing after the value; of a repeated name the last one counts.
  // Nothing if it is malformed; `why` then says what is wrong.
  const boost::json::value* parse_json(std::string_view text, std::string& why);

  // Builds the tree that a query form spells: "A.B=1" is {"A":{"B":"1"}}, "A.member.1=x" and "A.1=x" are {"A":["x"]},
  // "A.entry.1.key=k" is {"A":[{"key":"k"}]}. Leaves are strings. Nothing if a name stands for two things.
  const boost::json::value* build_form(const Parameters& parameters, std::string& why);

 private:
  std::array<unsigned char, 4096> buffer_{};
  boost::json::monotonic_resource memory_{buffer_.data(), buffer_.size()};
  std::optional<boost::json::value> value_;
};

}  // namespace hearth::wire
