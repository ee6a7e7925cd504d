#pragma once
// Glob: text of a policy with wildcards, matched in bounded time.
//
// `*` stands for any text, `?` for one character. In the ARN of a resource a `*` that is not the last character of a
// colon-separated segment stays inside its segment. Patterns are hostile input: every comparison takes from a budget of
// steps, and when that is spent nothing matches any more; whoever decides must then refuse.
//
// Path: evaluate.h, condition.h -> here        Tests: glob_test.cc

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace hearth::policy {

// What one decision may spend: a few milliseconds of comparisons.
class Steps {
 public:
  static constexpr std::int64_t kDefault = 400'000;
  explicit Steps(std::int64_t steps = kDefault) : all_(steps), left_(steps) {}
  // False once all are spent.
  bool take() { return --left_ >= 0; }
  bool spent() const { return left_ < 0; }
  std::int64_t used() const { return all_ - left_; }

 private:
  std::int64_t all_;
  std::int64_t left_;
};

class Glob {
 public:
  enum class Wildcards : std::uint8_t { kNone, kAnywhere, kArn };

  // Appends text that stands for itself.
  void append_literal(std::string_view text);
  // Appends text of a policy, in which `*` and `?` are wildcards as `kind` says. `after` is what follows this text.
  void append_pattern(std::string_view text, Wildcards kind, char after = '\0');
  void append(const Glob& other) { codes_ += other.codes_; }

  bool matches(std::string_view text, Steps& steps) const;

 private:
  std::u16string codes_;  // bytes, and wildcards above them
};

}  // namespace hearth::policy
