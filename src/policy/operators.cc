#include "policy/operators.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "base/header.h"
#include "wire/timestamp.h"

namespace hearth::policy {
namespace {

struct Name {
  std::string_view text;
  Operator op;
  Sense sense = Sense::kListed;
};

constexpr std::array kNames{
    Name{"StringEquals", Operator::kStringEquals},
    Name{"StringNotEquals", Operator::kStringEquals, Sense::kNotListed},
    Name{"StringEqualsIgnoreCase", Operator::kStringEqualsIgnoreCase},
    Name{"StringNotEqualsIgnoreCase", Operator::kStringEqualsIgnoreCase, Sense::kNotListed},
    Name{"StringLike", Operator::kStringLike},
    Name{"StringNotLike", Operator::kStringLike, Sense::kNotListed},
    Name{"NumericEquals", Operator::kNumericEquals},
    Name{"NumericNotEquals", Operator::kNumericEquals, Sense::kNotListed},
    Name{"NumericLessThan", Operator::kNumericLessThan},
    Name{"NumericLessThanEquals", Operator::kNumericLessThanEquals},
    Name{"NumericGreaterThan", Operator::kNumericGreaterThan},
    Name{"NumericGreaterThanEquals", Operator::kNumericGreaterThanEquals},
    Name{"DateEquals", Operator::kDateEquals},
    Name{"DateNotEquals", Operator::kDateEquals, Sense::kNotListed},
    Name{"DateLessThan", Operator::kDateLessThan},
    Name{"DateLessThanEquals", Operator::kDateLessThanEquals},
    Name{"DateGreaterThan", Operator::kDateGreaterThan},
    Name{"DateGreaterThanEquals", Operator::kDateGreaterThanEquals},
    Name{"Bool", Operator::kBool},
    Name{"BinaryEquals", Operator::kBinaryEquals},
    Name{"IpAddress", Operator::kIpAddress},
    Name{"NotIpAddress", Operator::kIpAddress, Sense::kNotListed},
    Name{"ArnEquals", Operator::kArnLike},
    Name{"ArnNotEquals", Operator::kArnLike, Sense::kNotListed},
    Name{"ArnLike", Operator::kArnLike},
    Name{"ArnNotLike", Operator::kArnLike, Sense::kNotListed},
    Name{"Null", Operator::kNull},
};

std::optional<double> number_of(std::string_view text) {
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || rest != end || !std::isfinite(number)) return std::nullopt;
  return number;
}

std::optional<TimePoint> date_of(std::string_view text) {
  if (auto time = wire::parse_timestamp(text)) return time;
  return wire::parse_timestamp(std::string(text) + "T00:00:00Z");  // a day alone
}

std::optional<bool> bool_of(std::string_view text) {
  if (equals_ignore_case(text, "true")) return true;
  if (equals_ignore_case(text, "false")) return false;
  return std::nullopt;
}

struct Address {
  int family = 0;
  std::array<unsigned char, 16> bytes{};
  unsigned bits = 0;  // of the prefix
};

// "10.0.0.0/8", "2001:db8::/32", or one address.
std::optional<Address> address_of(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string host(text.substr(0, slash));
  Address address;
  address.family = host.find(':') == std::string::npos ? AF_INET : AF_INET6;
  if (host.contains('\0')) return std::nullopt;  // where inet_pton would stop
  if (inet_pton(address.family, host.c_str(), address.bytes.data()) != 1) return std::nullopt;
  const unsigned all = address.family == AF_INET ? 32 : 128;
  address.bits = all;
  if (slash == std::string_view::npos) return address;
  const std::string_view bits = text.substr(slash + 1);
  const auto [rest, error] = std::from_chars(bits.data(), bits.data() + bits.size(), address.bits);
  if (error != std::errc() || rest != bits.data() + bits.size() || address.bits > all) return std::nullopt;
  return address;
}

bool contains(const Address& range, const Address& one) {
  if (range.family != one.family || one.bits < range.bits) return false;
  const std::size_t whole = range.bits / 8;
  for (std::size_t i = 0; i < whole; ++i) {
    if (range.bytes[i] != one.bytes[i]) return false;
  }
  const unsigned rest = range.bits % 8;
  if (rest == 0) return true;
  const unsigned mask = (0xFFU << (8U - rest)) & 0xFFU;
  return (range.bytes[whole] & mask) == (one.bytes[whole] & mask);
}

enum class Type : std::uint8_t { kText, kNumber, kDate, kBool, kBinary, kAddress };

Type type_of(Operator op) {
  switch (op) {
    case Operator::kStringEquals:
    case Operator::kStringEqualsIgnoreCase:
    case Operator::kStringLike:
    case Operator::kArnLike:
      return Type::kText;
    case Operator::kNumericEquals:
    case Operator::kNumericLessThan:
    case Operator::kNumericLessThanEquals:
    case Operator::kNumericGreaterThan:
    case Operator::kNumericGreaterThanEquals:
      return Type::kNumber;
    case Operator::kDateEquals:
    case Operator::kDateLessThan:
    case Operator::kDateLessThanEquals:
    case Operator::kDateGreaterThan:
    case Operator::kDateGreaterThanEquals:
      return Type::kDate;
    case Operator::kBool:
    case Operator::kNull:
      return Type::kBool;
    case Operator::kBinaryEquals:
      return Type::kBinary;
    case Operator::kIpAddress:
      return Type::kAddress;
  }
  check_failed("a known operator", "");
}

template <class T>
bool compare(Operator op, const std::optional<T>& given, const std::optional<T>& wanted) {
  if (!given || !wanted) return false;
  switch (op) {
    case Operator::kNumericLessThan:
    case Operator::kDateLessThan:
      return *given < *wanted;
    case Operator::kNumericLessThanEquals:
    case Operator::kDateLessThanEquals:
      return *given <= *wanted;
    case Operator::kNumericGreaterThan:
    case Operator::kDateGreaterThan:
      return *given > *wanted;
    case Operator::kNumericGreaterThanEquals:
    case Operator::kDateGreaterThanEquals:
      return *given >= *wanted;
    default:
      return *given == *wanted;
  }
}

bool is_of_type(Type type, std::string_view value) {
  switch (type) {
    case Type::kText:
      return true;
    case Type::kNumber:
      return number_of(value).has_value();
    case Type::kDate:
      return date_of(value).has_value();
    case Type::kBool:
      return bool_of(value).has_value();
    case Type::kBinary:
      return base64_decode(value).has_value();
    case Type::kAddress:
      return address_of(value).has_value();
  }
  check_failed("a known type", "");
}

}  // namespace

