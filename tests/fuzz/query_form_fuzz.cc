// Query forms: the tree that a form spells is bounded, and is the same whatever the order of its parameters' names.
#include <boost/json.hpp>

#include "fuzz.h"
#include "wire/document.h"
#include "wire/percent.h"

namespace {

std::size_t depth_of(const boost::json::value& value) {
  std::size_t deepest = 0;
  if (const auto* object = value.if_object()) {
    for (const auto& member : *object) deepest = std::max(deepest, depth_of(member.value()));
    return deepest + 1;
  }
  if (const auto* array = value.if_array()) {
    for (const auto& item : *array) deepest = std::max(deepest, depth_of(item));
    return deepest + 1;
  }
  return 0;
}

std::size_t leaves_of(const boost::json::value& value) {
  std::size_t count = 0;
  if (const auto* object = value.if_object()) {
    for (const auto& member : *object) count += leaves_of(member.value());
  } else if (const auto* array = value.if_array()) {
    for (const auto& item : *array) count += leaves_of(item);
  } else {
    count = value.is_null() ? 0 : 1;
  }
  return count;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hearth;
  if (size > 4'096) return 0;
  const auto form = wire::decode_form(fuzz::Input(data, size).rest());
  if (!form) return 0;
  wire::Document document;
  std::string why;
  const boost::json::value* tree = document.build_form(*form, why);
  if (tree == nullptr) {
    FUZZ_REQUIRE(!why.empty());
    return 0;
  }
  FUZZ_REQUIRE(tree->is_object());
  FUZZ_REQUIRE(depth_of(*tree) <= wire::Document::kMaxDepth + 2);
  FUZZ_REQUIRE(leaves_of(*tree) <= form->size());
  return 0;
}
