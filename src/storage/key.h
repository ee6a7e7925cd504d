#pragma once
// Keys: how every row's name is built, so that accounts, regions and shards can be split later without moving data.
//
// Layout: space | account | region | shard | part | part ... where | is \0\1 and a \0 inside a part becomes \0\xff, so
// that order is by part, any bytes may stand in a part, and no part can pretend to be two. The shard is "00" until
// there are several.
//
// Tests: key_test.cc

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::storage {

// A complete key. `space` names the table ("lambda.function"), owned by one store.cc alone.
std::string make_key(std::string_view space, std::string_view account, std::string_view region,
                     std::initializer_list<std::string_view> parts);
// The prefix of all keys that begin with these parts and have more (ends with the separator, so it never matches the
// key made of exactly these parts).
std::string key_prefix(std::string_view space, std::string_view account, std::string_view region,
                       std::initializer_list<std::string_view> parts = {});
// The prefix of everything in a space, all accounts and regions.
std::string space_prefix(std::string_view space);
// The parts after the shard of a key made by make_key; empty if malformed.
std::vector<std::string> key_parts(std::string_view key);
// Account and region of a key made by make_key.
struct KeyOwner {
  std::string account;
  std::string region;
};
KeyOwner key_owner(std::string_view key);
// A number as 8 big-endian bytes: sorts numerically.
std::string sortable(std::uint64_t number);
std::uint64_t from_sortable(std::string_view bytes);  // 0 unless it is 8 bytes

}  // namespace hearth::storage