Result<Condition> parse_operator(std::string_view name) {
  constexpr std::string_view kForAll = "ForAllValues:";
  constexpr std::string_view kForAny = "ForAnyValue:";
  constexpr std::string_view kIfExists = "IfExists";
  const auto invalid = [&] { return fail(ErrorKind::kMalformed, fmt::format("Invalid Condition type : {}.", name)); };
  Condition condition;
  std::string_view rest = name;
  if (rest.starts_with(kForAll)) {
    condition.quantifier = Quantifier::kForAll;
    rest.remove_prefix(kForAll.size());
  } else if (rest.starts_with(kForAny)) {
    condition.quantifier = Quantifier::kForAny;
    rest.remove_prefix(kForAny.size());
  }
  if (rest.ends_with(kIfExists)) {
    condition.missing = Condition::Missing::kPasses;
    rest.remove_suffix(kIfExists.size());
  }
  for (const Name& known : kNames) {
    if (!equals_ignore_case(known.text, rest)) continue;
    if (known.op == Operator::kNull && condition.missing == Condition::Missing::kPasses) return invalid();
    condition.op = known.op;
    condition.sense = known.sense;
    return condition;
  }
  return invalid();
}

std::optional<Glob::Wildcards> wildcards_of(Operator op) {
  if (type_of(op) != Type::kText) return std::nullopt;
  if (op == Operator::kStringLike) return Glob::Wildcards::kAnywhere;
  return op == Operator::kArnLike ? Glob::Wildcards::kArn : Glob::Wildcards::kNone;
}

Status check_values(const Condition& condition) {
  const Type type = type_of(condition.op);
  for (const std::string& value : condition.values) {
    if (!is_of_type(type, value)) {
      return fail(
          ErrorKind::kMalformed,
          fmt::format("The value {} of the condition key {} is not of its operator's type.", value, condition.key));
    }
  }
  return {};
}

bool satisfies(Operator op, std::string_view given, std::string_view wanted) {
  switch (type_of(op)) {
    case Type::kText:
      return false;
    case Type::kNumber:
      return compare(op, number_of(given), number_of(wanted));
    case Type::kDate:
      return compare(op, date_of(given), date_of(wanted));
    case Type::kBool:
      return compare(op, bool_of(given), bool_of(wanted));
    case Type::kBinary:
      return compare(op, base64_decode(given), base64_decode(wanted));
    case Type::kAddress: {
      const auto one = address_of(given);
      const auto range = address_of(wanted);
      return one && range && contains(*range, *one);
    }
  }
  check_failed("a known type", "");
}

}  // namespace hearth::policy
