#include "storage/key.h"

#include <optional>

namespace hearth::storage {
namespace {

constexpr char kEscape = '\0';
constexpr char kSeparator = '\x01';
constexpr char kEscapedZero = '\xff';
constexpr std::string_view kShard = "00";
constexpr std::size_t kOwnerParts = 4;  // space, account, region, shard

void append_part(std::string& key, std::string_view part) {
  for (const char c : part) {
    key.push_back(c);
    if (c == kEscape) key.push_back(kEscapedZero);
  }
}

void append_separator(std::string& key) {
  key.push_back(kEscape);
  key.push_back(kSeparator);
}

// Every part of a key, or nothing if an escape is not one of ours.
std::optional<std::vector<std::string>> split(std::string_view key) {
  std::vector<std::string> parts(1);
  for (std::size_t i = 0; i < key.size(); ++i) {
    if (key[i] != kEscape) {
      parts.back().push_back(key[i]);
      continue;
    }
    if (++i == key.size()) return std::nullopt;
    if (key[i] == kSeparator) {
      parts.emplace_back();
    } else if (key[i] == kEscapedZero) {
      parts.back().push_back(kEscape);
    } else {
      return std::nullopt;
    }
  }
  return parts;
}

}  // namespace

std::string space_prefix(std::string_view space) {
  std::string key;
  append_part(key, space);
  append_separator(key);
  return key;
}

std::string key_prefix(std::string_view space, std::string_view account, std::string_view region,
                       std::initializer_list<std::string_view> parts) {
  std::string key;
  for (const std::string_view part : {space, account, region, kShard}) {
    append_part(key, part);
    append_separator(key);
  }
  for (const std::string_view part : parts) {
    append_part(key, part);
    append_separator(key);
  }
  return key;
}

std::string make_key(std::string_view space, std::string_view account, std::string_view region,
                     std::initializer_list<std::string_view> parts) {
  std::string key = key_prefix(space, account, region, parts);
  key.resize(key.size() - 2);  // a prefix ends with the separator, a key does not
  return key;
}

std::vector<std::string> key_parts(std::string_view key) {
  auto parts = split(key);
  if (!parts || parts->size() <= kOwnerParts) return {};
  return {std::make_move_iterator(parts->begin() + kOwnerParts), std::make_move_iterator(parts->end())};
}

KeyOwner key_owner(std::string_view key) {
  const auto parts = split(key);
  if (!parts || parts->size() < kOwnerParts) return {};
  return {.account = (*parts)[1], .region = (*parts)[2]};
}

std::string sortable(std::uint64_t number) {
  std::string bytes(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<char>(number >> (56U - 8U * i));
  return bytes;
}

std::uint64_t from_sortable(std::string_view bytes) {
  if (bytes.size() != 8) return 0;
  std::uint64_t number = 0;
  for (const char c : bytes) number = number << 8U | static_cast<unsigned char>(c);
  return number;
}

}  // namespace hearth::storage
