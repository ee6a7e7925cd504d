#include "wire/pattern.h"

#include <re2/re2.h>

#include <memory>

#include "base/check.h"

namespace hearth::wire {
namespace {

RE2::Options options() {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_never_capture(true);
  options.set_max_mem(4 << 20U);
  return options;
}

}  // namespace

struct Pattern::Compiled {
  explicit Compiled(const Pattern& pattern)
      : accept(pattern.accept_, options()), refuse(pattern.refuse_, options()), refuses(*pattern.refuse_ != '\0') {}
  RE2 accept;
  RE2 refuse;
  bool refuses;
};

const Pattern::Compiled& Pattern::compiled() const {
  if (const Compiled* ready = compiled_.load(std::memory_order_acquire)) return *ready;
  auto made = std::make_unique<const Compiled>(*this);
  const Compiled* expected = nullptr;
  if (compiled_.compare_exchange_strong(expected, made.get(), std::memory_order_acq_rel)) return *made.release();
  return *expected;
}

bool Pattern::compiles() const { return compiled().accept.ok() && compiled().refuse.ok(); }

bool Pattern::matches(std::string_view value) const {
  const Compiled& expressions = compiled();
  HEARTH_CHECK(expressions.accept.ok() && expressions.refuse.ok(), std::string(text_));
  const re2::StringPiece piece(value.data(), value.size());
  if (expressions.refuses && RE2::FullMatch(piece, expressions.refuse)) return false;
  return RE2::FullMatch(piece, expressions.accept);
}

}  // namespace hearth::wire
