// JSON: three readers agree. Event payloads are checked without building anything, request bodies become trees, and
// Boost.JSON is the oracle of both; what is written as a string reads back.
#include <boost/json.hpp>

#include "base/json_text.h"
#include "fuzz.h"
#include "invocation/json_check.h"
#include "wire/document.h"
#include "wire/json_writer.h"

namespace {

namespace json = boost::json;

// Nothing if `text` is not JSON of at most `depth` levels.
std::optional<json::value> oracle(std::string_view text, std::size_t depth) {
  json::parse_options options;
  options.max_depth = depth;
  json::error_code error;
  json::value value = json::parse(text, error, {}, options);
  if (error) return std::nullopt;
  return value;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hearth;
  const std::string text = fuzz::Input(data, size).rest();
  const auto problem = invocation::json_problem(text);
  const auto expected = oracle(text, 1'000);
  // Boost refuses numbers whose exponent it cannot hold and escapes of half a surrogate pair; in an event they are
  // fine.
  const bool has_exponent = text.find_first_of("eE") != std::string::npos;
  const bool has_surrogate = text.find("\\ud") != std::string::npos || text.find("\\uD") != std::string::npos;
  if (!has_exponent && !has_surrogate) FUZZ_REQUIRE(!problem.has_value() == expected.has_value());
  if (expected) FUZZ_REQUIRE(!problem);
  if (problem) FUZZ_REQUIRE(problem->find("line") != std::string::npos && problem->size() < 512);

  wire::Document document;
  std::string why;
  const json::value* tree = document.parse_json(text, why);
  const auto shallow = oracle(text, wire::Document::kMaxDepth);
  FUZZ_REQUIRE((tree != nullptr) == shallow.has_value());
  if (tree != nullptr) {
    FUZZ_REQUIRE(*tree == *shallow);
    const std::string written = json::serialize(*tree);
    // A number that no double holds is written as a word.
    FUZZ_REQUIRE(!invocation::json_problem(written) || written.find("Infinity") != std::string::npos);
  } else {
    FUZZ_REQUIRE(!why.empty());
  }

  std::string quoted;
  append_json_string(quoted, text);
  FUZZ_REQUIRE(!invocation::json_problem(quoted));
  const auto read = oracle(quoted, 1);
  FUZZ_REQUIRE(read && read->is_string());
  std::string twice;
  append_json_string(twice, read->as_string());
  FUZZ_REQUIRE(twice == quoted);  // bytes that are not UTF-8 are replaced once
  return 0;
}
