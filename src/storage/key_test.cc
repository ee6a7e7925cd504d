#include "storage/key.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace hearth::storage {
namespace {

using std::string_literals::operator""s;

TEST(Key, GivesBackItsPartsAndOwner) {
  const std::string key = make_key("lambda.function", "123456789012", "eu-west-1", {"f", "$LATEST"});
  EXPECT_EQ(key_parts(key), (std::vector<std::string>{"f", "$LATEST"}));
  EXPECT_EQ(key_owner(key).account, "123456789012");
  EXPECT_EQ(key_owner(key).region, "eu-west-1");
}

TEST(Key, PartsMayHoldAnyBytesAndCannotPretendToBeTwo) {
  const std::string sneaky = "a\0\x01"s + "b";
  EXPECT_EQ(key_parts(make_key("s", "1", "r", {sneaky, "", "\xff\0\xff"s})),
            (std::vector<std::string>{sneaky, "", "\xff\0\xff"s}));
  EXPECT_NE(make_key("s", "1", "r", {sneaky}), make_key("s", "1", "r", {"a", "b"}));
  EXPECT_NE(make_key("s", "1", "r", {"a", "\xff"}), make_key("s", "1", "r", {"a\0"s, ""}));
}

TEST(Key, SortsByPart) {
  std::vector<std::vector<std::string>> parts = {{""},      {"", "z"},  {"\0"s},  {"\0"s, "a"}, {"a"},
                                                 {"a", ""}, {"a", "b"}, {"a\0"s}, {"a\0z"s},    {"a\x01"},
                                                 {"ab"},    {"a\xff"},  {"b"},    {"\xff"},     {"\xff", "a"}};
  std::ranges::sort(parts);
  std::vector<std::string> keys;
  for (const auto& p : parts) {
    keys.push_back(p.size() == 1 ? make_key("s", "1", "r", {p[0]}) : make_key("s", "1", "r", {p[0], p[1]}));
  }
  EXPECT_TRUE(std::ranges::is_sorted(keys));
}

TEST(Key, APrefixMatchesLongerKeysOnly) {
  const std::string prefix = key_prefix("s", "1", "r", {"f"});
  EXPECT_TRUE(make_key("s", "1", "r", {"f", "1"}).starts_with(prefix));
  EXPECT_FALSE(make_key("s", "1", "r", {"f"}).starts_with(prefix));
  EXPECT_FALSE(make_key("s", "1", "r", {"ff", "1"}).starts_with(prefix));
  EXPECT_TRUE(prefix.starts_with(space_prefix("s")));
  EXPECT_FALSE(prefix.starts_with(space_prefix("")));
}

TEST(Key, MalformedKeysHaveNoParts) {
  EXPECT_TRUE(key_parts("").empty());
  EXPECT_TRUE(key_parts("x\0"s).empty());
  EXPECT_TRUE(key_parts("s\0\x01"s + "a\0\x02"s).empty());
  EXPECT_EQ(key_owner("nothing").account, "");
}

TEST(Key, SortableNumbersSortAsNumbers) {
  const std::vector<std::uint64_t> numbers = {0, 1, 255, 256, 65'535, 1ULL << 32U, ~0ULL};
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    EXPECT_EQ(from_sortable(sortable(numbers[i])), numbers[i]);
    if (i > 0) {
      EXPECT_LT(sortable(numbers[i - 1]), sortable(numbers[i]));
    }
  }
  EXPECT_EQ(from_sortable("short"), 0U);
}

}  // namespace
}  // namespace hearth::storage
