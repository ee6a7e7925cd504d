#pragma once
// Pattern: a model's regular expression, matched against a whole value. Compiled by RE2 on first use, then kept.

#include <atomic>
#include <string_view>

namespace hearth::wire {

// Constant tables of the generated code hold these. Thread: any; two threads that meet at the first use both compile
// and one result is kept.
class Pattern {
 public:
  // `text` is how AWS writes it (messages show that), `accept` the same for RE2, `refuse` what look-arounds exclude
  // (models/patterns.json), empty if nothing.
  constexpr Pattern(std::string_view text, const char* accept, const char* refuse = "")
      : text_(text), accept_(accept), refuse_(refuse) {}
  Pattern(const Pattern&) = delete;
  Pattern& operator=(const Pattern&) = delete;

  std::string_view text() const { return text_; }
  bool matches(std::string_view value) const;
  // Whether RE2 takes both expressions; for tests.
  bool compiles() const;

 private:
  struct Compiled;
  const Compiled& compiled() const;

  std::string_view text_;
  const char* accept_;
  const char* refuse_;
  mutable std::atomic<const Compiled*> compiled_ = nullptr;  // lives as long as the process
};

}  // namespace hearth::wire
