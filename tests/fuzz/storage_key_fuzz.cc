// Keys: parts of any bytes go together and come apart, in the order of the parts; nothing pretends to be another key.
// Two lists of three parts, divided by newlines.
#include <array>

#include "fuzz.h"
#include "storage/key.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hearth;
  fuzz::Input input(data, size);
  std::array<std::vector<std::string>, 2> lists;
  for (auto& list : lists) list = {input.line(), input.line(), input.line()};
  std::array<std::string, 2> keys;
  for (std::size_t i = 0; i < 2; ++i) {
    const auto& parts = lists[i];
    keys[i] = storage::make_key("space", parts[0], "region", {parts[1], parts[2]});
    FUZZ_REQUIRE(storage::key_parts(keys[i]) == std::vector<std::string>({parts[1], parts[2]}));
    FUZZ_REQUIRE(storage::key_owner(keys[i]).account == parts[0]);
    FUZZ_REQUIRE(keys[i].starts_with(storage::key_prefix("space", parts[0], "region", {parts[1]})));
  }
  FUZZ_REQUIRE((keys[0] < keys[1]) == (lists[0] < lists[1]));
  FUZZ_REQUIRE((keys[0] == keys[1]) == (lists[0] == lists[1]));
  (void)storage::key_parts(lists[0][0]);
  (void)storage::key_owner(lists[0][0]);
  return 0;
}
